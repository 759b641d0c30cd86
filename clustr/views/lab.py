"""The screens of `clustr lab`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence

from clustr.lab.model import Lab, LabNode, Origin
from clustr.lab.status import LabStatus, NodeStatus, to_json
from clustr.views.documents import write
from clustr.views.screen import Screen
from clustr.views.units import count, duration

PLACES = {
    Origin.RELEASES: "k3s as released",
    Origin.MIRROR: "k3s from its mirror",
    Origin.FOLDER: "k3s from its folder, if it holds one",
    Origin.NOTHING: "no k3s: nodes alone",
}


def progress() -> Callable[[str], None]:
    """Takes what a lab says while it works; each line goes to stderr with the time since the first."""
    screen, begun = Screen(sys.stderr), time.monotonic()
    return lambda line: screen.show([f"  {duration(time.monotonic() - begun):>8}  {line}"])


def show_up(lab: Lab) -> None:
    Screen(sys.stdout).show(up_lines(lab))


def show_down(name: str, *, found: bool) -> None:
    gone = f"Lab {name} is gone, with all it had on this machine."
    Screen(sys.stdout).show([gone if found else f"There is no lab {name}; nothing was changed."])


def show_faults(node: LabNode, on: Sequence[str]) -> None:
    Screen(sys.stdout).show([f"{node.name}: {', '.join(on) if on else 'no fault is on'}."])


def show_none() -> None:
    Screen(sys.stdout).show(["There is no lab on this machine. Make one: clustr lab up"])


def show_status(found: Sequence[LabStatus]) -> None:
    if not found:
        show_none()
    for status in found:
        Screen(sys.stdout).show(status_lines(status))


def show_status_json(found: Sequence[LabStatus]) -> None:
    write(to_json(found))


def up_lines(lab: Lab) -> list[str]:
    """What there is now, and what to try; nodes alone have nothing to bootstrap k3s from."""
    first = lab.nodes[0].name
    next_step = f"clustr {'plan' if lab.source.origin is Origin.NOTHING else 'bootstrap'} {lab.inventory}"
    nodes = f"{count(len(lab.nodes), 'node')} with Debian {releases(lab)}"
    return [
        f"Lab {lab.name} is up: {nodes} on {lab.network}, {k3s(lab)}.",
        *_about_gpus(lab),
        *(f"  {line}" for line in (next_step, f"clustr lab ssh {lab.name}/{first}", f"clustr lab down {lab.name}")),
    ]


def _about_gpus(lab: Lab) -> Iterator[str]:
    """Nobody takes them for real ones."""
    if with_gpus := [node.name for node in lab.nodes if node.gpus]:
        yield f"The GPUs of {', '.join(with_gpus)} are stand-ins, and so are nvidia-smi and what loads their driver."


def status_lines(status: LabStatus) -> list[str]:
    lab = status.lab
    unfinished = "" if lab.ready else "   not finished: clustr lab down " + lab.name
    width = max(len(node.name) for node in lab.nodes) if lab.nodes else 0
    return [
        f"{lab.name}   {count(len(lab.nodes), 'node')}   Debian {releases(lab)}   {k3s(lab)}{unfinished}",
        *(_node_line(lab, found, width) for found in status.nodes),
        f"  {lab.inventory}",
        "",
    ]


def releases(lab: Lab) -> str:
    """All that its nodes run, the lab's own first."""
    return ", ".join(dict.fromkeys([lab.release, *(node.release for node in lab.nodes)]))


def k3s(lab: Lab) -> str:
    """Which k3s its nodes are to run; one that only stands in for k3s is never called k3s alone."""
    source = lab.source
    if source.k3s_version:
        return f"{source.k3s_version} (stand-in, not k3s)" if source.stand_in else f"k3s {source.k3s_version}"
    return PLACES[source.origin]


def _node_line(lab: Lab, found: NodeStatus, width: int) -> str:
    node = found.node
    state = "✗ down" if found.uptime is None else "✓ up  "
    addresses = f"{node.address} {node.internal_address}" if node.internal_address else f"{node.address}"
    roles = ", ".join(node.roles)
    since = "" if found.uptime is None else duration(found.uptime)
    kind = [node.release] if node.release != lab.release else []
    gpus = [f"{node.gpus.count} × {node.gpus.model} (stand-ins)"] if node.gpus else []
    special = ", ".join([*gpus, *kind, *node.traits])
    return f"  {state}  {node.name:<{width}}  {addresses:<12}  {roles:<16}  {since:<12}  {special}".rstrip()

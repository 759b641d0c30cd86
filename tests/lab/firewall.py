"""Cut connections: rules of a firewall on this machine, between the clustr that runs here and a lab's nodes."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from clustr.lab.model import Lab


@contextmanager
def _table(lab: Lab, sets: str, match: str) -> Iterator[Callable[[str], None]]:
    """Drops what `match` says, with {side} as s or d; what is given takes something out of a set."""
    table = f"inet clustr_test_{lab.number}"
    chains = "".join(
        f"chain {hook} {{ type filter hook {hook} priority 0; {match.format(near=near, far=far)} drop; }}\n"
        for hook, near, far in (("input", "d", "s"), ("output", "s", "d"))
    )
    subprocess.run(["nft", "-f", "-"], input=f"table {table} {{ {sets}\n{chains}}}\n", text=True, check=True)
    try:
        yield lambda element: _nft(f"delete element {table} cut {{ {element} }}")
    finally:
        _nft(f"delete table {table}")


def _nft(command: str) -> None:
    subprocess.run(["nft", command], check=True)


@contextmanager
def cut_off(lab: Lab, *names: str) -> Iterator[Callable[..., None]]:
    """No packet of ssh goes to these nodes or comes from them; what is given lets those it names through again."""
    addresses = {name: str(lab.node(name).address) for name in names}
    sets = f"set cut {{ type ipv4_addr; elements = {{ {', '.join(addresses.values())} }}; }}"
    with _table(lab, sets, "ip {far}addr @cut tcp {far}port 22") as take_out:

        def heal(*healed: str) -> None:
            for name in healed:
                take_out(addresses[name])

        yield heal


@contextmanager
def old_connections_dropped(lab: Lab, pid: int) -> Iterator[None]:
    """The connections that the process has now are dead, new ones work: a laptop in another network."""
    listed = subprocess.run(["ss", "-Htnp"], capture_output=True, text=True, check=True).stdout
    ports = [
        found[1]
        for line in listed.splitlines()
        if f"pid={pid}," in line and (found := re.search(r":(\d+)\s+\S+:22\s", line))
    ]
    assert ports, listed
    sets = f"set cut {{ type inet_service; elements = {{ {', '.join(ports)} }}; }}"
    with _table(lab, sets, f"ip {{far}}addr {lab.network} tcp {{near}}port @cut"):
        yield

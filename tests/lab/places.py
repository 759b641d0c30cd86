"""A bootstrap that comes to four places at once, on four nodes, so that one interruption hits all of them.

    python -m tests.lab.places INVENTORY [SECONDS]

agent1 is in the postinst of a package, cp2 between a file and the restart of its unit, cp3 joins as a server, agent2
is drained and not yet uncordoned. `Places` builds that on the nodes: each tells by a file that its place is reached,
and stays there until it is let go. SECONDS is how long a node that is cut off is waited for.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import cast

from clustr import actions
from clustr import lab as labs
from clustr.components import base_os, k3s_server, node_exporter
from clustr.engine import apply
from clustr.engine.goal import Disrupts, Goal
from clustr.engine.makers import step
from clustr.engine.stage import Component, Stage
from clustr.inventory.model import Cluster, Node, Role
from clustr.remote.facts import Seen
from clustr.session import Options
from clustr.stages import STAGES, other_servers
from clustr.views.view import Output, choose_view
from tests.lab.cluster import LabCluster

PACKAGE = "clustr-test-slow"
HERE, GO = "/run/clustr-test-here", "/run/clustr-test-go"
RUNS = "/var/tmp/clustr-test-postinst"  # outlives a boot
EXPORTER = "prometheus-node-exporter"
ETCD = "/var/lib/rancher/k3s/server/db/etcd/member"

WAIT = f"touch {HERE}; until [ -e {GO} ]; do sleep 0.2; done"
# Its 20 seconds begin when the other nodes are at their places too; after a boot nobody lets it go any more. All nodes
# get the package, but only one takes its time.
POSTINST = f"""#!/bin/sh
echo run >>{RUNS}
if [ "$(uname -n)" != agent1 ]; then exit 0; fi
if [ "$(wc -l <{RUNS})" = 1 ]; then {WAIT}; fi
sleep 20
"""
SYSTEMCTL = f"""#!/bin/bash
case "$*" in *restart*{EXPORTER}*) {WAIT} ;; esac
exec /usr/bin/systemctl "$@"
"""
JOINING = f"""
until [ -d {ETCD} ] && [ "$(systemctl is-active k3s)" = activating ]; do sleep 0.05; done
kill -STOP "$(systemctl show -p MainPID --value k3s)"
{WAIT}
kill -CONT "$(systemctl show -p MainPID --value k3s)"
"""


class Place(StrEnum):
    POSTINST = "in a postinst"
    RESTART = "between file and restart"
    JOIN = "while a server joins"
    DRAIN = "between drain and uncordon"


NODES = {Place.POSTINST: "agent1", Place.RESTART: "cp2", Place.JOIN: "cp3", Place.DRAIN: "agent2"}


@dataclass(frozen=True)
class Places:
    """The four places on the nodes of a running cluster."""

    cluster: LabCluster

    @property
    def inventory(self) -> Path:
        """The lab's own, and one package more."""
        return self.cluster.variant("slow-package", lambda document: document.update(system={"packages": [PACKAGE]}))

    def build(self) -> None:
        """Gives cp3 back as an empty machine, and makes the other three want something."""
        on = self.cluster.on
        labs.reset_node(self.cluster.lab, "cp3", lambda line: None)
        on("cp1", "k3s kubectl delete node cp3 --ignore-not-found")
        on("cp3", f"systemd-run --quiet --collect --unit=clustr-test bash -c '{JOINING}'")
        for node in self.cluster.nodes:
            on(node, f"dpkg --purge {PACKAGE} 2>/dev/null; rm -f {RUNS}; {apt_repository()}")
        on("cp2", f"echo '# by hand' >>/etc/default/{EXPORTER}; systemctl restart {EXPORTER}")
        on("cp2", f"cat >/usr/local/sbin/systemctl <<'END'\n{SYSTEMCTL}END\nchmod 755 /usr/local/sbin/systemctl")
        for node in NODES.values():
            on(node, f"rm -f {HERE} {GO} /etc/clustr-test")

    def wait(self, run: subprocess.Popen[str], within: float = 400) -> None:
        """Until each node is at its place; what waits there is taken out of the way of every later run."""
        deadline, left = time.monotonic() + within, set(NODES.values())
        while left:
            assert run.poll() is None, f"the run ended with {run.returncode} before {left} came to their places"
            assert time.monotonic() < deadline, f"{left} did not come to their places"
            left = {node for node in left if not self.cluster.on(node, f"ls {HERE} 2>/dev/null || true").strip()}
        self.cluster.on("cp2", "rm -f /usr/local/sbin/systemctl")
        self.let_go(NODES[Place.POSTINST])

    def what_is_there(self) -> dict[Place, str]:
        """What shows, past clustr, that each node is where it should be."""
        on = self.cluster.on
        drained = "{.spec.unschedulable} {.metadata.annotations.clustr\\.io/cordoned}"
        return {
            Place.POSTINST: on("agent1", f"dpkg-query -W -f '${{db:Status-Status}}' {PACKAGE}"),
            Place.RESTART: on("cp2", f"grep -c 'by hand' /etc/default/{EXPORTER} || systemctl is-active {EXPORTER}"),
            Place.JOIN: on("cp3", "systemctl is-active k3s || true"),
            Place.DRAIN: on("cp1", f"k3s kubectl get node agent2 -o jsonpath='{drained}'"),
        }

    def let_go(self, *nodes: str) -> None:
        for node in nodes:
            self.cluster.on(node, f"touch {GO}")


def apt_repository() -> str:
    """Bash that makes a file: repository with the slow package, and lets apt know of it."""
    with TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        (root / "DEBIAN").mkdir(parents=True)
        control = f"Package: {PACKAGE}\nVersion: 1.0\nArchitecture: all\nMaintainer: test <test@example.com>\n"
        control += "Description: takes its time\n"
        (root / "DEBIAN/control").write_text(control)
        (root / "DEBIAN/postinst").write_text(POSTINST)
        (root / "DEBIAN/postinst").chmod(0o755)
        file = Path(folder) / f"{PACKAGE}.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "--build", root, file], check=True, capture_output=True)
        deb = file.read_bytes()
    index = f"{control}Filename: ./{PACKAGE}.deb\nSize: {len(deb)}\nSHA256: {hashlib.sha256(deb).hexdigest()}\n"
    return f"""
        mkdir -p /srv/clustr-test && cd /srv/clustr-test || exit
        base64 -d >{PACKAGE}.deb <<<{base64.b64encode(deb).decode()}
        base64 -d >Packages <<<{base64.b64encode(index.encode()).decode()}
        echo 'deb [trusted=yes] file:/srv/clustr-test ./' >/etc/apt/sources.list.d/clustr-test.list
        """


def wanted(_cluster: Cluster, node: Node, _seen: Seen) -> Iterable[Goal]:
    if node.name == NODES[Place.DRAIN]:
        yield step(
            "changed while drained",
            probe="cat /etc/clustr-test 2>/dev/null || echo absent",
            wanted="changed",
            apply=f"{WAIT}\necho changed >/etc/clustr-test",
            undo="rm -f /etc/clustr-test",
            disrupts=Disrupts.WORKLOADS,
        )


def only(component: Component, holds: Callable[[Node], bool]) -> Component:
    def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
        return component.goals(cluster, node, seen) if holds(node) else ()

    return cast(Component, SimpleNamespace(__name__=component.__name__, goals=goals))


def at(place: Place) -> Callable[[Node], bool]:
    return lambda node: node.name == NODES[place]


def elsewhere(place: Place) -> Callable[[Node], bool]:
    return lambda node: node.name != NODES[place]


LATE: dict[object, Place] = {base_os: Place.POSTINST, node_exporter: Place.RESTART}  # what comes with the join


def together(cluster: Cluster, seen: Seen) -> Sequence[Node]:
    return (*other_servers(cluster, seen), *cluster.agents)


def stages() -> tuple[Stage, ...]:
    """The product's own, but for one in which all four nodes are at work at the same time."""
    own = cast(Component, SimpleNamespace(__name__="places", goals=wanted))
    found = []
    for stage in STAGES:
        if stage.title == "Other servers":
            late = (only(base_os, at(Place.POSTINST)), only(node_exporter, at(Place.RESTART)))
            joins = only(k3s_server, lambda node: node.has(Role.SERVER))
            stage = Stage("All places", together, (*late, joins, own))
        elif node_exporter in stage.components:
            early = tuple(only(each, elsewhere(LATE[each])) if each in LATE else each for each in stage.components)
            stage = Stage(stage.title, stage.nodes, early, stage.at_once)
        found.append(stage)
    return tuple(found)


def main(inventory: str, seconds: str = "") -> int:
    apply.RECONNECT_WITHIN = float(seconds or apply.RECONNECT_WITHIN)
    view = choose_view(Output.JSON, sys.stderr, Path(inventory))
    ended = actions.bootstrap(Path(inventory), Options(stages=stages()), view, lambda *_: True)
    assert ended is not None
    for node, error in ended.report.failed.items():
        print(node, type(error).__name__, error.problem)
    return 6 if ended.report.failed or ended.report.skipped else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

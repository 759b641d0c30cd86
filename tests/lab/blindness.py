"""Takes programs away from a real node, one at a time, and tells what the checks that use them say then.

Run under `python -O`, where testinfra's own asserts are gone: python -O -m tests.lab.blindness LAB NODE
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from clustr import lab as labs
from clustr.checks.catalogue import all_checks, only
from clustr.checks.run import check_node
from clustr.inventory.load import load
from clustr.inventory.model import Cluster, Node
from clustr.lab.model import Lab, LabNode
from clustr.remote.ssh import Network
from tests.unit.checks.recorded import Recorder

CARRIERS = ("base64", "mktemp", "timeout")  # what every question is carried by


def main(lab_name: str, node_name: str) -> dict[str, object]:
    lab = labs.load(lab_name)
    cluster = load(lab.inventory)
    node = cluster.node(node_name)
    with Network() as network:
        programs = used_by_checks(cluster, node, network)
        whole = states(cluster, node, network, [check.id for check in all_checks()])
        without = {}
        for program, checks in programs.items():
            with away(lab, lab.node(node_name), program):
                without[program] = states(cluster, node, network, checks)
        again = states(cluster, node, network, list(whole))
    return {"optimized": not __debug__, "whole": whole, "without": without, "again": again}


def used_by_checks(cluster: Cluster, node: Node, network: Network) -> dict[str, list[str]]:
    """Each program, and the ids of the checks that run it: the first word of what they ask. Whole scripts, which begin
    with a comment, see to that by themselves (tests/unit/checks/test_scripts.py)."""
    programs: dict[str, list[str]] = {}
    applying = [check for check in all_checks() if check.on(cluster, node) is None]
    for check in applying:
        recorder = Recorder(network.open(node))
        check_node([check], cluster, node, recorder)
        recorder.close()
        for command in (each for each in recorder.answers if not each.startswith("#")):
            asking = programs.setdefault(shlex.split(command)[0], [])
            asking += [check.id] if check.id not in asking else []
    return {**programs, **{carrier: [check.id for check in applying] for carrier in CARRIERS}}


def states(cluster: Cluster, node: Node, network: Network, checks: Sequence[str]) -> dict[str, str]:
    connection = network.open(node)
    try:
        found = check_node(only(checks), cluster, node, connection)
    finally:
        connection.close()
    return {finding.check: finding.state.value for finding in found}


@contextmanager
def away(lab: Lab, node: LabNode, program: str) -> Iterator[None]:
    """While inside, the node has no such program, in any folder of PATH."""
    take = f"while path=$(type -P {shlex.quote(program)}); do mv $path $path.away; echo $path; hash -r; done"
    paths = labs.execute(lab, node, take).stdout.split()
    if not paths:
        raise LookupError(f"{node.name} has no {program} to take away")
    try:
        yield
    finally:
        labs.execute(lab, node, "\n".join(f"mv {path}.away {path}" for path in paths))


if __name__ == "__main__":
    json.dump(main(*sys.argv[1:]), sys.stdout)

"""Machines of every system that clustr knows, by what they said of themselves, and all goals that follow from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from clustr import artifacts
from clustr.engine.goal import Goal
from clustr.engine.stage import stage_goals
from clustr.inventory.model import Cluster, Node
from clustr.inventory.secrets import Secret
from clustr.remote.facts import Facts, Firewall, Interface, Seen
from clustr.remote.facts_reader import parse_facts
from clustr.remote.said import Said
from clustr.stages import STAGES
from tests.components.machines import CP1, GPU1, MON1, cluster_of

RECORDED = Path(__file__).parent / "systems"
CLUSTER = cluster_of(CP1, GPU1, MON1)


def said(system: str) -> Facts:
    return parse_facts(Said((RECORDED / f"{system}.txt").read_text()))


def seen(system: str, cluster: Cluster = CLUSTER, **further: object) -> Seen:
    """All nodes of the cluster as machines of this system, at their own addresses."""
    facts = {node.name: _at(node, replace(said(system), **further)) for node in cluster.nodes}  # type: ignore[arg-type]
    found = Seen(facts, new_token=Secret("made-for-this-test"))
    missing = artifacts.missing_sums(cluster, found)
    return replace(found, sums={each.path: "5" * 64 for each in missing})


def _at(node: Node, facts: Facts) -> Facts:
    """Without its GPUs: test_driver_cells.py says what comes of those on each system."""
    return replace(facts, hostname=node.name, pci=(), interfaces=(Interface("eno1", (f"{node.address}/24",), 1500),))


def goals(cluster: Cluster, found: Seen) -> Iterator[tuple[str, Goal]]:
    """Every goal of every stage, with its node's name."""
    for stage in STAGES:
        for node in stage.nodes(cluster, found):
            yield from ((node.name, goal) for goal in stage_goals(stage, cluster, node, found))


def described(system: str) -> dict[str, str]:
    """What a cluster of such machines comes to: each line of each goal, and the nodes that have it; without sums.

    No firewall: its rules are the same everywhere, and have golden files of their own.
    """
    nodes: dict[str, list[str]] = {}
    kernel = said(system).kernel
    for node, goal in goals(CLUSTER, seen(system, firewall=Firewall.NONE)):
        wanted = goal.wanted if isinstance(goal.wanted, str) else f"known after {goal.wanted.stage}"
        script = () if goal.apply.startswith("apply_file") else goal.apply.splitlines()
        for line in (goal.probe, *wanted.splitlines(), *script):
            text = re.sub(r"[0-9a-f]{64}", "SUM", f"{goal.component}, {goal.name}: {line}")
            nodes.setdefault(text.replace(kernel, "KERNEL"), []).append(node)
    return {line: ",".join(dict.fromkeys(found)) for line, found in nodes.items()}


def differences(before: str, system: str) -> str:
    """Lines that `system` has and `before` has not, and the names of the goals that it has not."""
    old, new = described(before), described(system)
    names = {line.partition(":")[0] for line in new}
    gone = dict.fromkeys(name for line in old if (name := line.partition(":")[0]) not in names)
    added = [f"+ {nodes} {line}" for line, nodes in new.items() if old.get(line) != nodes]
    return "".join(f"{line}\n" for line in (*(f"- {name}" for name in gone), *added))

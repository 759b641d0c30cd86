"""Nodes behind a firewall into which clustr puts rules: whether others reach them is known only once these are there.

Before, a note says so. After, the ports without which a join hangs are asked, and who is cut off does not begin it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clustr.engine.preflight.findings import newcomers
from clustr.engine.preflight.reach import EXPORTER, peers, unreached
from clustr.inventory.model import Cluster, Role
from clustr.remote.facts import Firewall, Seen
from clustr.remote.reach import Peer, Questions, Reach


def untried(cluster: Cluster, seen: Seen) -> Iterator[tuple[str, tuple[str, ...]]]:
    """A sentence for each firewall because of which it is not asked, and the nodes behind it."""
    behind = {peer.node for asked in _asked(cluster, seen).values() for peer in asked}
    for kind in Firewall:
        nodes = tuple(node.name for node in cluster.nodes if node.name in behind and seen[node.name].firewall is kind)
        if nodes:
            yield f"{kind} is active: whether other nodes reach it is tried once its rules are in, not before", nodes


def questions_once_open(cluster: Cluster, seen: Seen) -> dict[str, Questions]:
    """By node. Exporters are left out: nobody's join waits for them, and Prometheus's own checks tell of them."""
    asked = _asked(cluster, seen)
    joins = {name: tuple(peer for peer in each if peer.port != EXPORTER) for name, each in asked.items()}
    return {name: Questions(found) for name, found in joins.items() if found}


def _asked(cluster: Cluster, seen: Seen) -> dict[str, tuple[Peer, ...]]:
    return peers(cluster, seen, frozenset(Firewall) - {Firewall.NONE})


def cut_off(cluster: Cluster, seen: Seen, answers: Mapping[str, Reach]) -> dict[str, tuple[str, ...]]:
    """The nodes that would join in vain, each with a line for every way that is not open.

    Of two that do not reach each other it is the one that would join the other: which is new, an agent before a server,
    the later in the inventory.
    """
    in_order = sorted(cluster.nodes, key=lambda node: not node.has(Role.SERVER))
    rank = {node.name: place for place, node in enumerate(in_order)}
    new = {node.name for node, _ in newcomers(cluster, seen)}

    def joining(asker: str, peer: str) -> str:
        return max((asker, peer), key=lambda name: (name in new, rank[name]))

    found: dict[str, list[str]] = {}
    for name, answer in answers.items():
        if answer.error:
            found.setdefault(name, []).append(f"what {name} reaches could not be told: {answer.error}")
        lost: dict[str, Reach] = {}
        for peer, why in answer.peers:
            joins = joining(name, peer.node)
            lost[joins] = Reach((*lost.get(joins, Reach()).peers, (peer, why)))
        for joins, reach in lost.items():
            found.setdefault(joins, []).extend(
                f"{name} {each.problem}" for each in unreached(cluster.node(name), reach)
            )
    return {name: tuple(lines) for name, lines in found.items()}

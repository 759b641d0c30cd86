"""What nodes must reach: each other, name servers, where packages come from. Who is asked what, and what is made of it.

Only nodes are asked that have still to show it, and those that must reach such a node; a plan for a cluster at work
asks nobody. TCP alone: whether UDP (8472, flannel's vxlan) comes through cannot be told while nobody listens there.
A refused connection is a way that is open; a firewall that refuses in the name of its host looks the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from urllib.parse import urlsplit

from clustr.engine.preflight.findings import Finding, Name, answered, newcomers, unknown
from clustr.engine.preflight.network import held_addresses
from clustr.engine.preflight.sources import way
from clustr.inventory.model import Cluster, Node, Role
from clustr.inventory.ranges import fold
from clustr.ports import NODE_EXPORTER
from clustr.remote.facts import Firewall, Seen
from clustr.remote.reach import Peer, Questions, Reach, Way

# What comes of the answers: who ignores all of it need not ask.
REACH_NAMES = frozenset((Name.DNS_NO_ANSWER, Name.NETWORK_UNREACHED, Name.PACKAGES_SOURCE, Name.PREFLIGHT_UNKNOWN))
API, ETCD, KUBELET, EXPORTER = 6443, (2379, 2380), 10250, NODE_EXPORTER


def questions(cluster: Cluster, seen: Seen) -> dict[str, Questions]:
    """By node; nodes with nothing to be asked are left out.

    clustr itself lets nodes through a firewall that it knows, so behind one nothing is asked yet: see firewalls.py.
    """
    fresh = {node.name for node, _ in newcomers(cluster, seen)}
    asked = peers(cluster, seen, {Firewall.NONE})
    found = {}
    for node, _ in answered(cluster, seen):
        through = way(cluster, node, seen) if node.name in fresh else None
        if asked.get(node.name) or through:
            found[node.name] = Questions(asked.get(node.name, ()), through is not None, through or Way())
    return found


def peers(cluster: Cluster, seen: Seen, behind: Collection[Firewall]) -> dict[str, tuple[Peer, ...]]:
    """By node, what it has to reach of the nodes behind these firewalls, where one of the two is new. Nothing is asked
    at an address that a node does not have, which is told already."""
    fresh = {node.name for node, _ in newcomers(cluster, seen)}
    if not fresh:
        return {}
    others = [
        other
        for other, facts in answered(cluster, seen)
        if facts.firewall in behind and other.internal_address in held_addresses(facts)
    ]
    found = {
        node.name: tuple(
            Peer(other.name, other.internal_address, port)
            for other in others
            if other is not node and not fresh.isdisjoint((node.name, other.name))
            for port in _ports(cluster, node, other)
        )
        for node, _ in answered(cluster, seen)
    }
    return {name: asked for name, asked in found.items() if asked}


def _ports(cluster: Cluster, node: Node, other: Node) -> Iterator[int]:
    """What `node` has to reach on `other`: docs.k3s.io/installation/requirements, "Networking"."""
    if node.in_cluster and other.has(Role.SERVER):
        yield API
        if node.has(Role.SERVER):
            yield from ETCD
    if node.has(Role.SERVER) and other.in_cluster:
        yield KUBELET
    if node.has(Role.MONITOR) and cluster.monitoring.enabled:
        yield EXPORTER


def reached(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    for name in questions(cluster, seen):
        node, answer = cluster.node(name), seen.reach.get(name, Reach(error="it was not asked"))
        if answer.error:
            yield unknown(node, "what it reaches", answer.error, "run it again")
            continue
        yield from unreached(node, answer)
        for host in answer.names:
            problem = f"does not resolve {host}, where its packages come from"
            remedy = "correct /etc/resolv.conf there, or the server that it names"
            yield Finding(Name.DNS_NO_ANSWER, name, problem, remedy)
        yield from _sources(node, answer)


def _sources(node: Node, answer: Reach) -> Iterator[Finding]:
    """A line for all that fail alike. A source whose host does not resolve is told by that alone."""
    if answer.sources_asked == 0:
        yield Finding(Name.PACKAGES_SOURCE, node.name, "has no package source", "give it its distribution's own")
    alike: dict[str, list[str]] = {}
    for source in answer.sources:
        if urlsplit(source.what).hostname not in answer.names:
            alike.setdefault(source.why or "nothing came in time", []).append(source.what)
    for why, sources in alike.items():
        do = "package source does" if len(sources) == 1 else "package sources do"
        problem = f"its {do} not answer: {', '.join(sources)}: {why}"
        yield Finding(Name.PACKAGES_SOURCE, node.name, problem, "correct the source, or the proxy that it is behind")


def unreached(node: Node, answer: Reach) -> Iterator[Finding]:
    """A line for each group of nodes that is not reached in the same way."""
    lost: dict[str, dict[int, str]] = {}
    for peer, why in answer.peers:
        lost.setdefault(peer.node, {})[peer.port] = why or "nothing comes back"
    for (ports, why), others in _alike(lost).items():
        problem = f"does not reach {fold(others)} at port {ports}: {why}"
        remedy = "let it through the firewalls between them, and look at the route"
        yield Finding(Name.NETWORK_UNREACHED, node.name, problem, remedy)


def _alike(lost: Mapping[str, Mapping[int, str]]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for other, ports in lost.items():
        key = ", ".join(map(str, ports)), "; ".join(dict.fromkeys(ports.values()))
        found.setdefault(key, []).append(other)
    return found

"""Part of base_os: what an active firewall must let in. It is neither installed nor switched on or off.

Rules go by network, so one more node in a network that has nodes changes no other node. Ports:
https://docs.k3s.io/installation/requirements#networking
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from shlex import quote

from clustr.components import dcgm
from clustr.engine.goal import Goal
from clustr.engine.makers import file, step
from clustr.inventory.model import Cluster, Node, Role
from clustr.nvidia.chips import Board, board
from clustr.ports import DCGM_EXPORTER, IMEX, NODE_EXPORTER
from clustr.remote.facts import Firewall, Seen
from clustr.templates import render

UFW_GOAL = "firewall: from "


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    active = seen[node.name].firewall
    if active is Firewall.UFW:
        yield from _ufw(cluster, node, seen)
    elif active is Firewall.FIREWALLD:
        yield from _firewalld(cluster, node, seen)


def ports(cluster: Cluster, node: Node, seen: Seen) -> tuple[str, ...]:
    """What a node listens on for the others, `PORT/PROTOCOL`."""
    found = [f"{NODE_EXPORTER}/tcp"]
    if dcgm.runs_on(cluster, node, seen):
        found += [f"{DCGM_EXPORTER}/tcp"]
    if seen.answered(node.name) and board(seen[node.name]) is Board.MULTI_NODE:
        found += [f"{IMEX}/tcp"]
    if node.in_cluster:
        found += ["10250/tcp"]
        if cluster.network.cni == "flannel":
            found += ["8472/udp"]
    if node.has(Role.SERVER):
        found += ["6443/tcp", "2379:2380/tcp"]
    if node.has(Role.MONITOR):
        found += ["9090/tcp", "9093:9094/tcp"]
    return tuple(found)


def networks(cluster: Cluster, node: Node, seen: Seen, ruled_by: str = UFW_GOAL) -> tuple[IPv4Network, ...]:
    """The networks of all nodes' internal addresses, as the nodes see them.

    A node that does not answer keeps the network that `node` has a rule for (goals whose names begin with `ruled_by`);
    without one it counts by its address.
    """
    inside = [(each.name, each.internal_address) for each in cluster.nodes if seen.answered(each.name)]
    known = {IPv4Network(written) for written in {seen.networks.get(place, place[1]) for place in inside}}
    ruled = [
        IPv4Network(record.goal.removeprefix(ruled_by))
        for record in seen[node.name].records
        if record.goal.startswith(ruled_by)
    ]
    silent = [IPv4Address(each.internal_address) for each in cluster.nodes if not seen.answered(each.name)]
    for address in silent:
        if not any(address in net for net in known):
            known.add(next((net for net in ruled if address in net), IPv4Network(address)))
    return tuple(sorted(known))


def _pods(cluster: Cluster, node: Node) -> tuple[IPv4Network, ...]:
    """What a node of the cluster lets through to everywhere."""
    return (cluster.network.cluster_cidr, cluster.network.service_cidr) if node.in_cluster else ()


def _ufw(cluster: Cluster, node: Node, seen: Seen) -> Iterator[Goal]:
    for network in networks(cluster, node, seen):
        yield _ufw_goal(network, tuple(_ufw_node_rules(network, ports(cluster, node, seen))))
    for pods in _pods(cluster, node):
        routes = (f"route allow from {pods}", f"route allow to {pods}")
        yield _ufw_goal(pods, (f"allow from {pods}", *routes))


def _ufw_node_rules(network: IPv4Network, allowed: Iterable[str]) -> Iterator[str]:
    """One rule for each protocol, as `ufw show added` prints it."""
    pairs = [port.split("/") for port in allowed]
    for protocol in sorted({protocol for _, protocol in pairs}):
        listed = ",".join(sorted((port for port, of in pairs if of == protocol), key=_number))
        yield f"allow from {network} to any port {listed} proto {protocol}"


def _number(port: str) -> int:
    return int(port.partition(":")[0])


def _ufw_goal(source: IPv4Network, rules: tuple[str, ...]) -> Goal:
    key = quote(str(source))
    wanted = "\n".join(sorted(rules))
    return step(
        f"{UFW_GOAL}{source}",
        probe=f"base_os_probe_ufw {key}",
        wanted=wanted,
        apply=f"base_os_apply_ufw {key} <<'END_OF_RULES'\n{wanted}\nEND_OF_RULES",
        undo=f"base_os_apply_ufw {key} </dev/null",
    )


@dataclass(frozen=True)
class RichRule:
    """firewalld.richlanguage(5): what comes from (or goes to) a network is let through, at one port or at all."""

    network: IPv4Network
    way: str = "source"
    port: str = ""
    protocol: str = ""

    def __str__(self) -> str:
        port = f'port port="{self.port}" protocol="{self.protocol}" ' if self.port else ""
        return f'rule family="ipv4" {self.way} address="{self.network}" {port}accept'


def _firewalld(cluster: Cluster, node: Node, seen: Seen) -> Iterator[Goal]:
    """Policies stand before every zone, so it does not matter which zone an interface is in."""
    pods = _pods(cluster, node)
    opened = [port.replace(":", "-").split("/") for port in ports(cluster, node, seen)]
    nets = networks(cluster, node, seen)
    named = [RichRule(net, port=port, protocol=protocol) for net in nets for port, protocol in opened]
    yield from _firewalld_policy("clustr-in", "HOST", (*named, *(RichRule(net) for net in pods)))
    through = tuple(RichRule(net, way) for net in pods for way in ("source", "destination"))
    yield from _firewalld_policy("clustr-through", "ANY", through)


def _firewalld_policy(name: str, egress: str, rules: tuple[RichRule, ...]) -> Iterator[Goal]:
    path = f"/etc/firewalld/policies/{name}.xml"
    yield file(path, render("base_os/firewalld-policy.xml", short=name, egress=egress, rules=rules))
    yield step(
        f"firewalld policy {name}",
        probe=f"base_os_probe_firewalld {name}",
        wanted="\n".join(sorted(map(str, rules))),
        apply="firewall-cmd --quiet --reload",
        undo=f"rm -f -- {path}\nfirewall-cmd --quiet --reload",
    )

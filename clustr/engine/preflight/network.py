"""Addresses and name servers, as a node has them."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from clustr.engine.preflight.findings import Finding, Name, answered, newcomers, unknown
from clustr.inventory.model import Cluster, Node, Role
from clustr.remote.facts import Facts, Resolver, Seen

RESOLV_CONF = "/etc/resolv.conf"


def addresses(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    for node, facts in answered(cluster, seen):
        held = held_addresses(facts)
        listed = ", ".join(f"{address} ({name})" for address, name in held.items())
        if not held:
            yield unknown(node, "its addresses", "ip -o -4 addr names none", "install iproute2")
        elif node.internal_address not in held:
            problem = f"does not have the internal address {node.internal_address}"
            yield Finding(
                Name.NETWORK_ADDRESS, node.name, problem, f"it has {listed}; set internal_address to one of these"
            )
        elif node.interface and held[node.internal_address] != node.interface:
            problem = f"has {node.internal_address} at {held[node.internal_address]}, not at {node.interface}"
            yield Finding(Name.NETWORK_INTERFACE, node.name, problem, f"it has {listed}; correct interface")


def same_addresses(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """Two machines with one address: which of them answers is chance. The inventory itself has each address once."""
    owners = {node.internal_address: node for node in cluster.nodes}
    for node, facts in answered(cluster, seen):
        for address in held_addresses(facts):
            owner = owners.get(address)
            if owner is None or owner is node or _same_machine(seen, owner, node):
                continue
            problem = f"has {address} too, the internal address of {owner.name}"
            yield Finding(Name.NETWORK_SAME_ADDRESS, node.name, problem, "take it off one of the two")


def _same_machine(seen: Seen, one: Node, other: Node) -> bool:
    return seen.answered(one.name) and seen[one.name].boot_id == seen[other.name].boot_id


def held_addresses(facts: Facts) -> dict[str, str]:
    """Interface by address."""
    return {address.partition("/")[0]: port.name for port in facts.interfaces for address in port.addresses}


def resolvers(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """docs.k3s.io/advanced, "Nameserver Viability Checks": a file with a loopback server is not used for pods, since
    CoreDNS would ask itself, and where no other is left k3s asks 8.8.8.8, which a site may not reach or not want."""
    for node, facts in newcomers(cluster, seen):
        own = next((each for each in facts.resolvers if each.path == RESOLV_CONF), Resolver(RESOLV_CONF, ()))
        if not own.nameservers:
            problem = f"its {RESOLV_CONF} names no server"
            yield Finding(Name.DNS_NO_SERVER, node.name, problem, f"write nameserver ADDRESS into {RESOLV_CONF}")
        elif node.in_cluster and not _chosen(cluster, node) and not any(map(_serves_pods, facts.resolvers)):
            problem = (
                f"its name server {', '.join(own.nameservers)} is not one that pods can ask; k3s takes 8.8.8.8 then"
            )
            remedy = "name your own servers in a file, and it with resolv-conf in k3s.server_config and agent_config"
            yield Finding(Name.DNS_LOOPBACK, node.name, problem, remedy)


def _serves_pods(resolver: Resolver) -> bool:
    return bool(resolver.nameservers) and all(map(_elsewhere, resolver.nameservers))


def _elsewhere(nameserver: str) -> bool:
    try:
        address = ip_address(nameserver.partition("%")[0])
    except ValueError:
        return False
    return not (address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified)


def _chosen(cluster: Cluster, node: Node) -> bool:
    """Whether the inventory names a resolv.conf for pods; k3s takes that as it is."""
    config = cluster.k3s.server_config if node.has(Role.SERVER) else cluster.k3s.agent_config
    return "resolv-conf" in config or any(each.startswith("resolv-conf=") for each in cluster.k3s.kubelet_args)

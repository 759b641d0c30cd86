"""Addresses, and what nodes reach."""

from __future__ import annotations

from collections.abc import Iterator

from clustr.engine.preflight.findings import Finding, Name, answered
from clustr.inventory.model import Cluster
from clustr.remote.facts import Seen


def addresses(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    for node, facts in answered(cluster, seen):
        held = {address.partition("/")[0]: port.name for port in facts.interfaces for address in port.addresses}
        known = ", ".join(f"{address} ({name})" for address, name in held.items())
        if node.internal_address not in held:
            problem = f"does not have the internal address {node.internal_address}"
            yield Finding(
                Name.NETWORK_ADDRESS, node.name, problem, f"it has {known}; set internal_address to one of these"
            )
        elif node.interface and held[node.internal_address] != node.interface:
            problem = f"has {node.internal_address} at {held[node.internal_address]}, not at {node.interface}"
            yield Finding(Name.NETWORK_INTERFACE, node.name, problem, f"it has {known}; correct interface")

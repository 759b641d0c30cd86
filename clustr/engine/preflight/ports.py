"""Who listens where the cluster is to listen."""

from __future__ import annotations

from collections.abc import Iterator

from clustr.components import dcgm, fabric_manager, firewall
from clustr.components.k3s import AGENT, SERVER
from clustr.engine.preflight.findings import Finding, Name, answered, unknown
from clustr.families import known
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Facts, Listener, Seen

MONITORS = range(9090, 9095)  # Prometheus and Alertmanager


def taken_ports(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """Ports that a node needs, held by others than the units that clustr runs there.

    A port that the kernel itself holds, as vxlan does, has no process: whose it is cannot be told, so it counts not.
    """
    for node, facts in answered(cluster, seen):
        if facts.listeners is None:
            yield unknown(node, "which ports are taken", "ss does not answer", "install iproute2")
            continue
        for holder in facts.listeners:
            stranger = holder.process and holder.unit not in own_units(cluster, node, facts)
            if stranger and needs(cluster, node, seen, holder):
                unit = f" ({holder.unit})" if holder.unit else ""
                problem = f"port {holder.port}/{holder.protocol} is taken by {holder.process}{unit}"
                yield Finding(Name.PORT_TAKEN, node.name, problem, "stop it there, or give it another port")


def own_units(cluster: Cluster, node: Node, facts: Facts) -> frozenset[str]:
    """The units that clustr runs on a node and that listen for others."""
    names = known(facts.os)
    daemons = names.monitoring(cluster, node) if names else ()
    gpus = (dcgm.EXPORTER_UNIT, fabric_manager.IMEX)
    return frozenset((SERVER.unit, AGENT.unit, *gpus, *(daemon.unit for daemon in daemons)))


def needs(cluster: Cluster, node: Node, seen: Seen, holder: Listener) -> bool:
    if holder.port in MONITORS and not cluster.monitoring.enabled:
        return False
    for written in firewall.ports(cluster, node, seen):
        ports, _, protocol = written.partition("/")
        first, _, last = ports.partition(":")
        if protocol == holder.protocol and int(first) <= holder.port <= int(last or first):
            return True
    return False

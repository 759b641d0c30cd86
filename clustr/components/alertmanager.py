"""Alertmanager on monitor nodes: groups what Prometheus found and passes it on to the inventory's receivers."""

from __future__ import annotations

from collections.abc import Iterable

from clustr.components.families import family
from clustr.engine.goal import Goal
from clustr.engine.makers import file, packages, service
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Seen
from clustr.templates import render, text

PORT = 9093
GOSSIP_PORT = 9094  # between several Alertmanagers, so that each alert is sent once


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    if not cluster.monitoring.enabled:
        return
    daemon = family(seen[node.name]).alertmanager
    yield packages((daemon.package,), label=f"package {daemon.package}")
    content = render("alertmanager/alertmanager.yml", receivers=cluster.monitoring.alert_receivers)
    # A webhook's address is often all that is needed to post to it.
    path = "/etc/prometheus/alertmanager.yml"
    config = file(path, content, mode=0o640, owner="root:prometheus", check="amtool check-config")
    arguments = file(daemon.defaults, _arguments(cluster, node))
    network = file(f"/etc/systemd/system/{daemon.unit}.d/40-network.conf", text("monitoring/network.conf"))
    yield from (config, arguments, network)
    yield from service(daemon.unit, [config, arguments, network])


def _arguments(cluster: Cluster, node: Node) -> str:
    peers = [f"{each.internal_address}:{GOSSIP_PORT}" for each in cluster.monitors if each != node]
    gossip = f"{node.internal_address}:{GOSSIP_PORT}" if peers else ""
    return render("alertmanager/defaults", listen=f"{node.internal_address}:{PORT}", gossip=gossip, peers=peers)

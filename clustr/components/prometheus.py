"""Prometheus on monitor nodes: scrapes every node's exporter and judges by the alert rules."""

from __future__ import annotations

import json
from collections.abc import Iterable

from clustr.components import alertmanager, node_exporter
from clustr.components.families import family
from clustr.engine.goal import Goal
from clustr.engine.makers import file, packages, service
from clustr.inventory.model import Cluster, Node, Role
from clustr.remote.facts import Seen
from clustr.templates import render, text

PORT = 9090
RULES = "/etc/prometheus/rules/clustr.yml"
TARGETS = "/etc/prometheus/targets/nodes.json"


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    if not cluster.monitoring.enabled:
        return
    daemon = family(seen[node.name]).prometheus
    yield packages((daemon.package,), label=f"package {daemon.package}")
    rules = file(RULES, render("prometheus/rules.yml", servers=len(cluster.servers)), check="promtool check rules")
    # Prometheus watches the targets itself, so one more node restarts nothing.
    yield from (rules, file(TARGETS, targets(cluster)))
    config = file("/etc/prometheus/prometheus.yml", _config(cluster, node), check="promtool check config")
    listen, retention = f"{node.internal_address}:{PORT}", cluster.monitoring.retention
    arguments = file(daemon.defaults, render("prometheus/defaults", listen=listen, retention=retention))
    network = file(f"/etc/systemd/system/{daemon.unit}.d/40-network.conf", text("monitoring/network.conf"))
    yield from (config, arguments, network)
    yield from service(daemon.unit, [rules, config, arguments, network])


def targets(cluster: Cluster) -> str:
    """Every node's exporter, on the internal address, in Prometheus's file_sd form."""
    found = [
        {
            "targets": [f"{node.internal_address}:{node_exporter.PORT}"],
            "labels": {"node": node.name, "role": role_of(node)}
            | ({"class": node.class_name} if node.class_name else {}),
        }
        for node in cluster.nodes
    ]
    return json.dumps(found, indent=2)


def role_of(node: Node) -> Role:
    """The role that says most about a node that has several."""
    return next(role for role in (Role.SERVER, Role.AGENT, Role.MONITOR) if node.has(role))


def _config(cluster: Cluster, node: Node) -> str:
    return render(
        "prometheus/prometheus.yml",
        cluster=cluster.name,
        targets=TARGETS,
        rules=RULES,
        node=node.name,
        own=f"{node.internal_address}:{PORT}",
        alertmanagers=[(each.name, f"{each.internal_address}:{alertmanager.PORT}") for each in cluster.monitors],
    )

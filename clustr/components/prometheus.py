"""Prometheus on monitor nodes: scrapes every node's exporter and judges by the alert rules."""

from __future__ import annotations

import json
from collections.abc import Iterable

from clustr.components import alertmanager, monitoring, node_exporter
from clustr.engine.goal import Goal
from clustr.engine.makers import file
from clustr.families import family
from clustr.inventory.model import Cluster, Node, Role
from clustr.remote.facts import Seen
from clustr.templates import render

PORT = 9090
CONFIG = "/etc/prometheus/prometheus.yml"
RULES = "/etc/prometheus/rules/clustr.yml"
TARGETS = "/etc/prometheus/targets/nodes.json"


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    if not cluster.monitoring.enabled:
        return
    daemon = family(seen[node.name]).prometheus
    arguments = (
        f"--web.listen-address={node.internal_address}:{PORT}",
        f"--config.file={CONFIG}",
        f"--storage.tsdb.path={monitoring.STATE}/metrics2",
        f"--storage.tsdb.retention.time={cluster.monitoring.retention}",
    )
    rules = file(RULES, render("prometheus/rules.yml", servers=len(cluster.servers)), check="promtool check rules")
    config = file(CONFIG, _config(cluster, node), check="promtool check config")
    yield from monitoring.program(cluster, node, seen, daemon)
    # Prometheus watches the targets itself, so one more node restarts nothing.
    yield from (rules, file(TARGETS, targets(cluster)), config)
    yield from monitoring.running(cluster, node, seen, daemon, arguments, (rules, config))


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

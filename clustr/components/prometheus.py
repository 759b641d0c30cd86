"""Prometheus on monitor nodes: scrapes every node's exporter and judges by the alert rules."""

from __future__ import annotations

import json
from collections.abc import Iterable

from clustr import ports
from clustr.components import alertmanager, dcgm, monitoring
from clustr.engine.goal import Goal
from clustr.engine.makers import file
from clustr.families import family
from clustr.inventory.model import Cluster, Node, Role
from clustr.nvidia.xids import XIDS
from clustr.remote.facts import Seen
from clustr.templates import render

PORT = 9090
CONFIG = "/etc/prometheus/prometheus.yml"
RULES_FOLDER = "/etc/prometheus/rules"
RULES = f"{RULES_FOLDER}/clustr.yml"
TARGETS = "/etc/prometheus/targets/nodes.json"
GPU_TARGETS = "/etc/prometheus/targets/gpus.json"
# One file for what all versions of dcgm-exporter share, one for each of its vocabularies: nodes of both may be there.
GPU_RULES = ("gpu-rules.yml", *(f"gpu-rules-{version}.yml" for version in dcgm.SINCE))


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
    rules = (
        file(RULES, render("prometheus/rules.yml", servers=len(cluster.servers)), check="promtool check rules"),
        *_gpu_rules(cluster),
    )
    config = file(CONFIG, _config(cluster, node), check="promtool check config")
    yield from monitoring.program(cluster, node, seen, daemon)
    # Prometheus watches the targets itself, so one more node restarts nothing.
    yield from (*rules, file(TARGETS, targets(cluster)))
    if cluster.dcgm.enabled:
        yield file(GPU_TARGETS, gpu_targets(cluster, seen))
    yield config
    yield from monitoring.running(cluster, node, seen, daemon, arguments, (*rules, config))


def targets(cluster: Cluster) -> str:
    """Every node's exporter, on the internal address, in Prometheus's file_sd form."""
    return json.dumps([_target(node, ports.NODE_EXPORTER) for node in cluster.nodes], indent=2)


def gpu_targets(cluster: Cluster, seen: Seen) -> str:
    """The same for dcgm-exporter, on the nodes that have it."""
    having = (node for node in cluster.nodes if dcgm.runs_on(cluster, node, seen))
    return json.dumps([_target(node, ports.DCGM_EXPORTER) for node in having], indent=2)


def _target(node: Node, port: int) -> dict[str, object]:
    labels = {"node": node.name, "role": role_of(node)} | ({"class": node.class_name} if node.class_name else {})
    return {"targets": [f"{node.internal_address}:{port}"], "labels": labels}


def _gpu_rules(cluster: Cluster) -> tuple[Goal, ...]:
    if not cluster.dcgm.enabled:
        return ()
    return tuple(
        file(f"{RULES_FOLDER}/clustr-{name}", gpu_rules(name), check="promtool check rules") for name in GPU_RULES
    )


def gpu_rules(name: str) -> str:
    """One of the files of GPU_RULES."""
    return render(f"prometheus/{name}", xids=XIDS)


def role_of(node: Node) -> Role:
    """The role that says most about a node that has several."""
    return next(role for role in (Role.SERVER, Role.AGENT, Role.MONITOR) if node.has(role))


def _config(cluster: Cluster, node: Node) -> str:
    return render(
        "prometheus/prometheus.yml",
        cluster=cluster.name,
        targets=TARGETS,
        rules=(RULES, *(goal.name for goal in _gpu_rules(cluster))),
        gpu_targets=GPU_TARGETS if cluster.dcgm.enabled else "",
        node=node.name,
        own=f"{node.internal_address}:{PORT}",
        alertmanagers=[(each.name, f"{each.internal_address}:{alertmanager.PORT}") for each in cluster.monitors],
    )

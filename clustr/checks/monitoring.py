"""Exporters on every node; Prometheus and Alertmanager on the monitors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from clustr import ports
from clustr.checks.backend import Host
from clustr.checks.check import Check, CheckFailed, CouldNotLook, Severity, check, must
from clustr.checks.http import fetch, fetch_json, metrics
from clustr.checks.where import monitors
from clustr.inventory.model import Cluster, Node

NO_TARGET, NOT_ASKED = "no target", "not asked yet"
PROMETHEUS, ALERTMANAGER = "http://%s:9090", "http://%s:9093"
API = "https://prometheus.io/docs/prometheus/latest/querying/api/"


@check(
    "node-exporter.answers",
    says="node_exporter answers at the internal address, and speaks of this node",
    fix="clustr bootstrap --limit {node}",
    gates=("node_exporter",),
    source="https://github.com/prometheus/node_exporter#filtering-enabled-collectors",
)
def exporter_answers(host: Host, node: Node, cluster: Cluster) -> str:
    page = fetch(host, f"http://%s:{ports.NODE_EXPORTER}/metrics", node.internal_address, query="collect[]=uname")
    machine = metrics(page, "node_uname_info")
    must(len(machine) == 1, found="no node_uname_info among its metrics", wanted="node_exporter's metrics")
    must(f'nodename="{node.name}"' in machine[0][0], found=machine[0][0], wanted=f'nodename="{node.name}"')
    return f"answers for {node.name}"


@check(
    "prometheus.ready",
    says="Prometheus is ready",
    on=monitors,
    fix="clustr bootstrap --limit {node}",
    gates=("prometheus",),
    source="https://prometheus.io/docs/prometheus/latest/management_api/",
)
def prometheus_is_ready(host: Host, node: Node, cluster: Cluster) -> str:
    return fetch(host, f"{PROMETHEUS}/-/ready", node.internal_address).strip()


@check(
    "prometheus.config-loaded",
    says="Prometheus runs with its present configuration",
    on=monitors,
    fix="clustr exec --limit {node} -- promtool check config /etc/prometheus/prometheus.yml",
    gates=("prometheus",),
    source=API + "#runtime-information",
)
def prometheus_read_its_config(host: Host, node: Node, cluster: Cluster) -> str:
    succeeded = _data(host, node, "status/runtimeinfo")["reloadConfigSuccess"]
    must(succeeded is True, found="its last reload failed", wanted="a configuration that it can read")
    return "its last reload succeeded"


@check(
    "prometheus.rules-loaded",
    says="alert rules are loaded and evaluate without an error",
    on=monitors,
    fix="clustr bootstrap --limit {node}",
    gates=("prometheus",),
    source=API + "#rules",
)
def rules_are_loaded(host: Host, node: Node, cluster: Cluster) -> str:
    groups = _data(host, node, "rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    must(bool(rules), found="no rules", wanted="the inventory's alert rules")
    bad = [f"{rule['name']}: {rule.get('lastError', '')}" for rule in rules if rule["health"] == "err"]
    must(not bad, found="; ".join(bad), wanted="no errors")
    return f"{len(rules)} rules in {len(groups)} groups"


@check(
    "prometheus.targets-known",
    says="Prometheus has asked the exporter of every node, whatever came of it",
    on=monitors,
    fix="clustr bootstrap --limit {node}",
    gates=("prometheus",),
    source=API + "#targets",
)
def every_node_was_asked(host: Host, node: Node, cluster: Cluster) -> str:
    health = _health_of_nodes(host, node, cluster)
    missing = [f"{name} is {each}" for name, each in health.items() if each in (NO_TARGET, NOT_ASKED)]
    must(not missing, found="; ".join(missing), wanted="up or down")
    return f"{len(health)} nodes were asked"


@check(
    "prometheus.targets-up",
    says="Prometheus sees the exporter of every node up",
    on=monitors,
    fix="clustr doctor --only node-exporter.answers; let {node} reach port 9100 of the nodes",
    source=API + "#targets",
)
def every_node_is_up(host: Host, node: Node, cluster: Cluster) -> str:
    """In no gate: a node that failed its own stage keeps no monitor from being done."""
    health = _health_of_nodes(host, node, cluster)
    bad = [f"{name} is {each}" for name, each in health.items() if each != "up"]
    must(not bad, found="; ".join(bad), wanted="up")
    return f"{len(health)} nodes are up"


@check(
    "prometheus.no-alerts",
    says="no alert fires that is a warning or critical",
    on=monitors,
    fix="look at the alert's node and cause; the rules are on {node} in /etc/prometheus",
    severity=Severity.WARNING,
    source=API + "#alerts",
)
def no_alert_fires(host: Host, node: Node, cluster: Cluster) -> str:
    alerts = _data(host, node, "alerts")["alerts"]
    firing = [each["labels"] for each in alerts if each["state"] == "firing"]
    serious = sorted(_name(labels) for labels in firing if labels.get("severity") != "info")
    must(not serious, found=", ".join(serious), wanted="none")
    return f"none; {len(alerts)} pending or for information"


@check(
    "alertmanager.ready",
    says="Alertmanager is ready, and Prometheus sends to it",
    on=monitors,
    fix="clustr bootstrap --limit {node}",
    gates=("alertmanager",),
    source=API + "#alertmanagers",
)
def alertmanager_is_ready(host: Host, node: Node, cluster: Cluster) -> str:
    fetch(host, f"{ALERTMANAGER}/-/ready", node.internal_address)
    active = [each["url"] for each in _data(host, node, "alertmanagers")["activeAlertmanagers"]]
    must(bool(active), found="Prometheus knows no Alertmanager", wanted="this one")
    return f"ready; alerts go to {', '.join(active)}"


def _data(host: Host, node: Node, what: str, query: str = "") -> Any:
    """A part of Prometheus's HTTP API. Where it does not answer, that is prometheus.ready's to say."""
    try:
        answer = fetch_json(host, f"{PROMETHEUS}/api/v1/{what}", node.internal_address, query=query)
    except CheckFailed as failed:
        raise CouldNotLook(str(failed)) from failed
    if answer["status"] != "success":
        raise CouldNotLook(f"/api/v1/{what} answers {answer['status']}")
    return answer["data"]


def _health_of_nodes(host: Host, node: Node, cluster: Cluster) -> dict[str, str]:
    """up, down and why, or whatever else Prometheus says of each node's exporter."""
    targets = _data(host, node, "targets", query="state=active")["activeTargets"]
    seen = {urlsplit(each["scrapeUrl"]).netloc: each for each in targets}
    return {each.name: _health(seen.get(f"{each.internal_address}:{ports.NODE_EXPORTER}")) for each in cluster.nodes}


def _health(target: Mapping[str, Any] | None) -> str:
    if target is None:
        return NO_TARGET
    if target["health"] == "unknown":
        return NOT_ASKED
    error = f" ({target['lastError']})" if target.get("lastError") else ""
    return f"{target['health']}{error}"


def _name(labels: Mapping[str, str]) -> str:
    where = labels.get("node") or labels.get("instance", "")
    return f"{labels['alertname']} {where}".strip()


CHECKS: tuple[Check, ...] = (
    exporter_answers,
    prometheus_is_ready,
    prometheus_read_its_config,
    rules_are_loaded,
    every_node_was_asked,
    every_node_is_up,
    alertmanager_is_ready,
    no_alert_fires,
)

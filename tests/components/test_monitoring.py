"""Exporters, Prometheus and Alertmanager: facts in, goals out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from clustr import artifacts, families
from clustr.components import alertmanager, node_exporter, prometheus
from clustr.engine.goal import Goal
from clustr.engine.stage import Component
from clustr.inventory.model import Artifacts, Cluster, Monitoring, Node, Role
from clustr.remote.facts import Seen
from tests.components.machines import (
    CP1,
    CP2,
    CP3,
    GPU1,
    GPU2,
    MON1,
    MON2,
    cluster_of,
    goals,
    node,
    seen,
    wanted,
    without_packages,
)
from tests.components.scripts import applies, probes, shellcheck
from tests.conftest import Golden

GOLDEN = Path(__file__).parent / "golden"
HOOKS = ("https://hooks.example.com/a?b=c", "http://10.0.0.9:9095/")
CLUSTER = cluster_of(CP1, CP2, CP3, GPU1, MON1, monitoring=Monitoring(retention="90d", alert_receivers=HOOKS))
TWO = cluster_of(CP1, GPU1, MON1, MON2)
ON_SERVER = node("cp1", Role.SERVER, Role.MONITOR)
SMALL = cluster_of(ON_SERVER)

CASES: dict[str, tuple[Component, Cluster, Node]] = {
    "prometheus/package": (prometheus, CLUSTER, MON1),
    "prometheus/one_server": (prometheus, SMALL, ON_SERVER),
    "alertmanager/receivers": (alertmanager, CLUSTER, MON1),
    "alertmanager/two": (alertmanager, TWO, MON2),
}
RELEASED: dict[str, Component] = {
    "node_exporter/release": node_exporter,
    "prometheus/release": prometheus,
    "alertmanager/release": alertmanager,
}


def listed(case: str) -> list[Goal]:
    component, cluster, monitor = CASES[case]
    return list(goals(component, cluster, monitor, seen(cluster)).values())


@pytest.mark.parametrize("case", CASES)
def test_scripts_are_as_they_were(case: str, golden: Golden) -> None:
    golden(GOLDEN / f"{case}.probe.sh", probes(listed(case)))
    golden(GOLDEN / f"{case}.apply.sh", applies(listed(case)))


@pytest.mark.parametrize("case", CASES)
def test_scripts_pass_shellcheck(case: str, tmp_path: Path) -> None:
    assert shellcheck(listed(case), tmp_path) == ""


@pytest.mark.parametrize("case", CASES)
def test_the_same_facts_give_the_same_goals(case: str) -> None:
    assert listed(case) == listed(case)


def test_every_node_is_a_target_by_its_internal_address() -> None:
    inside = node("gpu1", Role.AGENT, internal="172.16.0.21").model_copy(update={"class_name": "h100"})
    assert json.loads(prometheus.targets(cluster_of(ON_SERVER, inside))) == [
        {"targets": ["10.0.0.11:9100"], "labels": {"node": "cp1", "role": "server"}},
        {"targets": ["172.16.0.21:9100"], "labels": {"node": "gpu1", "role": "agent", "class": "h100"}},
    ]


def test_one_more_agent_changes_the_targets_and_restarts_nothing() -> None:
    more = CLUSTER.model_copy(update={"nodes": (*CLUSTER.nodes, GPU2)})
    for component in (prometheus, alertmanager):
        before = goals(component, CLUSTER, MON1, seen(CLUSTER))
        after = goals(component, more, MON1, seen(more))
        changed = [name for name in after if after[name] != before[name]]
        assert changed == ([prometheus.TARGETS] if component is prometheus else [])


@pytest.mark.parametrize("component", [prometheus, alertmanager], ids=lambda each: each.__name__)
def test_switched_off_there_is_nothing(component: Component) -> None:
    off = CLUSTER.model_copy(update={"monitoring": Monitoring(enabled=False)})
    assert goals(component, off, MON1, seen(off)) == {}


def test_the_rules_know_how_many_servers_may_be_lost() -> None:
    rules = yaml.safe_load(wanted(goals(prometheus, CLUSTER, MON1, seen(CLUSTER))[prometheus.RULES]).split("\n", 1)[1])
    (spare,) = (rule for group in rules["groups"] for rule in group["rules"] if rule["alert"] == "NoServerToSpare")
    assert spare["expr"].startswith('count(up{job="node",role="server"} == 1) <= 2')
    assert "NoServerToSpare" not in wanted(goals(prometheus, SMALL, ON_SERVER, seen(SMALL))[prometheus.RULES])


def test_alerts_go_to_the_inventorys_receivers() -> None:
    text = wanted(goals(alertmanager, CLUSTER, MON1, seen(CLUSTER))[alertmanager.CONFIG]).split("\n", 1)[1]
    (receiver,) = yaml.safe_load(text)["receivers"]
    assert [hook["url"] for hook in receiver["webhook_configs"]] == list(HOOKS)
    empty = wanted(goals(alertmanager, TWO, MON1, seen(TWO))[alertmanager.CONFIG]).split("\n", 1)[1]
    assert yaml.safe_load(empty)["receivers"] == [{"name": "inventory"}]


def test_files_are_checked_by_their_own_tools_before_they_are_in_place() -> None:
    for component, path, tool in (
        (prometheus, prometheus.RULES, "'promtool check rules'"),
        (prometheus, prometheus.CONFIG, "'promtool check config'"),
        (alertmanager, alertmanager.CONFIG, "'amtool check-config'"),
    ):
        found = goals(component, CLUSTER, MON1, seen(CLUSTER))
        assert tool in found[path].apply
        names = list(found)
        assert names[0].startswith("package ")
        assert names.index(path) < names.index(next(name for name in names if name.endswith(".service runs")))


@pytest.fixture
def released(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """Facts where the distribution has no packages, with the sums of the releases."""
    monkeypatch.setitem(families.FAMILIES, ("debian", "12"), without_packages())
    monkeypatch.setattr(artifacts, "known_sums", lambda cluster: {})
    found = seen(CLUSTER)
    missing = artifacts.missing_sums(CLUSTER, found)
    return replace(found, sums={each.path: "5" * 64 for each in missing})


@pytest.mark.parametrize("case", RELEASED)
def test_what_has_no_package_comes_from_the_release(case: str, released: Seen, golden: Golden, tmp_path: Path) -> None:
    found = list(goals(RELEASED[case], CLUSTER, MON1, released).values())
    golden(GOLDEN / f"{case}.probe.sh", probes(found))
    golden(GOLDEN / f"{case}.apply.sh", applies(found))
    assert shellcheck(found, tmp_path) == ""


def test_a_release_is_looked_up_for_the_nodes_that_want_it(released: Seen) -> None:
    names = sorted(path.split("/")[1] for path in released.sums)
    assert names == ["alertmanager", "k3s", "node_exporter", "prometheus"]
    off = CLUSTER.model_copy(update={"monitoring": Monitoring(enabled=False)})
    missing = artifacts.missing_sums(off, replace(released, sums={}))
    assert [each.path.split("/")[1] for each in missing] == ["k3s", "node_exporter"]


def test_a_mirror_serves_releases_too(released: Seen) -> None:
    mirrored = GPU1.model_copy(update={"artifacts": Artifacts(mirror="https://mirror.example.com")})
    release = goals(node_exporter, CLUSTER, mirrored, released)["release node_exporter"]
    assert "https://mirror.example.com/prometheus/node_exporter/releases/download/v1.9.1/" in release.apply


def test_another_release_restarts_the_daemon(released: Seen) -> None:
    names = [f"{each}.service runs" for each in ("prometheus-node-exporter", "prometheus", "prometheus-alertmanager")]
    other = replace(released, sums=dict.fromkeys(released.sums, "6" * 64))
    for component, name in zip((node_exporter, prometheus, alertmanager), names, strict=True):
        assert goals(component, CLUSTER, MON1, released)[name] != goals(component, CLUSTER, MON1, other)[name]

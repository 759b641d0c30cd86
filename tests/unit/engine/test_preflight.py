"""What stands in the way is found before anything is touched, all of it at once."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from clustr.engine.preflight import Name, preflight, silence
from clustr.errors import PreflightError
from clustr.inventory.model import Cluster
from clustr.readiness import _refuse
from clustr.remote.facts import Facts, Interface
from clustr.remote.reach import Reach
from tests.components.k3s_nodes import bare, cluster_of, running, with_facts
from tests.unit.engine.preflight_case import THREE
from tests.unit.engine.preflight_cases import CASES, answering, judged, named

ONE = cluster_of("cp1", "gpu1")


@pytest.mark.parametrize("cluster", [ONE, THREE])
def test_nothing_stands_in_the_way_of_bare_machines_and_of_a_running_cluster(cluster: Cluster) -> None:
    assert judged(cluster, bare(cluster)) == ()
    assert preflight(cluster, running(cluster)) == ()  # where nobody has to be asked what it reaches


@pytest.mark.parametrize("name", CASES, ids=str)
def test_each_finding_names_its_node_and_says_what_to_do(name: Name) -> None:
    case = CASES[name]
    seen = case.seen(case.cluster)
    findings = (*judged(case.cluster, seen), *silence(case.cluster, seen))
    assert named(findings) == {(name, case.node)} | case.beside
    (found,) = (each for each in findings if (each.name, each.node) == (name, case.node))
    assert case.words in found.problem
    assert found.remedy or name.startswith("node.")  # what a silent node is mended with its own error says


@pytest.mark.parametrize("name", CASES, ids=str)
def test_each_finding_stops_a_run_by_its_name_and_can_be_ignored(name: Name) -> None:
    case = CASES[name]
    seen = answering(case.cluster, case.seen(case.cluster))
    with pytest.raises(PreflightError, match="Nothing was changed") as stopped:
        _refuse(case.cluster, seen, frozenset())
    assert f"  {name}  " in stopped.value.detail
    others = {each for each, _ in case.beside} - {name}
    _refuse(case.cluster, seen, others | {name})
    if others:
        with pytest.raises(PreflightError) as stopped:
            _refuse(case.cluster, seen, {name})
        assert f"  {name}  " not in stopped.value.detail


def test_every_finding_is_made_to_happen_and_told_in_the_docs() -> None:
    assert set(CASES) == set(Name)
    told = (Path(__file__).parents[3] / "docs/preflight.md").read_text()
    assert [line.split("`")[1] for line in told.splitlines() if line.startswith("| `")] == sorted(Name)


def test_silent_nodes_alone_stop_nothing() -> None:
    seen = CASES[Name.NODE_UNREACHABLE].seen(THREE)
    _refuse(THREE, answering(THREE, with_facts(seen, "cp1", systemd=True)), frozenset())


def test_of_nodes_that_were_not_chosen_nothing_stands_in_the_way() -> None:
    seen = answering(THREE, with_facts(bare(THREE), "gpu1", systemd=False))
    _refuse(THREE, seen, frozenset(), {"cp1", "cp2"})
    with pytest.raises(PreflightError):
        _refuse(THREE, seen, frozenset(), {"cp1", "gpu1"})
    case = CASES[Name.CLUSTER_SILENT_SERVER]
    with pytest.raises(PreflightError):
        _refuse(case.cluster, answering(case.cluster, case.seen(case.cluster)), frozenset(), frozenset())


def test_all_findings_come_at_once() -> None:
    seen = with_facts(bare(THREE), "gpu1", cgroup=1, memory_mb=1, disk_free_mb=1)
    seen = with_facts(seen, "cp2", systemd=False)
    assert len(judged(THREE, seen)) == 4


EMPTY: dict[str, object] = {"controllers": None, "listeners": None, "machine_id": "", "hostname": "", "clock": 1e300}
ODD: dict[str, object] = {"interfaces": (Interface("eth0", ("nonsense", ""), 0),), "next_kernel": "\x1b[2J", "cpus": -1}


@pytest.mark.parametrize("facts", [EMPTY, ODD, {**EMPTY, **ODD}], ids=["empty", "odd", "both"])
def test_facts_that_are_missing_or_odd_crash_no_rule(facts: dict[str, object]) -> None:
    """Every field that has a default is left out besides."""
    kept = {field.name: getattr(bare(THREE)["gpu1"], field.name) for field in fields(Facts)[:14]}
    seen = replace(bare(THREE), facts={**bare(THREE).facts, "gpu1": Facts(**{**kept, **facts})})
    found = named(preflight(THREE, seen))
    assert ("preflight.unknown", "gpu1") in found


def test_a_node_that_was_not_asked_or_could_not_be_is_no_reached_one() -> None:
    seen = answering(THREE, bare(THREE))
    without = {name: reach for name, reach in seen.reach.items() if name != "gpu1"}
    assert named(preflight(THREE, replace(seen, reach=without))) == {("preflight.unknown", "gpu1")}
    failed = replace(seen, reach={**without, "gpu1": Reach(error="the line was cut")})
    assert "the line was cut" in preflight(THREE, failed)[0].problem


def test_nothing_is_founded_while_a_server_is_silent() -> None:
    assert named(judged(THREE, bare(THREE, "cp2"))) == {("cluster.silent-server", "cp2")}
    assert judged(THREE, bare(THREE, "gpu1")) == ()
    seen = running(THREE)
    assert judged(THREE, replace(seen, facts={name: seen[name] for name in ("cp1", "cp3", "gpu1")})) == ()

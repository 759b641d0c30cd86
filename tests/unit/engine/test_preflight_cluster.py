"""Preflight where a cluster is there already, or was."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clustr.remote.facts import K3sFacts
from tests.components.k3s_nodes import bare, cluster_of, running, server_of, with_facts
from tests.unit.engine.preflight_case import THREE
from tests.unit.engine.preflight_cases import judged, k3s, named

ONE = cluster_of("cp1", "gpu1")


def test_no_second_cluster_is_founded_where_nodes_remember_a_first() -> None:
    assert named(judged(ONE, running(ONE, "cp1"))) == {("cluster.lost", "gpu1")}
    assert named(judged(THREE, running(THREE, "cp1", "cp2", "cp3"))) == {("cluster.lost", "gpu1")}


@pytest.mark.parametrize("name", ["cp1", "cp3", "gpu1"])
def test_a_known_node_without_its_data_is_taken_out_first(name: str) -> None:
    findings = judged(THREE, running(THREE, name))
    assert named(findings) == {("cluster.rejoin", name)}
    live = "cp2" if name == "cp1" else "cp1"
    assert findings[0].remedy.endswith(f"on {live}, k3s kubectl delete node {name}")


def test_a_new_node_is_no_finding() -> None:
    more = cluster_of("cp1", "cp2", "cp3", "gpu1", "gpu2")
    here = running(THREE)
    assert judged(more, replace(here, facts={**here.facts, "gpu2": bare(more)["gpu2"]})) == ()


def test_two_clusters_are_told_apart_by_their_ca() -> None:
    seen = with_facts(running(THREE), "cp3", k3s=server_of(THREE, ca="d" * 64))
    assert named(judged(THREE, seen)) == {("cluster.two", "cp3")}


@pytest.mark.parametrize(
    ("there", "wanted", "server", "agent"),
    [
        ("v1.36.5+k3s1", "v1.36.4+k3s1", "k3s.downgrade", "k3s.downgrade"),
        ("v1.36.5+k3s2", "v1.36.5+k3s1", "k3s.downgrade", "k3s.downgrade"),
        ("v1.34.9+k3s1", "v1.36.5+k3s1", "k3s.skipped-minor", ""),
        ("v1.35.1+k3s1", "v1.36.5+k3s1", "", ""),
        ("v1.36.9+k3s1", "v1.36.10+k3s1", "", ""),
        ("v1.36.3+lab1", "v1.36.3+lab2", "", ""),
    ],
)
def test_versions_go_forward_minor_by_minor(there: str, wanted: str, server: str, agent: str) -> None:
    cluster = k3s(version=wanted)
    seen = running(cluster)
    seen = with_facts(seen, "cp2", k3s=replace(seen["cp2"].k3s, version=there))
    seen = with_facts(seen, "gpu1", k3s=K3sFacts(there, agent_data=True))
    others = with_facts(with_facts(seen, "cp1", k3s=replace(seen["cp1"].k3s, version=wanted)), "cp3", k3s=replace(
        seen["cp3"].k3s, version=wanted
    ))  # fmt: skip
    expected = {(name, node) for name, node in ((server, "cp2"), (agent, "gpu1")) if name}
    assert named(judged(cluster, others)) == expected


def test_a_binary_that_nothing_runs_may_be_replaced_by_an_older_one() -> None:
    seen = with_facts(bare(THREE), "gpu1", k3s=K3sFacts("v1.99.0+k3s1"))
    assert judged(THREE, seen) == ()

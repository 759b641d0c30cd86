"""What stands in the way is found before anything is touched, all of it at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clustr.engine.preflight import Finding, preflight
from clustr.inventory.model import Cluster, K3s, Runtime
from clustr.remote.facts import K3sFacts, OperatingSystem
from tests.components.k3s_nodes import VERSION, bare, cluster_of, running, server_of, with_facts

THREE = cluster_of("cp1", "cp2", "cp3", "gpu1")
ONE = cluster_of("cp1", "gpu1")


def named(findings: tuple[Finding, ...]) -> set[tuple[str, str]]:
    return {(finding.name, finding.node) for finding in findings}


def k3s(**values: object) -> Cluster:
    return cluster_of("cp1", "cp2", "cp3", "gpu1", k3s=K3s.model_validate({"version": VERSION, **values}))


@pytest.mark.parametrize("cluster", [ONE, THREE])
def test_nothing_stands_in_the_way_of_bare_machines_and_of_a_running_cluster(cluster: Cluster) -> None:
    assert preflight(cluster, bare(cluster)) == ()
    assert preflight(cluster, running(cluster)) == ()


ON_A_NODE: dict[str, dict[str, object]] = {
    "os.systemd": {"systemd": False},
    "os.unsupported": {"os": OperatingSystem("plan9", "4", "", "Plan 9")},
    "os.architecture": {"architecture": "riscv64"},
    "os.cgroup-v1": {"cgroup": 1},
    "size.memory": {"memory_mb": 400},
    "size.cpus": {"cpus": 0},
    "size.disk": {"disk_free_mb": 100},
    "node.same-machine": {"machine_id": "0" * 32, "boot_id": "boot-0"},
    "node.machine-id": {"machine_id": "0" * 32},
    "network.address": {"interfaces": ()},
    "time.clock": {"clock": 1031.0},
}


@pytest.mark.parametrize("name", ON_A_NODE)
def test_each_rule_names_its_node_and_says_what_to_do(name: str) -> None:
    findings = preflight(THREE, with_facts(bare(THREE), "gpu1", **ON_A_NODE[name]))
    assert named(findings) == {(name, "gpu1")}
    assert all(finding.problem and finding.remedy for finding in findings)


def test_all_findings_come_at_once() -> None:
    seen = with_facts(bare(THREE), "gpu1", cgroup=1, memory_mb=1, disk_free_mb=1)
    seen = with_facts(seen, "cp2", systemd=False)
    assert len(preflight(THREE, seen)) == 4


def test_cgroup_v1_is_no_matter_where_it_is_allowed_or_the_kubelet_takes_it() -> None:
    for cluster in (k3s(allow_cgroup_v1=True), k3s(version="v1.34.9+k3s1")):
        assert preflight(cluster, with_facts(bare(cluster), "gpu1", cgroup=1)) == ()


def test_a_containerd_too_old_for_the_kubelet_is_found() -> None:
    chosen = {"runtime": Runtime(engine="containerd")}
    assert named(preflight(THREE.model_copy(update=chosen), bare(THREE))) == {
        ("runtime.containerd", node.name) for node in THREE.nodes
    }
    for cluster in (k3s(version="v1.35.9+k3s1").model_copy(update=chosen), k3s()):
        assert preflight(cluster, bare(cluster)) == ()


def test_an_interface_without_the_internal_address_is_found() -> None:
    nodes = tuple(
        node.model_copy(update={"interface": "eth1"}) if node.name == "gpu1" else node for node in THREE.nodes
    )
    assert named(preflight(THREE.model_copy(update={"nodes": nodes}), bare(THREE))) == {("network.interface", "gpu1")}


def test_a_clock_within_half_a_minute_is_no_finding() -> None:
    assert preflight(THREE, with_facts(bare(THREE), "gpu1", clock=1029.0)) == ()


def test_nothing_is_founded_while_a_server_is_silent() -> None:
    assert named(preflight(THREE, bare(THREE, "cp2"))) == {("cluster.silent-server", "cp2")}
    assert preflight(THREE, bare(THREE, "gpu1")) == ()
    seen = running(THREE)
    assert preflight(THREE, replace(seen, facts={name: seen[name] for name in ("cp1", "cp3", "gpu1")})) == ()


def test_no_second_cluster_is_founded_where_nodes_remember_a_first() -> None:
    assert named(preflight(ONE, running(ONE, "cp1"))) == {("cluster.lost", "gpu1")}
    assert named(preflight(THREE, running(THREE, "cp1", "cp2", "cp3"))) == {("cluster.lost", "gpu1")}


@pytest.mark.parametrize("name", ["cp1", "cp3", "gpu1"])
def test_a_known_node_without_its_data_is_taken_out_first(name: str) -> None:
    findings = preflight(THREE, running(THREE, name))
    assert named(findings) == {("cluster.rejoin", name)}
    live = "cp2" if name == "cp1" else "cp1"
    assert findings[0].remedy.endswith(f"on {live}, k3s kubectl delete node {name}")


def test_a_new_node_is_no_finding() -> None:
    more = cluster_of("cp1", "cp2", "cp3", "gpu1", "gpu2")
    here = running(THREE)
    assert preflight(more, replace(here, facts={**here.facts, "gpu2": bare(more)["gpu2"]})) == ()


def test_two_clusters_are_told_apart_by_their_ca() -> None:
    seen = with_facts(running(THREE), "cp3", k3s=server_of(THREE, ca="d" * 64))
    assert named(preflight(THREE, seen)) == {("cluster.two", "cp3")}


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
    assert named(preflight(cluster, others)) == expected


def test_a_binary_that_nothing_runs_may_be_replaced_by_an_older_one() -> None:
    seen = with_facts(bare(THREE), "gpu1", k3s=K3sFacts("v1.99.0+k3s1"))
    assert preflight(THREE, seen) == ()

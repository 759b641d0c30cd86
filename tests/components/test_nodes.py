"""What every node gets: facts in, goals out."""

from __future__ import annotations

from pathlib import Path

import pytest

from clustr.components import base_os, container_runtime, node_exporter
from clustr.engine.goal import Goal
from clustr.engine.stage import Component
from clustr.errors import PreflightError
from clustr.inventory.model import Addons, Cluster, Network, Node, Runtime, System, Time
from clustr.remote.facts import Firewall, OperatingSystem, Seen
from tests.components.machines import CP1, CP2, CP3, GPU1, GPU2, MON1, cluster_of, goals, node, seen, wanted
from tests.components.scripts import applies, probes, shellcheck
from tests.conftest import Golden

GOLDEN = Path(__file__).parent / "golden"
THREE = cluster_of(CP1, CP2, CP3, GPU1, MON1, time=Time(servers=("ntp.example.com", "10.0.0.1")))
BEHIND_VIP = cluster_of(
    CP1, GPU1, network=Network(vip="10.0.0.10"),
    system=System(packages=("htop",), sysctls={"vm.max_map_count": "262144"}),
)  # fmt: skip
DOCKER = cluster_of(CP1, GPU1, runtime=Runtime(engine="docker"))
CONTAINERD = cluster_of(CP1, GPU1, runtime=Runtime(engine="containerd"))
OTHER_CNI = cluster_of(CP1, GPU1, runtime=Runtime(engine="containerd"), network=Network(cni="none"))

CASES: dict[str, tuple[Component, Cluster, Node, Seen]] = {
    "base_os/server": (base_os, THREE, CP1, seen(THREE)),
    "base_os/behind_vip": (base_os, BEHIND_VIP, GPU1, seen(BEHIND_VIP)),
    "base_os/ufw": (base_os, THREE, CP2, seen(THREE, firewall=Firewall.UFW)),
    "base_os/firewalld": (base_os, THREE, MON1, seen(THREE, firewall=Firewall.FIREWALLD)),
    "container_runtime/docker": (container_runtime, DOCKER, GPU1, seen(DOCKER, cgroup=1)),
    "container_runtime/containerd": (container_runtime, CONTAINERD, GPU1, seen(CONTAINERD)),
    "container_runtime/other_cni": (container_runtime, OTHER_CNI, GPU1, seen(OTHER_CNI)),
    "node_exporter/package": (node_exporter, THREE, GPU1, seen(THREE)),
}


def listed(case: str) -> list[Goal]:
    return list(goals(*CASES[case]).values())


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


def hosts(cluster: Cluster, node: Node) -> list[str]:
    return wanted(goals(base_os, cluster, node, seen(cluster))["/etc/hosts"]).splitlines()[1:-1]


def test_hosts_name_the_servers_and_where_to_register() -> None:
    assert hosts(THREE, GPU1) == [
        "10.0.0.21 gpu1",
        "10.0.0.11 cp1",
        "10.0.0.12 cp2",
        "10.0.0.13 cp3",
        "10.0.0.11 test.k3s.internal",
        "10.0.0.12 test.k3s.internal",
        "10.0.0.13 test.k3s.internal",
    ]
    assert hosts(BEHIND_VIP, CP1) == ["10.0.0.11 cp1", "10.0.0.10 test.k3s.internal"]


def test_hosts_go_by_the_internal_address() -> None:
    cluster = cluster_of(CP1.model_copy(update={"internal_address": "172.16.0.11"}), GPU1)
    assert hosts(cluster, GPU1)[1:] == ["172.16.0.11 cp1", "172.16.0.11 test.k3s.internal"]


@pytest.mark.parametrize("firewall", Firewall)
@pytest.mark.parametrize("component", [base_os, container_runtime, node_exporter], ids=lambda each: each.__name__)
def test_one_more_agent_changes_no_other_node(component: Component, firewall: Firewall) -> None:
    more = THREE.model_copy(update={"nodes": (*THREE.nodes, GPU2)})
    for each in THREE.nodes:
        before = goals(component, THREE, each, seen(THREE, firewall=firewall))
        assert goals(component, more, each, seen(more, firewall=firewall)) == before


def test_time_comes_from_the_inventory_or_the_distribution() -> None:
    chosen = wanted(goals(base_os, THREE, GPU1, seen(THREE))["/etc/chrony/chrony.conf"])
    assert "server ntp.example.com iburst\nserver 10.0.0.1 iburst\n" in chosen
    assert "pool" not in chosen
    pool = wanted(goals(base_os, DOCKER, GPU1, seen(DOCKER))["/etc/chrony/chrony.conf"])
    assert "pool 2.debian.pool.ntp.org iburst\n" in pool
    ubuntu = seen(DOCKER, os=OperatingSystem("ubuntu", "24.04", "noble", "Ubuntu 24.04"))
    assert "pool ntp.ubuntu.com iburst\n" in wanted(goals(base_os, DOCKER, GPU1, ubuntu)["/etc/chrony/chrony.conf"])


def test_settings_of_the_inventory_rule() -> None:
    found = goals(base_os, BEHIND_VIP, GPU1, seen(BEHIND_VIP))
    assert found["sysctl vm.max_map_count"].wanted == "262144"
    assert "vm.max_map_count = 262144\n" in wanted(found["/etc/sysctl.d/90-clustr.conf"])
    assert wanted(found["/etc/sysctl.d/90-clustr.conf"]).count("vm.max_map_count") == 1
    assert found["package htop"].wanted == "installed"


def test_curl_and_certificates_come_before_what_downloads() -> None:
    names = list(goals(base_os, THREE, CP1, seen(THREE)))
    assert names[:2] == ["/usr/local/sbin/clustr-record-start", "packages"]
    assert {"ca-certificates", "curl"} < set(goals(base_os, THREE, CP1, seen(THREE))["packages"].probe.split())


def test_k3s_brings_its_own_runtime() -> None:
    assert goals(container_runtime, THREE, GPU1, seen(THREE)) == {}


def test_a_node_outside_the_cluster_gets_no_runtime() -> None:
    cluster = DOCKER.model_copy(update={"nodes": (*DOCKER.nodes, MON1)})
    assert goals(container_runtime, cluster, MON1, seen(cluster)) == {}


@pytest.mark.parametrize(("cgroup", "driver"), [(1, "cgroupfs"), (2, "systemd")])
def test_the_cgroup_driver_is_the_one_that_works_there(cgroup: int, driver: str) -> None:
    docker = goals(container_runtime, DOCKER, GPU1, seen(DOCKER, cgroup=cgroup))["/etc/docker/daemon.json"]
    assert f'"native.cgroupdriver={driver}"' in wanted(docker)
    config = goals(container_runtime, CONTAINERD, GPU1, seen(CONTAINERD, cgroup=cgroup))["/etc/containerd/config.toml"]
    assert f"SystemdCgroup = {'true' if driver == 'systemd' else 'false'}\n" in wanted(config)


def test_an_unknown_system_is_refused_with_those_that_are_known() -> None:
    other = seen(THREE, os=OperatingSystem("gentoo", "2", "", "Gentoo"))
    with pytest.raises(PreflightError) as refused:
        goals(base_os, THREE, CP1, other)
    assert refused.value.problem == "Gentoo is no system that clustr knows"
    assert "debian 12" in refused.value.remedy


def test_packages_of_the_exporter_listen_inside_only() -> None:
    inside = node("gpu1", *GPU1.roles, internal="172.16.0.21")
    cluster = cluster_of(CP1, inside, addons=Addons())
    arguments = goals(node_exporter, cluster, inside, seen(cluster))["/etc/default/prometheus-node-exporter"]
    assert "--web.listen-address=172.16.0.21:9100" in wanted(arguments)

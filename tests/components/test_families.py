"""Every system that clustr knows: recorded facts in, and out what of it is not as on the system before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from clustr.components import container_runtime, selinux
from clustr.components.selinux import KEY
from clustr.engine.goal import Disrupts, Goal
from clustr.engine.preflight import preflight
from clustr.errors import PreflightError
from clustr.families import FAMILIES, Manager, family
from clustr.inventory.model import Artifacts, Runtime
from clustr.remote.facts import Firewall, OperatingSystem, Selinux
from tests.components import machines
from tests.components.machines import CP1, GPU1, MON1, cluster_of, wanted
from tests.components.scripts import shellcheck
from tests.components.systems import CLUSTER, differences, goals, said, seen
from tests.conftest import Golden

GOLDEN = Path(__file__).parent / "golden/families"
# Each system, and the one that its golden file says the difference to; Debian 12's own are the other golden files.
BEFORE = {
    "debian-13": "debian-12",
    "ubuntu-22.04": "debian-12",
    "ubuntu-24.04": "ubuntu-22.04",
    "ubuntu-26.04": "ubuntu-24.04",
    "rocky-9": "debian-12",
    "almalinux-9": "rocky-9",
    "rhel-9": "rocky-9",
    "rocky-10": "rocky-9",
    "almalinux-10": "rocky-10",
    "rhel-10": "rocky-10",
}
EVERY = ("debian-12", *BEFORE)
ENTERPRISE_LINUX = [system for system in EVERY if said(system).os.id in ("rhel", "rocky", "almalinux")]


def test_every_known_system_is_recorded() -> None:
    known = {"-".join(key) for key in FAMILIES}
    assert known == set(EVERY)
    assert all(family(said(system)) for system in EVERY)


@pytest.mark.parametrize("system", BEFORE)
def test_what_differs_is_as_it_was(system: str, golden: Golden) -> None:
    golden(GOLDEN / f"{system}.txt", differences(BEFORE[system], system))


@pytest.mark.parametrize("manager", Manager)
def test_all_scripts_of_all_systems_pass_shellcheck(manager: Manager, tmp_path: Path) -> None:
    """Each goal that any of them comes to is in the one script, whatever its firewall and SELinux do."""
    found: dict[tuple[str, str, str], Goal] = {}
    for system in (each for each in EVERY if family(said(each)).manager is manager):
        for firewall in Firewall:
            for state in Selinux:
                looked = seen(system, firewall=firewall, selinux=state)
                for _, goal in goals(CLUSTER, looked):
                    found[goal.component, goal.probe, goal.apply] = goal
    assert len(found) > 100
    assert {goal.manager for goal in found.values()} == {manager, None}
    assert shellcheck(list(found.values()), tmp_path) == ""


REFUSED = {
    "centos-10": "CentOS Stream 10 (Coughlan) is no system that clustr knows: it looks like Enterprise Linux, but "
    "is not tried",
    "linuxmint-22": "Linux Mint 22 is no system that clustr knows: it looks like Ubuntu, but is not tried",
    "ubuntu-25.10": "Ubuntu 25.10 is no system that clustr knows: this version is not tried",
}


@pytest.mark.parametrize("system", REFUSED)
def test_a_system_that_nobody_tried_is_refused_by_name_before_anything_is_touched(system: str) -> None:
    found = [each for each in preflight(CLUSTER, seen(system)) if each.name == "os.unsupported"]
    assert [(each.node, each.problem) for each in found] == [(node.name, REFUSED[system]) for node in CLUSTER.nodes]
    assert "rocky 9, 10" in found[0].remedy
    with pytest.raises(PreflightError, match="no system that clustr knows"):
        list(goals(CLUSTER, seen(system)))


def test_a_minor_release_is_its_major_one() -> None:
    names = [family(machines.facts(CP1, os=OperatingSystem("rocky", each, "", ""))) for each in ("9", "9.0", "9.7")]
    assert names[0] == names[1] == names[2] != family(said("rocky-10"))


def on(system: str, node: str = "gpu1", **further: object) -> dict[str, Goal]:
    return {goal.name: goal for name, goal in goals(CLUSTER, seen(system, CLUSTER, **further)) if name == node}


@pytest.mark.parametrize("system", ENTERPRISE_LINUX)
@pytest.mark.parametrize("selinux", Selinux)
def test_policies_come_before_k3s_and_pods_are_confined_where_selinux_enforces(system: str, selinux: Selinux) -> None:
    found = on(system, selinux=selinux)
    names = list(found)
    switched_on = selinux in (Selinux.PERMISSIVE, Selinux.ENFORCING)
    assert ("SELinux policies" in found, KEY in found) == (switched_on, switched_on)
    if switched_on:
        assert names.index(KEY) < names.index("SELinux policies") < names.index("/usr/local/bin/k3s")
    confined = "\nselinux: true\n" in wanted(found["/etc/rancher/k3s/config.yaml"])
    assert confined is (selinux is Selinux.ENFORCING)


@pytest.mark.parametrize(
    ("packages", "site"),
    [
        ({"*": "http://10.0.0.5/mirrors"}, "http://10.0.0.5/mirrors/rancher"),
        ({"*": "http://10.0.0.5", "rancher": "https://rpm.example.com/r"}, "https://rpm.example.com/r"),
        ({"rocky": "http://10.0.0.5/rocky"}, "https://rpm.rancher.io"),
    ],
)
def test_policies_come_from_the_mirror_that_the_inventory_names(packages: dict[str, str], site: str) -> None:
    node = GPU1.model_copy(update={"artifacts": Artifacts(packages=packages)})
    found = {goal.name: goal for goal in selinux.goals(CLUSTER, node, seen("rocky-9"))}
    assert f"\nbaseurl={site}/k3s/stable/" in wanted(found["/etc/yum.repos.d/rancher-k3s-common.repo"])
    assert f" {site}/public.key C8CFF2" in found[KEY].apply


def test_a_node_outside_the_cluster_gets_neither_policy_nor_changed_interfaces() -> None:
    found = on("rocky-9", "mon1")
    assert not {"SELinux policies", "interfaces of pods", "units that hinder pods' packets"} & set(found)


@pytest.mark.parametrize("system", ENTERPRISE_LINUX)
def test_kernel_and_cloud_are_as_the_release_needs(system: str) -> None:
    found, kernel = on(system), said(system).kernel
    ten = system.endswith("-10")
    modules = "kernel-modules-extra of the running kernel"
    assert (modules in found) is ten
    if ten:
        assert found[modules].probe == f"probe_packages kernel-modules-extra-{kernel}"
    hindering = found.get("units that hinder pods' packets")
    assert (hindering is None) is ten
    assert hindering is None or hindering.disrupts is Disrupts.REBOOT


def test_a_kernel_of_large_pages_has_modules_of_its_own() -> None:
    (goal,) = (each for name, each in on("rhel-10", kernel="6.12.0-55.9.1.el10_0.aarch64+64k").items() if "64k" in name)
    assert goal.probe == "probe_packages kernel-64k-modules-extra-6.12.0-55.9.1.el10_0.aarch64"


@pytest.mark.parametrize("system", EVERY)
@pytest.mark.parametrize("engine", ["docker", "containerd"])
def test_a_runtime_that_a_system_lacks_is_refused_with_the_way_out(system: str, engine: str) -> None:
    cluster = cluster_of(CP1, GPU1, MON1, runtime=Runtime.model_validate({"engine": engine}))
    looked = seen(system, cluster)
    missing = [found for found in preflight(cluster, looked) if found.name == "runtime.missing"]
    if system not in ENTERPRISE_LINUX:
        assert missing == []
        assert f"packages of {engine}" in {goal.name for goal in container_runtime.goals(cluster, GPU1, looked)}
        return
    assert [(found.node, found.remedy) for found in missing] == [
        (node.name, "set runtime.engine: k3s, which brings its own") for node in (CP1, GPU1)
    ]
    with pytest.raises(PreflightError, match=f"has no {engine} among its packages"):
        list(container_runtime.goals(cluster, GPU1, looked))

"""Preflight of GPUs rule by rule: what is no finding, and what a finding says of harder cases."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clustr.engine.preflight import Finding
from clustr.engine.preflight.gpu import newest_kernel
from clustr.inventory.gpu import ClusterGpu, NodeClass, Source
from clustr.inventory.model import Cluster, Runtime
from clustr.remote.facts import Former, Kernel, OperatingSystem, PciDevice, Record, Remains, Seen
from clustr.remote.gpu_facts import Candidate, KubeGpu, ModuleOwner
from tests.components.k3s_nodes import bare, cluster_of, with_facts
from tests.unit.engine.preflight_case import THREE
from tests.unit.engine.preflight_cases import judged, named
from tests.unit.engine.preflight_gpu_cases import (
    AT_WORK,
    H100,
    KERNEL,
    MODULE,
    RHEL,
    ROCKY,
    SLOTS,
    SWITCHES,
    UBUNTU,
    WELL,
    driver,
    on_gpus,
    packages,
    telling,
)

A100 = (PciDevice("0000:1b:00.0", "10de", "20b2", "030200"),)


def names(seen: Seen, cluster: Cluster = THREE) -> set[str]:
    return {name for name, _ in named(judged(cluster, seen))}


def test_nothing_stands_in_the_way_of_gpus_that_are_well() -> None:
    assert judged(THREE, on_gpus()) == ()
    assert judged(THREE, on_gpus(gpu=AT_WORK)) == ()
    preinstalled = driver(source=Source.PREINSTALLED)
    assert judged(preinstalled, on_gpus(preinstalled, gpu=AT_WORK)) == ()


def test_a_driver_that_is_there_needs_no_new_initramfs() -> None:
    assert names(on_gpus(gpu=replace(AT_WORK, boot_free_mb=1))) == set()
    assert names(on_gpus(gpu=replace(WELL, boot_free_mb=None))) == set()
    other = driver(branch="590")
    assert names(on_gpus(other, gpu=replace(AT_WORK, boot_free_mb=1)), other) == {"gpu.boot-full"}


def test_missing_gpus_are_named_by_where_the_others_of_the_class_have_theirs() -> None:
    four = cluster_of("cp1", "gpu1", "gpu2", "gpu3")
    expects = {"class_name": "h100", "expects": NodeClass(gpus=8)}
    nodes = tuple(node.model_copy(update=expects) if node.name != "cp1" else node for node in four.nodes)
    four = four.model_copy(update={"nodes": nodes})
    seen = bare(four)
    for name in ("gpu1", "gpu2", "gpu3"):
        seen = with_facts(seen, name, pci=(*H100, *SWITCHES), gpu=WELL)
    assert judged(four, seen) == ()
    (found,) = judged(four, with_facts(seen, "gpu3", pci=(*H100[2:], *SWITCHES)))
    assert found.problem == f"has 6 GPUs, its class h100 says 8; missing: {SLOTS[0]}, {SLOTS[1]}"
    alone = with_facts(with_facts(with_facts(seen, "gpu3", pci=H100[2:]), "gpu1", pci=()), "gpu2", pci=())
    assert {each.problem for each in judged(four, alone)} == {
        "has 6 GPUs, its class h100 says 8",
        "has 0 GPUs, its class h100 says 8",
    }


def test_headers_that_are_there_or_to_be_had_or_unknown_are_no_finding() -> None:
    for candidates in ((), (Candidate(f"linux-headers-{KERNEL}", "6.1.0-1"),)):
        assert names(on_gpus(gpu=replace(WELL, headers=frozenset(), candidates=candidates))) == set()
    gone = (Candidate(f"linux-headers-{KERNEL}", ""),)
    assert names(on_gpus(gpu=replace(WELL, candidates=gone))) == set()
    kernel = "5.14.0-503.el9.x86_64"
    lacking = replace(WELL, headers=frozenset(), candidates=(Candidate(f"kernel-devel-{kernel}", ""),))
    modules = frozenset(("overlay", "br_netfilter", "nf_conntrack", "vxlan"))
    seen = on_gpus(gpu=lacking, os=ROCKY, kernel=kernel, next_kernel=kernel, kernels=(Kernel(kernel, modules),))
    (found,) = judged(THREE, seen)
    assert found.problem == f"no headers are to be had for its kernel {kernel} (kernel-devel-{kernel})"
    assert found.remedy.startswith("dnf --disableplugin=versionlock upgrade 'kernel*' there")


@pytest.mark.parametrize(
    ("kernel", "flavour"),
    [
        ("6.1.0-57-cloud-amd64", "cloud-amd64"),
        ("6.12.41+deb13-amd64", "amd64"),
        ("6.8.0-51-generic", "generic"),
        ("6.8.0-1021-aws", "aws"),
        ("6.1.0", "FLAVOUR"),
    ],
)
def test_the_newest_kernel_comes_with_its_headers_to_a_node_that_holds_its_own(kernel: str, flavour: str) -> None:
    seen = on_gpus(kernel=kernel, next_kernel=kernel, os=UBUNTU)
    assert newest_kernel(seen["gpu1"]) == (
        f"apt-get update && apt-get install --allow-change-held-packages linux-image-{flavour} linux-headers-{flavour}"
    )


def test_rhel_has_to_be_told_of_epel() -> None:
    for lacking in (ROCKY, UBUNTU):  # Rocky has a package that brings it
        assert names(on_gpus(gpu=replace(WELL, candidates=(Candidate("dkms", ""),)), os=lacking)) == set()
    for candidates in ((), (Candidate("dkms", "3.2.1-1.el9"),)):
        assert names(on_gpus(gpu=replace(WELL, candidates=candidates), os=RHEL)) == set()
    (found,) = judged(THREE, on_gpus(gpu=replace(WELL, candidates=(Candidate("dkms", ""),)), os=RHEL))
    assert "codeready-builder-for-rhel-9-x86_64-rpms" in found.remedy
    assert "epel-release-latest-9.noarch.rpm" in found.remedy


def test_modules_that_no_package_brought_are_not_mixed_with_a_package_s() -> None:
    by_hand = replace(MODULE, owner=ModuleOwner.UNKNOWN)
    assert names(on_gpus(gpu=replace(AT_WORK, modules=(by_hand,)))) == {"gpu.runfile"}
    kept = driver(source=Source.PREINSTALLED)
    assert names(on_gpus(kept, gpu=replace(AT_WORK, modules=(by_hand,))), kept) == set()
    elsewhere = replace(by_hand, kernel="6.0.9")  # no boot will load it
    assert names(on_gpus(gpu=replace(AT_WORK, modules=(MODULE, elsewhere)))) == set()


def test_a_source_of_nvidias_is_not_the_distributions() -> None:
    """Debian 12 with cuda-keyring's source, and nothing of it installed."""
    distro = driver(source=Source.DISTRO, branch="535")
    theirs = Candidate("nvidia-kernel-dkms", "595.91.07-1", "NVIDIA")
    (found,) = judged(distro, on_gpus(distro, replace(WELL, candidates=(theirs,)), pci=A100))
    assert found.name == "gpu.mixed-sources"
    assert found.remedy.startswith("remove that source")
    own = replace(theirs, origin="Debian")
    assert names(on_gpus(distro, replace(WELL, candidates=(own,)), pci=A100), distro) == {"gpu.candidate"}


def test_signed_modules_have_to_be_there_for_the_kernel_that_will_run() -> None:
    """Secure Boot on Ubuntu, whose own archive has signed modules."""
    distro = driver(source=Source.DISTRO)
    secure = replace(WELL, secure_boot=True, headers=frozenset())
    modules = f"linux-modules-nvidia-580-server-open-{KERNEL}"
    offered = replace(secure, candidates=(Candidate(modules, "6.1.0-1"), Candidate("containerd", "2.0")))
    assert names(on_gpus(distro, offered, os=UBUNTU), distro) == set()
    older = replace(secure, candidates=(Candidate("containerd", "2.0"),))
    found = judged(distro, on_gpus(distro, older, os=UBUNTU))
    assert [each.name for each in found] == ["gpu.kernel"]
    assert found[0].remedy == "boot a kernel that linux-modules-nvidia-580-server-open-* is made for"
    here = replace(older, modules=(MODULE,))
    assert names(on_gpus(distro, here, os=UBUNTU), distro) == set()


def test_what_is_installed_of_a_branch_and_held_stays() -> None:
    distro = driver(source=Source.DISTRO, branch="580")
    newer = (Candidate("nvidia-headless-580-server-open", "595.71.05-0ubuntu0.24.04.1"),)
    held = packages(("nvidia-headless-580-server-open", "580.95.05-0ubuntu0.24.04.2", "Ubuntu"))
    gpu = replace(WELL, candidates=newer)
    assert names(on_gpus(distro, gpu, os=UBUNTU), distro) == {"gpu.candidate"}
    assert names(on_gpus(distro, replace(gpu, packages=held), os=UBUNTU), distro) == set()
    assert names(on_gpus(gpu=gpu, os=UBUNTU)) == set()  # NVIDIA's is pinned before it is asked
    tool = (Candidate("nvidia-modprobe", "570.133.07-1"),)  # beside branch 550, in Debian 13
    trixie = OperatingSystem("debian", "13", "trixie", "Debian GNU/Linux 13 (trixie)")
    plain = driver(source=Source.DISTRO)
    assert "gpu.candidate" not in names(on_gpus(plain, replace(WELL, candidates=tool), os=trixie), plain)


@pytest.mark.parametrize(
    ("package", "mixed"),
    [
        (("libnvidia-compute-580", "580.95.05-0ubuntu1", "NVIDIA"), False),
        (("libnvidia-compute-580", "580.95.05-0ubuntu1", ""), False),  # in no source now: its revision tells
        (("libnvidia-compute-580", "580.95.05-0ubuntu0.24.04.2", ""), True),
        (("libcuda1", "535.309.01-1~deb12u1", ""), True),
        (("libcuda1", "550.163.01-2", ""), False),  # nobody knows
        (("libnvidia-compute-580", "580.95.05-0ubuntu0~gpu24.04.1", "LP-PPA-graphics-drivers"), True),
        (("nvidia-container-toolkit", "580.95.05-1", "Ubuntu"), False),  # the name tells, not the version
        (("nvidia-modprobe", "20220217+3", "Debian"), False),  # a tool with a version of its own
        (("nvidia-driver-cuda", "3:580.95.05-1.el9", "cuda-rhel9-x86_64"), False),
        (("nvidia-driver-cuda", "3:580.95.05-1.el9", "rpmfusion-nonfree"), True),
        (("nvidia-driver-cuda", "580.95.05-1", "our mirror"), False),
        (("linux-modules-nvidia-580-server-6.8.0-90-generic", "6.8.0-90.91+1", "Ubuntu"), True),
    ],
)
def test_packages_of_the_other_source(package: tuple[str, str, str], mixed: bool) -> None:
    assert names(on_gpus(gpu=replace(WELL, packages=packages(package)))) == ({"gpu.mixed-sources"} if mixed else set())


@pytest.mark.parametrize(
    ("version", "origin", "whose"),
    [
        ("580.95.05-0ubuntu0~gpu24.04.1", "LP-PPA-graphics-drivers", "another source's"),
        ("580.95.05-0ubuntu0~gpu24.04.1", "", "another source's"),
        ("580.95.05-0ubuntu1", "", "NVIDIA's"),
        ("595.71.05-1ubuntu1", "", "NVIDIA's"),
    ],
)
def test_a_third_source_is_not_the_distributions(version: str, origin: str, whose: str) -> None:
    distro = driver(source=Source.DISTRO)
    there = replace(WELL, packages=packages(("libnvidia-compute-580", version, origin)))
    (found,) = judged(distro, on_gpus(distro, there, os=UBUNTU))
    assert found.problem.startswith(f"has {whose} packages libnvidia-compute-580")
    assert ("set driver.source" in found.remedy) is (whose == "NVIDIA's")


def test_nvidias_packages_are_in_the_way_of_the_distributions() -> None:
    distro = driver(source=Source.DISTRO)
    many = [(f"libnvidia-{part}", "580.95.05-1", "NVIDIA") for part in ("cfg1", "ml1", "gpucomp", "pkcs11", "nvvm4")]
    (found,) = judged(distro, on_gpus(distro, replace(WELL, packages=packages(*many)), os=UBUNTU))
    listed = "libnvidia-cfg1, libnvidia-gpucomp, libnvidia-ml1, libnvidia-nvvm4 and 1 more"
    assert found.problem == f"has NVIDIA's packages {listed}, and driver.source is distro"
    assert found.remedy.startswith("apt-get purge libnvidia-cfg1 ")
    assert found.remedy.endswith("; or set driver.source: nvidia")


def test_what_a_gpu_operator_left_is_told_once() -> None:
    left = replace(WELL, toolkit_left=True, owner=ModuleOwner.GPU_OPERATOR)
    assert names(on_gpus(gpu=left)) == {"gpu.toolkit-left", "gpu.operator-driver"}
    remains = (Remains(Former.GPU_OPERATOR, "/usr/local/nvidia"),)
    assert names(on_gpus(gpu=left, remains=remains)) == {"remains.gpu-operator"}


def handing_out(cluster_gpu: ClusterGpu, gpu: KubeGpu, records: tuple[Record, ...] = ()) -> list[Finding]:
    cluster = THREE.model_copy(update={"cluster_gpu": cluster_gpu})
    return list(judged(cluster, with_facts(telling(gpu).seen(cluster), "cp2", records=records)))


def test_never_two_device_plugins() -> None:
    ours, operators = "kube-system/nvidia-device-plugin-whole", "gpu-operator/nvidia-device-plugin-daemonset"
    both = KubeGpu(device_plugins=(ours, operators))
    (found,) = handing_out(ClusterGpu.CLUSTR, both)
    assert found.problem == f"the cluster's DaemonSet {operators} hands GPUs out, and cluster_gpu is clustr"
    assert found.remedy.startswith(
        "uninstall the GPU Operator (helm -n gpu-operator list names it)"
    )  # it makes it again
    assert handing_out(ClusterGpu.GPU_OPERATOR, both) == []  # clustr takes its own away
    assert handing_out(ClusterGpu.NONE, both) == []
    assert len(handing_out(ClusterGpu.GPU_OPERATOR, KubeGpu(device_plugins=("x/plugin", operators)))) == 1


def test_an_operator_that_clustr_put_there_is_clustrs_to_take_away() -> None:
    """The way back from cluster_gpu: gpu-operator; the plan that takes it has the record's removal."""
    mine = (
        Record(5000, "gpu_operator", "", "/x/clustr-gpu-operator.yaml", "undo_manifest /x/clustr-gpu-operator.yaml"),
    )
    operators = KubeGpu(device_plugins=("gpu-operator/nvidia-device-plugin-daemonset",))
    assert handing_out(ClusterGpu.CLUSTR, operators, mine) == []
    strangers = KubeGpu(device_plugins=("kube-system/nvidia-device-plugin-daemonset",))
    (found,) = handing_out(ClusterGpu.CLUSTR, strangers, mine)
    assert "delete daemonset nvidia-device-plugin-daemonset" in found.remedy


def test_gpus_of_dynamic_resource_allocation_are_left_to_it() -> None:
    assert handing_out(ClusterGpu.CLUSTR, KubeGpu(dra=("gpu.nvidia.com",))) == []


def test_runtimes_that_are_new_enough_or_not_known_are_taken() -> None:
    docker = THREE.model_copy(update={"runtime": Runtime(engine="docker")})
    for version, finds in (("20.10.24+dfsg1-1", True), ("26.1.5+dfsg1-9", False), ("28.0.4", False)):
        seen = on_gpus(docker, replace(WELL, candidates=(Candidate("docker.io", version),)))
        assert names(seen, docker) == ({"gpu.runtime"} if finds else set()), version
    assert "gpu.runtime" not in names(on_gpus(docker), docker)


def test_systems_that_clustr_does_not_know_have_one_finding() -> None:
    plan9 = OperatingSystem("plan9", "4", "", "Plan 9")
    assert names(on_gpus(os=plan9)) == {"os.unsupported"}


def test_other_devices_of_nvidias_are_no_gpus() -> None:
    audio = PciDevice("0000:01:00.1", "10de", "22bd", "040300")
    assert judged(THREE, on_gpus(pci=(audio,))) == ()

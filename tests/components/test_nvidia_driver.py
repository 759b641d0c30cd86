"""The driver, fabric manager and CUDA's toolkit: facts of a machine in, goals out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from clustr.components import cuda, fabric_manager, nvidia_driver
from clustr.components.vendor import NVIDIA, place
from clustr.engine.goal import Disrupts, Goal
from clustr.engine.stage import Component
from clustr.errors import PreflightError
from clustr.inventory.gpu import Cuda, Driver, Modules, Source
from clustr.inventory.model import Artifacts, Node
from clustr.remote.facts import Facts, Kernel, PciDevice, Seen
from clustr.remote.gpu_facts import GpuFacts
from tests.components.gpu_machines import BARE, KERNEL, MACHINE, TODAY, b200, gpu, hgx, loaded
from tests.components.machines import CP1, GPU1, cluster_of, facts, goals
from tests.components.scripts import applies, probes, shellcheck
from tests.components.systems import said
from tests.conftest import Golden

GOLDEN = Path(__file__).parent / "golden"
H100, A100, V100, GH200, GB200 = "2330", "20b2", "1db5", "2342", "2941"


def node(source: Source = Source.NVIDIA, branch: str = "auto", **further: object) -> Node:
    return GPU1.model_copy(update={"driver": Driver(source=source, branch=branch), **further})


def with_kernel(release: str, source: Source = Source.NVIDIA) -> Node:
    return GPU1.model_copy(update={"driver": Driver(source=source, kernel=release)})


def machine(pci: tuple[PciDevice, ...], gpus: GpuFacts = BARE, **further: object) -> Facts:
    return facts(GPU1, pci=pci, gpu=gpus, **{**MACHINE, **further})


def recorded(system: str, pci: tuple[PciDevice, ...]) -> Facts:
    """What a machine of this system said of itself, with these devices in it."""
    found = said(system)
    kernels = (Kernel(found.next_kernel, frozenset()),)
    return replace(found, hostname="gpu1", pci=pci, gpu=BARE, kernels=kernels, clock=TODAY)


SITE_KEY = {Path("k.asc"): "-----BEGIN PGP PUBLIC KEY BLOCK-----\nsite's\n"}


def case(component: Component, wanted: Node, found: Facts, **further: object) -> list[Goal]:
    cluster = cluster_of(CP1, wanted, files=SITE_KEY, **further)
    return list(goals(component, cluster, wanted, Seen({CP1.name: facts(CP1), wanted.name: found})).values())


def _cases() -> dict[str, tuple[Component, Node, Facts, dict[str, object]]]:
    one = (gpu(H100),)
    mirror = Artifacts(packages={"nvidia": "https://m.example.com/nv"}, keys={"nvidia": Path("k.asc")})
    distro, secure = node(Source.DISTRO), GpuFacts(secure_boot=True)
    return {
        "nvidia_driver/debian-12": (nvidia_driver, node(), machine(one), {}),
        "nvidia_driver/debian-12-hgx": (nvidia_driver, node(), machine(hgx(H100)), {}),
        "nvidia_driver/debian-12-595": (
            nvidia_driver, node(branch="595"), machine(one, loaded("580.173.02", holders=())), {}
        ),
        "nvidia_driver/debian-12-distro": (nvidia_driver, node(Source.DISTRO, "535"), machine((gpu(A100),)), {}),
        "nvidia_driver/site-key": (nvidia_driver, node(artifacts=mirror), machine(one), {}),
        "nvidia_driver/ubuntu-24.04": (nvidia_driver, node(), recorded("ubuntu-24.04", one), {}),
        "nvidia_driver/ubuntu-24.04-distro": (
            nvidia_driver, distro, replace(recorded("ubuntu-24.04", one), gpu=secure), {}
        ),
        "nvidia_driver/ubuntu-24.04-gh200": (
            nvidia_driver, node(), replace(recorded("ubuntu-24.04", (gpu(GH200),)), architecture="aarch64"), {}
        ),
        "nvidia_driver/rocky-9": (nvidia_driver, node(), recorded("rocky-9", one), {}),
        "nvidia_driver/debian-12-kernel": (nvidia_driver, with_kernel("6.1.0-57-amd64"), machine(one), {}),
        "nvidia_driver/rocky-9-kernel": (
            nvidia_driver, with_kernel("5.14.0-611.5.1.el9_7.x86_64"), recorded("rocky-9", one), {}
        ),
        "fabric_manager/hgx": (fabric_manager, node(), machine(hgx(H100)), {}),
        "fabric_manager/b200": (fabric_manager, node(), machine(b200()), {}),
        "fabric_manager/gb200": (
            fabric_manager, node(), replace(recorded("ubuntu-24.04", (gpu(GB200),)), architecture="aarch64"), {}
        ),
        "cuda/toolkit": (cuda, node(), machine(one), {"cuda": Cuda(toolkit="13.0")}),
    }  # fmt: skip


def listed(name: str) -> list[Goal]:
    component, wanted, found, further = _cases()[name]
    return case(component, wanted, found, **further)


@pytest.mark.parametrize("name", _cases())
def test_scripts_are_as_they_were(name: str, golden: Golden) -> None:
    golden(GOLDEN / f"{name}.probe.sh", probes(listed(name)))
    golden(GOLDEN / f"{name}.apply.sh", applies(listed(name)))


@pytest.mark.parametrize("name", _cases())
def test_scripts_pass_shellcheck(name: str, tmp_path: Path) -> None:
    assert shellcheck(listed(name), tmp_path) == ""


def of(found: list[Goal], name: str) -> Goal:
    return next(goal for goal in found if goal.name == name)


def test_without_a_gpu_there_is_nothing_to_do() -> None:
    for component in (nvidia_driver, fabric_manager, cuda):
        assert case(component, node(), machine(()), cuda=Cuda(toolkit="13.0")) == []


def test_what_is_preinstalled_is_left_alone() -> None:
    there = machine(hgx(H100), loaded("570.195.03"))
    assert case(nvidia_driver, node(Source.PREINSTALLED), there) == []
    assert case(fabric_manager, node(Source.PREINSTALLED), there) == []


def test_what_cannot_be_had_is_refused_with_the_way_out() -> None:
    unfit = node().model_copy(update={"driver": Driver(source=Source.DISTRO, branch="535", modules=Modules.OPEN)})
    with pytest.raises(PreflightError) as refused:
        case(nvidia_driver, unfit, machine((gpu(A100),)))
    assert refused.value.node == "gpu1"
    assert refused.value.remedy
    with pytest.raises(PreflightError, match=r"cuda\.toolkit") as refused:
        case(cuda, node(Source.DISTRO, "535"), machine((gpu(A100),)), cuda=Cuda(toolkit="13.0"))
    assert "driver.source: nvidia" in refused.value.remedy


def test_fabric_manager_comes_in_the_driver_s_own_step() -> None:
    driver = of(listed("nvidia_driver/debian-12-hgx"), "driver")
    assert "nvidia-fabricmanager" in driver.apply.split()
    assert "nvidia-fabricmanager" not in of(listed("nvidia_driver/debian-12"), "driver").apply.split()


def test_imex_knows_the_nodes_of_its_class_those_that_are_silent_too() -> None:
    rack = [node(name=f"gpu{each}", internal_address=f"10.0.0.2{each}", class_name="rack1") for each in range(1, 5)]
    other = node(name="gpu9", internal_address="10.0.0.29", class_name="rack2")
    gb200 = replace(recorded("ubuntu-24.04", (gpu(GB200),)), architecture="aarch64")
    found = {each.name: replace(gb200, hostname=each.name) for each in (*rack[:2], other)}
    found["gpu4"] = replace(gb200, hostname="gpu4", pci=())  # of that class, and no part of the rack
    cluster = cluster_of(CP1, *rack, other)

    def made(who: Node, gpus: GpuFacts = BARE) -> dict[str, Goal]:
        facts_of = {**found, who.name: replace(found[who.name], gpu=gpus)}
        return goals(fabric_manager, cluster, who, Seen({CP1.name: facts(CP1), **facts_of}))

    listed = made(rack[0])[fabric_manager.IMEX_NODES]
    assert str(listed.wanted).splitlines()[1:] == ["10.0.0.21", "10.0.0.22", "10.0.0.23"]
    assert made(rack[1])[fabric_manager.IMEX_NODES] == listed
    assert str(made(other)[fabric_manager.IMEX_NODES].wanted).splitlines()[1:] == ["10.0.0.29"]
    runs, drop_in = f"{fabric_manager.IMEX} runs", f"/etc/systemd/system/{fabric_manager.IMEX}.d/50-clustr.conf"
    assert fabric_manager.IMEX_NODES in made(rack[0])[drop_in].apply  # a restart is due when the list changes
    assert made(rack[0])[runs].disrupts is Disrupts.NOTHING
    assert made(rack[0], loaded("580.173.02"))[runs].disrupts is Disrupts.WORKLOADS


def test_a_change_of_branch_under_a_loaded_module_drains_the_node() -> None:
    found = listed("nvidia_driver/debian-12-595")
    assert of(found, "driver").disrupts is Disrupts.WORKLOADS
    assert of(found, "driver in the kernel").disrupts is Disrupts.WORKLOADS
    same = case(nvidia_driver, node(), machine((gpu(H100),), loaded("580.173.02", holders=())))
    assert of(same, "driver").disrupts is Disrupts.NOTHING
    flavour = case(nvidia_driver, node(), machine((gpu(H100),), loaded("580.173.02", open=False, holders=())))
    assert of(flavour, "driver").disrupts is Disrupts.WORKLOADS


def test_a_kernel_of_the_inventory_comes_with_headers_and_module_before_its_boot() -> None:
    release = "6.1.0-57-amd64"
    here = machine((gpu(H100),), loaded("580.173.02", holders=()))
    found = case(nvidia_driver, with_kernel(release), here)
    names = [goal.name for goal in found]
    kernel, runs = of(found, f"kernel {release}"), of(found, "kernel that runs")
    assert kernel.apply == f"apply_packages linux-image-{release} linux-headers-{release}"
    assert f" {release} " in of(found, "driver").probe
    assert release in of(found, "driver in the kernel").probe
    assert (runs.wanted, runs.disrupts, runs.note) == (release, Disrupts.REBOOT, f"reboots: into the kernel {release}")
    order = [kernel.name, "nouveau in the initramfs", "driver", "driver in the kernel", runs.name]
    assert [name for name in names if name in order] == order


@pytest.mark.parametrize("source", [Source.NVIDIA, Source.PREINSTALLED])
def test_without_one_in_the_inventory_the_kernel_stays(source: Source) -> None:
    asked = node(source) if source is Source.NVIDIA else with_kernel("6.1.0-57-amd64", source)
    found = case(nvidia_driver, asked, machine((gpu(H100),)))
    assert [goal.name for goal in found if goal.name.startswith("kernel ")] == []


def test_modules_are_built_for_the_kernel_that_will_run() -> None:
    newer = "6.1.0-58-amd64"
    kernels = tuple(Kernel(release, frozenset()) for release in (KERNEL, newer))
    waits = machine((gpu(H100),), loaded("580.173.02", holders=()), next_kernel=newer, kernels=kernels)
    found = case(nvidia_driver, node(), waits)
    assert f"linux-headers-{newer}" in of(found, "DKMS and kernel headers").apply
    assert newer in of(found, "driver").apply
    assert KERNEL not in of(found, "driver").apply
    loading = of(found, "driver in the kernel")
    assert loading.disrupts is Disrupts.REBOOT
    assert newer in loading.note


def test_signed_modules_need_neither_dkms_nor_headers() -> None:
    names = [goal.name for goal in listed("nvidia_driver/ubuntu-24.04-distro")]
    assert "DKMS and kernel headers" not in names


def test_memory_that_is_coherent_is_the_driver_s() -> None:
    names = [goal.name for goal in listed("nvidia_driver/ubuntu-24.04-gh200")]
    assert "/etc/modprobe.d/clustr-nvidia.conf" in names
    assert "mode of the GPUs' coherent memory" in names
    assert "/etc/modprobe.d/clustr-nvidia.conf" not in [goal.name for goal in listed("nvidia_driver/ubuntu-24.04")]


def test_a_branch_without_a_mode_for_coherent_memory_is_asked_for_none() -> None:
    old = replace(recorded("debian-13", (gpu(GH200),)), architecture="aarch64")
    names = [goal.name for goal in case(nvidia_driver, node(Source.DISTRO, "550"), old)]
    assert "driver" in names
    assert "/etc/modprobe.d/clustr-nvidia.conf" not in names
    assert "mode of the GPUs' coherent memory" not in names


@pytest.mark.parametrize(
    ("mirrors", "url"),
    [
        ({}, "https://developer.download.nvidia.com/compute/cuda/repos/debian12/x86_64"),
        ({"nvidia": "http://m.example.com/nv"}, "http://m.example.com/nv/debian12/x86_64"),
        ({"*": "https://m.example.com"}, "https://m.example.com/nvidia/debian12/x86_64"),
        ({"debian": "https://m.example.com/debian"},
         "https://developer.download.nvidia.com/compute/cuda/repos/debian12/x86_64"),
    ],
)  # fmt: skip
def test_a_mirror_takes_the_place_of_nvidia_s_site(mirrors: dict[str, str], url: str) -> None:
    assert place(Artifacts(packages=mirrors), NVIDIA, f"{NVIDIA.site}/debian12/x86_64") == url


def test_a_mirror_without_a_key_of_its_own_is_held_to_nvidia_s() -> None:
    mirrored = node(artifacts=Artifacts(packages={"nvidia": "http://m.example.com/nv"}))
    found = case(nvidia_driver, mirrored, machine((gpu(H100),)))
    key = of(found, "/etc/apt/keyrings/clustr-nvidia.asc")
    assert key.wanted == "EB693B3035CD5710E231E123A4B469963BF863CC"
    assert "http://m.example.com/nv/debian12/x86_64/3bf863cc.pub" in key.apply

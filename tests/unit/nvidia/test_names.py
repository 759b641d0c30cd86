"""Names of packages: as NVIDIA's guide and the distributions' archives have them."""

from __future__ import annotations

import pytest

from clustr.nvidia.chips import Board, gpus
from clustr.nvidia.choice import Choice, choose
from clustr.nvidia.packages import (
    dcgm_packages,
    dkms_package,
    driver_packages,
    fabric_manager_packages,
    headers_packages,
    module_stream,
    pinning_package,
    toolkit_packages,
    version_lock,
)
from tests.unit.nvidia.machines import machine, node

KERNEL = "6.8.0-51-generic"


def choice(
    system: str, chip: str = "H100", *, secure_boot: bool = False, aarch64: bool = False, **driver: str
) -> Choice:
    architecture = "aarch64" if aarch64 else "x86_64"
    found = choose(node(**driver), machine(system, (chip,), secure_boot=secure_boot, architecture=architecture))
    assert isinstance(found, Choice)
    return found


def of_ubuntu_590(flavour: str = "") -> set[str]:
    """All of one flavour: NVIDIA's control.in has the two sources conflict."""
    by_flavour = {f"{name}{flavour}" for name in ("nvidia-dkms", "nvidia-headless-no-dkms", "nvidia-kernel-source")}
    return {"nvidia-firmware", "libnvidia-compute", "nvidia-persistenced", *by_flavour}


UBUNTU_580 = {"libnvidia-compute-580", "nvidia-utils-580", "nvidia-persistenced"}
DEBIAN = {"libcuda1", "libnvidia-cfg1", "libnvidia-ml1", "nvidia-smi", "nvidia-persistenced"}
CUDA = {"nvidia-driver-cuda", "nvidia-persistenced"}


@pytest.mark.parametrize(
    ("chosen", "modules", "userland", "pin"),
    [
        (choice("debian-12"), "nvidia-kernel-open-dkms", CUDA, "nvidia-driver-pinning-580"),
        (choice("debian-12", "V100"), "nvidia-kernel-dkms", CUDA, "nvidia-driver-pinning-580"),
        (choice("debian-13"), "nvidia-kernel-open-dkms", CUDA, "nvidia-driver-pinning-595"),
        (choice("ubuntu-24.04"), "nvidia-dkms-580-open", UBUNTU_580, "nvidia-driver-pinning-580"),
        (choice("ubuntu-22.04", "V100"), "nvidia-dkms-580", UBUNTU_580, "nvidia-driver-pinning-580"),
        (
            choice("ubuntu-24.04", branch="595"),
            "nvidia-dkms-open",
            of_ubuntu_590("-open"),
            "nvidia-driver-pinning-595",
        ),
        (
            choice("ubuntu-24.04", branch="595", modules="proprietary"),
            "nvidia-dkms",
            of_ubuntu_590(),
            "nvidia-driver-pinning-595",
        ),
        (
            choice("ubuntu-26.04"),
            "nvidia-dkms-open",
            {"zstd", *of_ubuntu_590("-open")},
            "nvidia-driver-pinning-595",
        ),
        (choice("rocky-9"), "kmod-nvidia-open-dkms", CUDA, ""),
        (choice("rhel-9", "V100"), "kmod-nvidia-latest-dkms", CUDA, ""),
        (choice("debian-12", source="distro", branch="535"), "nvidia-kernel-dkms", DEBIAN, ""),
        (choice("debian-13", source="distro", branch="550"), "nvidia-open-kernel-dkms", DEBIAN, ""),
        (
            choice("ubuntu-24.04", source="distro"),
            "nvidia-dkms-580-server-open",
            {"nvidia-headless-580-server-open", "nvidia-utils-580-server"},
            "",
        ),
    ],
)
def test_a_driver_that_dkms_builds(chosen: Choice, modules: str, userland: set[str], pin: str) -> None:
    found = driver_packages(chosen, KERNEL)
    assert len(set(found)) == len(found)
    assert set(found) == {modules, *userland}
    assert (dkms_package(chosen), pinning_package(chosen)) == (modules, pin)


@pytest.mark.parametrize(("chip", "flavour"), [("H100", "-open"), ("V100", "")])
def test_signed_modules_are_of_the_kernel_that_will_run_and_ask_for_no_dkms(chip: str, flavour: str) -> None:
    chosen = choice("ubuntu-24.04", chip, source="distro", secure_boot=True)
    assert driver_packages(chosen, KERNEL) == (
        f"linux-modules-nvidia-580-server{flavour}-{KERNEL}",
        f"nvidia-headless-no-dkms-580-server{flavour}",
        "nvidia-utils-580-server",
    )
    assert (dkms_package(chosen), headers_packages(chosen, KERNEL)) == ("", ())


def on_ten(**driver: str) -> Choice:
    asked = node(**driver)
    keys = asked.artifacts.model_copy(update={"keys": {"nvidia": "site-key.asc"}})
    found = choose(asked.model_copy(update={"artifacts": keys}), machine("rocky-10", ("H100",)))
    assert isinstance(found, Choice)
    return found


def test_enterprise_linux_9_has_streams_and_10_locks() -> None:
    assert module_stream(choice("rocky-9")) == "nvidia-driver:580-open"
    assert module_stream(choice("rocky-9", "V100")) == "nvidia-driver:580-dkms"
    assert version_lock(on_ten(branch="595")) == "*nvidia*595*"
    assert (version_lock(choice("rocky-9")), module_stream(on_ten())) == ("", "")
    assert (version_lock(choice("debian-12")), module_stream(choice("debian-12"))) == ("", "")


@pytest.mark.parametrize(
    ("system", "kernel", "wanted"),
    [
        ("debian-12", "6.1.0-42-amd64", "linux-headers-6.1.0-42-amd64"),
        ("ubuntu-24.04", KERNEL, f"linux-headers-{KERNEL}"),
        ("rocky-9", "5.14.0-570.el9_6.x86_64", "kernel-devel-5.14.0-570.el9_6.x86_64"),
        ("rocky-9", "5.14.0-570.el9_6.aarch64+64k", "kernel-64k-devel-5.14.0-570.el9_6.aarch64"),
    ],
)
def test_headers_are_of_the_kernel_that_is_named(system: str, kernel: str, wanted: str) -> None:
    assert headers_packages(choice(system), kernel) == (wanted,)


FABRIC = ("nvidia-fabricmanager", "libnvidia-nscq")
LINK5 = ("nvlsm", "infiniband-diags")


@pytest.mark.parametrize(
    ("chosen", "kind", "wanted"),
    [
        (choice("debian-12"), Board.NONE, ()),
        (choice("debian-12"), Board.NVSWITCH, FABRIC),
        (choice("rocky-9", "B200"), Board.NVSWITCH_CX7, (*FABRIC, "libnvsdm", *LINK5)),
        (
            choice("ubuntu-24.04", "B200", aarch64=True),
            Board.NVSWITCH_CX7,
            (*FABRIC, *LINK5, f"linux-modules-extra-{KERNEL}"),
        ),
        (choice("ubuntu-24.04", source="distro"), Board.NVSWITCH, ("nvidia-fabricmanager-580",)),
        (choice("ubuntu-24.04", "GB200", aarch64=True), Board.MULTI_NODE, ("nvidia-imex",)),
    ],
)
def test_fabric_manager_goes_by_the_board(chosen: Choice, kind: Board, wanted: tuple[str, ...]) -> None:
    assert fabric_manager_packages(chosen, kind, KERNEL) == wanted


@pytest.mark.parametrize(
    ("chosen", "chip", "wanted"),
    [
        (choice("debian-12"), "H100", (13,)),
        (choice("debian-12", "V100"), "V100", (12, 13)),
        (choice("debian-13"), "H100", ()),
        (choice("ubuntu-26.04"), "H100", ()),
        (choice("debian-12", source="distro", branch="535"), "H100", ()),
        (on_ten(), "H100", (13,)),
    ],
)
def test_dcgm_goes_by_the_drivers_cuda_and_the_oldest_chip(chosen: Choice, chip: str, wanted: tuple[int, ...]) -> None:
    found = dcgm_packages(chosen, gpus(machine("debian-12", (chip,))))
    assert found == tuple(f"datacenter-gpu-manager-4-cuda{cuda}" for cuda in wanted)


def test_a_driver_that_is_there_already_has_no_packages_here() -> None:
    chosen = choice("debian-12", source="preinstalled")
    assert (driver_packages(chosen, KERNEL), headers_packages(chosen, KERNEL)) == ((), ())
    assert (dkms_package(chosen), pinning_package(chosen)) == ("", "")
    assert (module_stream(chosen), version_lock(chosen)) == ("", "")
    assert (fabric_manager_packages(chosen, Board.NVSWITCH, KERNEL), dcgm_packages(chosen, ())) == ((), ())


def test_the_toolkit_is_four_packages() -> None:
    assert len(set(toolkit_packages())) == 4

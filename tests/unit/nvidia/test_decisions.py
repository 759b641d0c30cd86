"""The decision table: chip, branch, modules, Secure Boot, system and source in; a driver or its refusal out.

Each row names where its rule was read. What a row leaves out is auto, off, and NVIDIA's repository.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from clustr.nvidia.chips import CHIPS
from clustr.nvidia.choice import Choice, Refusal, Why, choose
from clustr.remote.facts import PciDevice
from tests.unit.nvidia.machines import BRIDGE, DEVICES, SWITCH, machine, node

MATRIX = "CUDA Toolkit, Driver, and Architecture Matrix: last driver of Maxwell, Pascal and Volta R580, of Kepler R470"
KERNEL_MODULES = (
    "driver installation guide r610, Kernel Modules: Volta and older proprietary, Grace Hopper and Blackwell open"
)
ONLY_OPEN = "driver installation guide r620, Proprietary Kernel Modules Removed"
LIFE = "Supported Drivers and CUDA Toolkit Versions, editions 615 and 620"
FIRST = "MIG user guide 620, Deployment Considerations: B200 from 570.133.20, B300 from 580.82.07"
MOK = "mokutil(1): a key for DKMS is confirmed at the console; Canonical's linux-modules-nvidia are signed"
PRECOMPILED = "NVIDIA/yum-packaging-precompiled-kmod#59: who signs modules on Enterprise Linux"
TRIXIE = "NVIDIA/cuda-repo-management#38: the repository for Debian 13 has no 580"
RESOLUTE = "NVIDIA/gpu-driver-container, ubuntu26.04/Dockerfile: 595 is the oldest"
ARM = "Getty/rex-gpu, Setup/Debian.pm: debian12/sbsa has 590..615, debian13/sbsa 595..615"
RENAMED = "Getty/rex-gpu, references/hardware.md: fabric manager has other names from 620 on"
OWN = "packages.debian.org: nvidia-kernel-dkms, nvidia-open-kernel-dkms of bookworm and trixie"
UBUNTU = "packages.ubuntu.com: nvidia-graphics-drivers-580-server, -595-server; older ones are transitional"
EL = "RHEL, Rocky and AlmaLinux have no driver in BaseOS or AppStream"
KEY = "NVIDIA/cuda-repo-management, Active pubkeys: CDF6BA43, without a fingerprint"
FABRIC = "Fabric Manager user guide; Debian's archive has no fabric manager"
IDS = "README of NVIDIA/open-gpu-kernel-modules and pci.ids"


@dataclass(frozen=True)
class Row:
    """`wanted` is branch and flavour, `580 open`, and `signed` where it is; or the kind of refusal."""

    chips: tuple[str, ...]
    system: str
    wanted: str
    because: str
    source: str = "nvidia"
    branch: str = "auto"
    modules: str = "auto"
    secure_boot: bool = False
    architecture: str = "x86_64"
    further: tuple[PciDevice, ...] = ()
    says: str = ""  # a part of the note, or of the remedy

    def __str__(self) -> str:
        asked = (self.branch, self.modules, "secure boot" if self.secure_boot else "", self.architecture)
        return " ".join(("+".join(self.chips), self.system, self.source, *asked, self.wanted)).replace("  ", " ")


ALL = ("T4", "A100", "L40S", "H100", "B200", "RTX-5090")
OLD = ("M40", "P100", "V100")
HOLD_580 = ("debian-12", "ubuntu-22.04", "ubuntu-24.04", "rocky-9", "almalinux-9", "rhel-9")

ROWS = [
    # auto: 580 where it is held and fits
    *(Row((chip,), system, "580 open", KERNEL_MODULES) for chip in ALL for system in HOLD_580),
    *(Row((chip,), system, "580 proprietary", KERNEL_MODULES) for chip in OLD for system in HOLD_580),
    Row(("GH200",), "ubuntu-24.04", "580 open", KERNEL_MODULES, architecture="aarch64"),
    Row(("GB200",), "ubuntu-24.04", "580 open", KERNEL_MODULES, architecture="aarch64"),
    Row(("GH200",), "rocky-9", "580 open", KERNEL_MODULES, architecture="aarch64"),
    # else the production branch, and the plan says why
    *(Row((chip,), "debian-13", "595 open", TRIXIE, says="580 is not in NVIDIA's repository") for chip in ALL),
    *(Row((chip,), "ubuntu-26.04", "595 open", RESOLUTE, says="580 is not in NVIDIA's repository") for chip in ALL),
    # a chip that the place's branches left behind, and the nearest place that has one for it
    Row(("V100",), "debian-13", "branch", MATRIX, says="take debian 12 with driver.source: nvidia"),
    Row(("V100",), "ubuntu-26.04", "branch", MATRIX, says="set driver.source: distro"),
    Row(("V100",), "ubuntu-24.04", "branch", MATRIX, branch="595", says="set driver.branch: auto"),
    Row(("P100",), "rocky-9", "branch", MATRIX, branch="620", says="set driver.branch: auto"),
    Row(("M40",), "debian-12", "branch", MATRIX, branch="590", says="set driver.branch: auto"),
    Row(("K80",), "ubuntu-24.04", "branch", MATRIX, says="driver.source: preinstalled"),
    Row(("K80",), "debian-12", "branch", MATRIX, source="distro", branch="535"),
    Row(("B200",), "debian-12", "branch", FIRST, source="distro", branch="535", says="set driver.source: nvidia"),
    Row(("B200",), "debian-13", "branch", FIRST, source="distro", branch="550", says="set driver.source: nvidia"),
    Row(("B300",), "debian-12", "580 open", FIRST),
    Row(("RTX-5090",), "debian-13", "branch", FIRST, source="distro", branch="550"),
    # a branch that the place does not hold
    Row(("H100",), "debian-13", "branch", TRIXIE, branch="580", says="take debian 12 with driver.source: nvidia"),
    Row(("H100",), "ubuntu-26.04", "branch", RESOLUTE, branch="580", says="set driver.source: distro"),
    Row(("H100",), "ubuntu-24.04", "branch", LIFE, branch="570", says="set driver.branch: auto"),
    Row(("H100",), "ubuntu-24.04", "branch", "no pinning package of 620 was seen", branch="620"),
    Row(("H100",), "ubuntu-24.04", "branch", UBUNTU, source="distro", branch="550"),
    # a branch that is asked for, whatever auto would take
    Row(("H100",), "rocky-9", "620 open", ONLY_OPEN, branch="620"),
    Row(("H100",), "ubuntu-24.04", "595 open", LIFE, branch="595"),
    Row(("H100",), "ubuntu-24.04", "610 open", LIFE, branch="610", says="ended 2026-08"),
    Row(("H100",), "ubuntu-24.04", "615 open", LIFE, branch="615", says="feature branch"),
    # flavours
    Row(("V100",), "ubuntu-24.04", "modules", KERNEL_MODULES, modules="open", says="set driver.modules: auto"),
    Row(("M40",), "debian-12", "modules", KERNEL_MODULES, modules="open", says="set driver.modules: auto"),
    Row(("B200",), "rocky-9", "modules", KERNEL_MODULES, modules="proprietary", says="set driver.modules: auto"),
    Row(("GH200",), "ubuntu-24.04", "modules", KERNEL_MODULES, modules="proprietary", architecture="aarch64"),
    Row(("H100",), "rocky-9", "modules", ONLY_OPEN, branch="620", modules="proprietary", says="driver.branch: auto"),
    Row(("H100",), "rocky-9", "580 proprietary", KERNEL_MODULES, modules="proprietary"),
    Row(("T4",), "debian-12", "580 proprietary", KERNEL_MODULES, modules="proprietary"),
    Row(("A100",), "ubuntu-24.04", "595 proprietary", KERNEL_MODULES, branch="595", modules="proprietary"),
    Row(("V100",), "ubuntu-24.04", "580 proprietary", KERNEL_MODULES, modules="proprietary"),
    # chips of two kinds in one machine
    Row(("V100", "H100"), "ubuntu-24.04", "580 proprietary", KERNEL_MODULES),
    Row(("T4", "B200"), "ubuntu-24.04", "580 open", KERNEL_MODULES),
    Row(("V100", "B200"), "ubuntu-24.04", "modules", KERNEL_MODULES, says="different machines"),
    Row(("V100", "T4"), "debian-13", "branch", MATRIX),
    Row(("H100", "unknown"), "ubuntu-24.04", "unknown-chip", IDS, says="driver.source: preinstalled"),
    # Secure Boot
    Row(("H100",), "ubuntu-24.04", "secure-boot", MOK, secure_boot=True, says="linux-modules-nvidia-580-server-open"),
    Row(("V100",), "ubuntu-22.04", "secure-boot", MOK, secure_boot=True, says="linux-modules-nvidia-580-server is"),
    Row(("H100",), "ubuntu-24.04", "580 open signed", MOK, source="distro", secure_boot=True),
    Row(("H100",), "ubuntu-26.04", "595 open signed", MOK, source="distro", branch="595", secure_boot=True),
    Row(("V100",), "ubuntu-22.04", "580 proprietary signed", MOK, source="distro", secure_boot=True),
    Row(("H100",), "debian-12", "secure-boot", MOK, secure_boot=True, says="ubuntu 26.04 with driver.source: distro"),
    Row(("H100",), "debian-12", "secure-boot", MOK, source="distro", branch="535", secure_boot=True),
    Row(("H100",), "debian-13", "secure-boot", MOK, secure_boot=True, says="switch Secure Boot off"),
    Row(("H100",), "rocky-9", "secure-boot", MOK, secure_boot=True, says="switch Secure Boot off"),
    Row(("H100",), "almalinux-9", "secure-boot", PRECOMPILED, secure_boot=True, says="kmod-nvidia-open"),
    Row(("H100",), "rhel-10", "system", PRECOMPILED, secure_boot=True, says="rhel-10-for-x86_64-extensions-rpms"),
    # the distributions' own archives
    Row(("H100",), "ubuntu-24.04", "580 open", UBUNTU, source="distro"),
    Row(("V100",), "ubuntu-26.04", "580 proprietary", UBUNTU, source="distro"),
    Row(("H100",), "debian-12", "branch", LIFE, source="distro", says="set driver.branch: 535"),
    Row(("H100",), "debian-12", "535 proprietary", OWN, source="distro", branch="535", says="ended 2026-06"),
    Row(("V100",), "debian-12", "535 proprietary", OWN, source="distro", branch="535", says="ended 2026-06"),
    Row(("H100",), "debian-12", "modules", OWN, source="distro", branch="535", modules="open", says="modules: auto"),
    Row(("H100",), "debian-13", "branch", LIFE, source="distro", says="set driver.branch: 550"),
    Row(("H100",), "debian-13", "550 open", OWN, source="distro", branch="550", says="2026-09 at the latest"),
    Row(
        ("H100",),
        "debian-13",
        "550 proprietary",
        OWN,
        source="distro",
        branch="550",
        modules="proprietary",
        says="ended",
    ),
    Row(("V100",), "debian-13", "550 proprietary", OWN, source="distro", branch="550", says="ended"),
    *(Row(("H100",), system, "system", EL, source="distro") for system in ("rocky-9", "rhel-9", "almalinux-10")),
    Row(("H100",), "rocky-9", "system", EL, source="distro", says="set driver.source: nvidia"),
    # places without a key or an architecture
    *(
        Row(("H100",), f"{name}-10", "system", KEY, says="artifacts.keys.nvidia")
        for name in ("rhel", "rocky", "almalinux")
    ),
    Row(("A100",), "debian-12", "595 open", ARM, architecture="aarch64", says="580 is not in NVIDIA's repository"),
    Row(("GH200",), "debian-13", "595 open", ARM, architecture="aarch64", says="580 is not in NVIDIA's repository"),
    Row(("GH200",), "debian-12", "590 open", ARM, branch="590", architecture="aarch64", says="ended"),
    Row(("GH200",), "debian-13", "branch", ARM, branch="590", architecture="aarch64", says="set driver.branch: auto"),
    Row(("A100",), "debian-12", "branch", LIFE, source="distro", architecture="aarch64", says="driver.source: nvidia"),
    # what joins the GPUs
    Row(("H100",), "debian-12", "580 open", FABRIC, further=(SWITCH,)),
    Row(("H100",), "ubuntu-24.04", "580 open", UBUNTU, source="distro", further=(SWITCH,)),
    Row(("A100",), "debian-12", "system", FABRIC, source="distro", branch="535", further=(SWITCH,), says="nvidia"),
    Row(("B200",), "debian-12", "580 open", FABRIC, further=(BRIDGE,)),
    Row(("H100",), "rocky-9", "580 open", FABRIC, further=(SWITCH,)),
    Row(("H100",), "rocky-9", "system", RENAMED, branch="620", further=(SWITCH,), says="set driver.branch: auto"),
    Row(("V100",), "debian-12", "580 proprietary", RENAMED, further=(replace(SWITCH, device="1ac2"),)),
    Row(("B200",), "ubuntu-24.04", "system", FABRIC, source="distro", further=(BRIDGE,), says="driver.source: nvidia"),
    Row(("GB200",), "ubuntu-24.04", "system", FABRIC, source="distro", architecture="aarch64"),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_choice(row: Row) -> None:
    asked = node(source=row.source, branch=row.branch, modules=row.modules)
    facts = machine(row.system, row.chips, *row.further, secure_boot=row.secure_boot, architecture=row.architecture)
    found = choose(asked, facts)
    assert row.because
    if isinstance(found, Choice):
        flavour = "open" if found.open else "proprietary"
        assert f"{found.branch} {flavour}{' signed' if found.signed else ''}" == row.wanted
        assert found.cell is not None
        assert (found.source, found.cell.source) == (row.source, row.source)
        assert row.says in found.note
        assert bool(found.note) is bool(row.says)
    else:
        assert isinstance(found, Refusal)
        assert (found.why, found.problem != "") == (row.wanted, True), found
        assert row.says in found.remedy
        assert found.remedy


def test_no_two_rows_ask_the_same() -> None:
    names = [f"{row} {row.further}" for row in ROWS if row.says != "set driver.source: nvidia"]
    assert len(set(names)) == len(names)


def test_the_rows_meet_every_kind_of_refusal_and_every_chip() -> None:
    assert {row.wanted for row in ROWS} >= set(Why)
    assert {chip for row in ROWS for chip in row.chips} == set(DEVICES)
    assert {name for name, device in DEVICES.items() if device not in CHIPS} == {"unknown"}


def test_a_node_without_gpus_needs_no_driver() -> None:
    assert choose(node(), machine("debian-12", ())) is None


@pytest.mark.parametrize("system", ["debian-12", "ubuntu-25.10", "centos-10"])
def test_a_driver_that_is_there_already_is_taken_as_it_is(system: str) -> None:
    """Whatever its chip, its system and its firmware are."""
    found = choose(node(source="preinstalled"), machine(system, ("unknown",), secure_boot=True))
    assert isinstance(found, Choice)
    assert (found.branch, found.cell) == (0, None)


def test_a_system_that_no_table_knows_is_refused_by_name() -> None:
    found = choose(node(), machine("ubuntu-25.10", ("H100",)))
    assert isinstance(found, Refusal)
    assert (found.why, "Ubuntu 25.10" in found.problem) == (Why.SYSTEM, True)


@pytest.mark.parametrize(("chip", "told"), [("H100", True), ("V100", False)])
def test_signed_open_modules_are_offered_to_chips_that_run_with_them(chip: str, told: bool) -> None:
    found = choose(node(), machine("almalinux-9", (chip,), secure_boot=True))
    assert isinstance(found, Refusal)
    assert ("kmod-nvidia-open" in found.remedy) is told


def test_a_site_that_names_the_key_of_its_copy_needs_no_fingerprint() -> None:
    asked = node()
    keys = asked.artifacts.model_copy(update={"keys": {"nvidia": "site-key.asc"}})
    found = choose(asked.model_copy(update={"artifacts": keys}), machine("rocky-10", ("H100",)))
    assert isinstance(found, Choice)
    assert found.branch == 580


@pytest.mark.parametrize(
    ("day", "wanted"),
    [("2026-11-30", 580), ("2028-06-30", 580), ("2028-07-01", 620), ("2029-09-30", 620)],
)
def test_auto_takes_no_branch_past_its_end(day: str, wanted: int) -> None:
    clock = datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC).timestamp()
    found = choose(node(), machine("rocky-9", ("H100",), clock=clock))
    assert isinstance(found, Choice)
    assert found.branch == wanted


@pytest.mark.parametrize("clock", [0.0, -1.0, 1e18, 1e300])
def test_a_clock_that_is_far_off_breaks_nothing(clock: float) -> None:
    assert isinstance(choose(node(), machine("rocky-9", ("H100",), clock=clock)), Choice)


def test_when_all_have_ended_nothing_is_taken_without_being_asked_for() -> None:
    clock = datetime(2030, 1, 1, tzinfo=UTC).timestamp()
    found = choose(node(), machine("rocky-9", ("H100",), clock=clock))
    assert isinstance(found, Refusal)
    assert (found.why, "580, which ended 2028-06" in found.problem) == (Why.BRANCH, True)
    assert "set driver.branch: 620" in found.remedy


def test_where_secure_boot_cannot_be_told_signed_modules_are_safe_and_others_are_said() -> None:
    facts = machine("ubuntu-24.04", ("H100",), gpu=machine("ubuntu-24.04", ()).gpu.__class__())
    assert facts.gpu.secure_boot is None
    signed, built = choose(node(source="distro"), facts), choose(node(), facts)
    assert isinstance(signed, Choice)
    assert isinstance(built, Choice)
    assert (signed.signed, signed.note) == (True, "")
    assert (built.signed, "Secure Boot could not be told" in built.note) == (False, True)

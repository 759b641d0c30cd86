"""The table of chips, and what a machine's PCI devices say of it."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

import clustr.nvidia
from clustr.lab.boards import BOARDS as LAB_BOARDS
from clustr.lab.model import GpuModel
from clustr.nvidia.chips import (
    BOARDS,
    CHIPS,
    Architecture,
    Board,
    OpenModules,
    board,
    fabric_ports,
    gpus,
    ports_of_class,
)
from clustr.remote.facts import PciDevice
from tests.unit.nvidia.machines import BRIDGE, SWITCH, gpu, machine

TABLE = Path(clustr.nvidia.__file__).with_name("chips.csv")
EVERY = (*CHIPS.values(), *BOARDS.values())


def rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


def test_each_row_is_whole_and_no_two_are_of_one_device() -> None:
    found = rows()
    for row in found:
        assert re.fullmatch(r"[0-9a-f]{4}", row["device"]), row
        assert re.fullmatch(r"([0-9a-f]{4}:[0-9a-f]{4})?", row["subsystem"]), row
        assert row["source"] in ("readme", "pci.ids"), row
        assert set(row["traits"].split()) <= {"mig", "coherent", "multi-node"}, row
        assert re.fullmatch(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*", row["model"]), row
        assert 0 <= int(row["memory_gb"]) <= 300, row
    most = Counter((row["device"], row["subsystem"]) for row in found).most_common(1)
    assert most[0][1] == 1


def test_a_board_that_is_told_apart_has_a_chip_for_all_others_of_its_device() -> None:
    assert {device for device, _ in BOARDS} <= set(CHIPS)
    for (device, _), chip in BOARDS.items():
        assert chip.architecture is CHIPS[device].architecture
        assert chip != CHIPS[device] or device == "25b6"  # A16 and A2: the table takes one where neither is told


def test_a_chip_of_the_readme_can_run_open_modules() -> None:
    """That table is of the GPUs which the open modules run."""
    listed = [row for row in rows() if row["source"] == "readme"]
    assert len(listed) > 100
    for row in listed:
        chip = BOARDS.get((row["device"], row["subsystem"])) or CHIPS[row["device"]]
        assert chip.open is not OpenModules.NO, row


@pytest.mark.parametrize(
    ("architectures", "wanted"),
    [
        (("KEPLER", "MAXWELL", "PASCAL", "VOLTA"), OpenModules.NO),
        (("TURING", "AMPERE", "ADA"), OpenModules.POSSIBLE),
        (("BLACKWELL",), OpenModules.REQUIRED),
    ],
)
def test_open_modules_go_by_architecture(architectures: tuple[str, ...], wanted: OpenModules) -> None:
    found = [chip for chip in EVERY if chip.architecture.name in architectures]
    assert found
    assert {chip.open for chip in found} == {wanted}


def test_of_hopper_the_coherent_ones_need_open_modules() -> None:
    hopper = [chip for chip in EVERY if chip.architecture is Architecture.HOPPER]
    assert {chip.model.partition("-")[0] for chip in hopper if chip.open is OpenModules.REQUIRED} == {"GH200"}
    assert {chip.open for chip in hopper if not chip.coherent} == {OpenModules.POSSIBLE}


def test_the_data_centre_is_there() -> None:
    """Those that the open modules' README, the MIG guide and Debian's list (which lacks some) name."""
    named = {chip.model for chip in EVERY}
    wanted = """
        K80 M60 P100-SXM P40 V100-SXM-16GB V100-SXM-32GB V100-PCIe-32GB V100S T4
        A100-SXM-40GB A100-SXM-80GB A100-PCIe-40GB A100-PCIe-80GB A30 A10 A40 A16 A2 L4 L40 L40S
        H100-SXM H100-PCIe H100-NVL H200-SXM H200-NVL H800-SXM H20 GH200 B100 B200 B300 GB200 GB300 GB10
        RTX-A6000 RTX-6000-Ada RTX-PRO-6000-Server RTX-3090 RTX-4090 RTX-5090
    """
    assert set(wanted.split()) - named == set()


def test_where_a_device_is_two_products_the_board_tells_them_apart() -> None:
    def called(device: str, subsystem: str) -> str:
        found = gpus(machine("debian-12", (), PciDevice("0000:01:00.0", "10de", device, "030200", subsystem=subsystem)))
        return found[0].chip.name if found[0].chip else ""

    assert called("25b6", "10de:14a9") == "A16"
    assert called("25b6", "10de:157e") == "A2"
    assert called("1e30", "10de:129e") == "Quadro RTX 8000"
    assert called("1e30", "10de:12ba") == "Quadro RTX 6000"
    assert called("1e30", "") == "Quadro RTX 6000"


def test_an_inventory_may_call_a_chip_by_less_than_its_whole_name() -> None:
    chip = CHIPS["20b2"]
    assert chip.model == "A100-SXM-80GB"
    assert all(chip.is_a(name) for name in ("A100", "A100-SXM", "a100-sxm-80gb"))
    assert not any(chip.is_a(name) for name in ("A100-SXM-40GB", "A10", "A100-PCIe", "H100", ""))


@pytest.mark.parametrize("model", GpuModel)
def test_memory_is_about_what_nvidia_smi_tells_of_the_chip(model: GpuModel) -> None:
    """As recorded on real machines, for the lab."""
    made = LAB_BOARDS[model]
    chip = CHIPS[made.device]
    assert chip.is_a(model.value)
    assert 0.92 < made.memory_mib / 1024 / chip.memory_gb <= 1.0


def test_gpus_are_display_and_3d_controllers_of_nvidias_by_their_slots() -> None:
    """Their audio and USB functions, switches, and what others make are none."""
    audio, other = (
        PciDevice("0000:01:00.1", "10de", "10f9", "040300"),
        PciDevice("0000:02:00.0", "1a03", "2000", "030000"),
    )
    shown = PciDevice("0000:01:00.0", "10de", "2684", "030000")
    found = gpus(machine("debian-12", ("H100",), SWITCH, audio, other, shown))
    assert [each.device.slot for each in found] == ["0000:01:00.0", "0000:10:00.0"]
    assert [each.chip.model for each in found if each.chip] == ["RTX-4090", "H100-SXM"]


@pytest.mark.parametrize(
    ("chips", "further", "wanted"),
    [
        (("H100",), (), Board.NONE),
        (("H100",), (SWITCH,), Board.NVSWITCH),
        (("A100",), (PciDevice("0000:05:00.0", "10de", "1af1", "068000"),), Board.NVSWITCH),
        (("V100",), (PciDevice("0000:05:00.0", "10de", "1ac2", "068000"),), Board.NVSWITCH),
        (("B200",), (BRIDGE,), Board.NVSWITCH_CX7),
        (("B200",), (PciDevice("0000:06:00.0", "15b3", "1021", "020700"),), Board.NONE),
        (("GB200",), (), Board.MULTI_NODE),
        ((), (), Board.NONE),
    ],
)
def test_the_board_is_known_by_its_switches(
    chips: tuple[str, ...], further: tuple[PciDevice, ...], wanted: Board
) -> None:
    assert board(machine("debian-12", chips, *further)) is wanted


def test_ports_of_the_fabric_are_physical_functions_of_rdma_nics() -> None:
    infiniband = PciDevice("0000:18:00.0", "15b3", "1021", "020700")
    ethernet = PciDevice("0000:19:00.0", "15b3", "101d", "020000")
    efa = PciDevice("0000:1a:00.0", "1d0f", "efa2", "020000")
    virtual = PciDevice("0000:18:00.2", "15b3", "101e", "020000")
    recovery = PciDevice("0000:1b:00.0", "15b3", "0218", "020700")
    plain = PciDevice("0000:1c:00.0", "8086", "1572", "020000")
    facts = machine("debian-12", ("B200",), efa, virtual, recovery, plain, ethernet, BRIDGE, infiniband, gpu("B200", 1))
    assert [each.slot for each in fabric_ports(facts)] == ["0000:18:00.0", "0000:19:00.0", "0000:1a:00.0"]


@pytest.mark.parametrize(
    ("named", "gone", "counted"),
    [
        ((), (), ["mlx5_0", "mlx5_1"]),
        ((), ("mlx5_0",), ["mlx5_1"]),
        ((), ("mlx5_0", "mlx5_1"), ["mlx5_2", "mlx5_3"]),
        (("mlx5_1", "mlx5_2"), (), ["mlx5_1", "mlx5_2"]),
        (("mlx5_1", "mlx5_9"), (), ["mlx5_1"]),
    ],
)
def test_a_class_counts_the_ports_that_it_names_else_infiniband_else_all(
    named: tuple[str, ...], gone: tuple[str, ...], counted: list[str]
) -> None:
    kinds = ("020700", "020700", "020000", "020000")
    ports = [PciDevice(f"0000:{n}0:00.0", "15b3", "1021", kind, rdma=f"mlx5_{n}") for n, kind in enumerate(kinds)]
    there = [port for port in ports if port.rdma not in gone]
    assert [port.rdma for port in ports_of_class(there, named)] == counted

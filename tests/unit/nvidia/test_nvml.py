"""What PCI ids tell of a GPU, beside what NVML said of it on real machines."""

from __future__ import annotations

import re

import pytest

from clustr.components.gpu_labels import product
from clustr.lab.boards import BOARDS as LAB_BOARDS
from clustr.lab.model import GpuModel
from clustr.nvidia.chips import BOARDS, CHIPS, NVIDIA, Gpu, gpus
from clustr.nvidia.nvml import compute_capability, product_name
from clustr.remote.facts import PciDevice
from tests.unit.nvidia.machines import machine


def one(device: str, subsystem: str = "") -> Gpu:
    (found,) = gpus(machine("debian-12", (), PciDevice("0000:1b:00.0", NVIDIA, device, "030200", subsystem=subsystem)))
    return found


@pytest.mark.parametrize("model", GpuModel)
def test_it_is_what_nvidia_smi_printed(model: GpuModel) -> None:
    """The lab's boards are recorded from real machines."""
    board = LAB_BOARDS[model]
    gpu = one(board.device, f"{NVIDIA}:{board.subsystem}")
    assert product_name(gpu) == board.name
    assert compute_capability(gpu) == tuple(int(part) for part in board.compute.split("."))


@pytest.mark.parametrize(
    ("device", "subsystem", "name"),
    [
        ("1eb8", "", "Tesla T4"),
        ("1db6", "", "Tesla V100-PCIE-32GB"),
        ("1c30", "", "Quadro P2000"),
        ("1b02", "", "NVIDIA TITAN Xp"),
        ("220a", "", "NVIDIA GeForce RTX 3080"),  # of 12 GB
        ("232c", "", "NVIDIA H20-3e"),
        ("2342", "10de:1809", "NVIDIA GH200 480GB"),
        ("2342", "10de:16eb", "NVIDIA GH200 120GB"),
        ("25b6", "10de:157e", "NVIDIA A2"),
        ("25b6", "", ""),  # A16 or A2
        ("2336", "", ""),
        ("ffff", "", ""),
    ],
)
def test_names(device: str, subsystem: str, name: str) -> None:
    assert product_name(one(device, subsystem)) == name


@pytest.mark.parametrize(
    ("device", "version"),
    [
        ("102d", (3, 7)), ("13bd", (5, 0)), ("13f2", (5, 2)), ("15f8", (6, 0)), ("1b38", (6, 1)), ("1db5", (7, 0)),
        ("1eb8", (7, 5)), ("20b7", (8, 0)), ("2235", (8, 6)), ("25b6", (8, 6)), ("27b8", (8, 9)), ("2335", (9, 0)),
        ("2941", (10, 0)), ("3182", (10, 3)), ("31c2", (10, 3)), ("2bb5", (12, 0)), ("2e12", (12, 1)), ("ffff", None),
    ],
)  # fmt: skip
def test_compute_capabilities(device: str, version: tuple[int, int] | None) -> None:
    assert compute_capability(one(device)) == version


def test_every_name_makes_a_labels_value() -> None:
    every = [one(device) for device in CHIPS] + [one(*board) for board in BOARDS]
    made = [product(product_name(gpu)) for gpu in every if product_name(gpu)]
    assert [value for value in made if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])", value)] == []
    assert len(made) > 180

"""Chips by PCI id, and what a machine's PCI devices say of its GPUs, their board and the fabric's ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from clustr.remote.facts import Facts, PciDevice

NVIDIA = "10de"
MELLANOX = "15b3"


class Architecture(IntEnum):
    """In the order in which they came."""

    KEPLER = 3
    MAXWELL = 5
    PASCAL = 6
    VOLTA = 7
    TURING = 8
    AMPERE = 9
    ADA = 10
    HOPPER = 11
    BLACKWELL = 12


class OpenModules(StrEnum):
    """Whether the open kernel modules can run a chip."""

    NO = "no"
    POSSIBLE = "possible"
    REQUIRED = "required"


class Board(StrEnum):
    """What joins the GPUs of a machine."""

    NONE = "none"
    NVSWITCH = "nvswitch"  # Ampere and Hopper: the switches are PCI devices
    NVSWITCH_CX7 = "nvswitch-cx7"  # B200 class: known by ConnectX-7 bridges whose VPD says SW_MNG
    MULTI_NODE = "multi-node"  # GB200, GB300: NVLink reaches other machines


@dataclass(frozen=True)
class Chip:
    name: str  # as NVIDIA calls the product: H100 80GB HBM3
    model: str  # as inventories call it: H100-SXM
    architecture: Architecture
    memory_gb: int
    open: OpenModules
    coherent: bool = False  # its memory is the CPU's as well: GH200, GB200
    mig: bool = False


@dataclass(frozen=True)
class Gpu:
    """A GPU of a machine; `chip` is None where the table does not know it."""

    device: PciDevice
    chip: Chip | None


CHIPS: Mapping[str, Chip] = {}  # by PCI device id, four hexadecimal digits


def gpus(facts: Facts) -> tuple[Gpu, ...]:
    """The machine's GPUs of NVIDIA's (3D and display controllers), by their slots."""
    return tuple(
        Gpu(device, CHIPS.get(device.device))
        for device in sorted(facts.pci, key=lambda each: each.slot)
        if device.vendor == NVIDIA and device.kind.startswith(("0302", "0300"))
    )


def board(facts: Facts) -> Board:
    raise NotImplementedError


def fabric_ports(facts: Facts) -> tuple[PciDevice, ...]:
    """Functions of RDMA NICs, without the bridges of NVSwitch boards."""
    raise NotImplementedError

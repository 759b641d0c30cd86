"""Chips by PCI id, and what a machine's PCI devices say of its GPUs, their board and the fabric's ports.

The ids are in chips.csv. Its column `source`: `readme` is the table of compatible GPUs in the README of
https://github.com/NVIDIA/open-gpu-kernel-modules (a chip in it can run open modules), `pci.ids` is the PCI ID project's
list of 2026-10-24 (https://pci-ids.ucw.cz). Which chips have MIG: NVIDIA's MIG user guide, "Supported GPUs", and, for
what is sold in fewer countries or on other boards (A800, H800, B100, B300), the chip that they share with one of those.
Memory is what the product's name or data sheet says.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Protocol, TypeVar

from clustr.remote.facts import PciDevice

NVIDIA = "10de"
MELLANOX = "15b3"

# NVSwitches of Volta (DGX-2), Ampere and Hopper boards are PCI devices (pci.ids, "A100 NVSwitch" and "H100 NVSwitch";
# https://github.com/Getty/rex-gpu, references/hardware.md, which has the first one too). Those of B200 class are not:
# ConnectX-7 functions on the board manage them, and their VPD says SW_MNG (Fabric Manager user guide).
NVSWITCHES = frozenset({"1ac2", "1af1", "22a3"})
BRIDGE = "1021"

# ConnectX from 4 on and BlueField's network controllers, by their physical functions: what mlx5 drives (pci.ids).
# Virtual functions and what belongs to a NIC, such as its bridges and management, have other ids.
CONNECTX = frozenset(
    ("1013", "1015", "1017", "1019", "101b", "101d", "101f", "1021", "1023", "1025", "1027", "1029"),
)
BLUEFIELD = frozenset(("a2d2", "a2d6", "a2d9", "a2dc", "a2df"))
# Amazon's EFA has virtual functions alone (linux, drivers/infiniband/hw/efa/efa_main.c; pci.ids).
AMAZON, EFA = "1d0f", frozenset({"efa0", "efa1", "efa2", "efa3", "efa4"})


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
    NVSWITCH = "nvswitch"  # up to Hopper: the switches are PCI devices
    NVSWITCH_CX7 = "nvswitch-cx7"  # B200 class: known by ConnectX-7 bridges whose VPD says SW_MNG
    MULTI_NODE = "multi-node"  # GB200, GB300: NVLink reaches other machines


@dataclass(frozen=True)
class Chip:
    name: str  # as NVIDIA calls the product: H100 80GB HBM3
    model: str  # as inventories call it: H100-SXM, and A100-SXM-40GB where there is another size
    architecture: Architecture
    memory_gb: int  # 0 where it was not read
    coherent: bool = False  # its memory is the CPU's as well: GH200, GB200
    mig: bool = False
    multi_node: bool = False  # its NVLinks reach other machines: GB200, GB300

    @property
    def open(self) -> OpenModules:
        """NVIDIA's driver installation guide, r610, "Kernel Modules": Turing and newer can be run by them, Grace
        Hopper and Blackwell by nothing else."""
        if self.architecture <= Architecture.VOLTA:
            return OpenModules.NO
        if self.coherent or self.architecture >= Architecture.BLACKWELL:
            return OpenModules.REQUIRED
        return OpenModules.POSSIBLE

    def is_a(self, model: str) -> bool:
        """Whether an inventory means it by this model: A100 and A100-SXM are an A100-SXM-80GB too."""
        own, asked = self.model.lower(), model.lower()
        return own == asked or own.startswith(f"{asked}-")


class Bus(Protocol):
    """A machine as its PCI bus shows it, such as its facts."""

    @property
    def pci(self) -> tuple[PciDevice, ...]: ...


@dataclass(frozen=True)
class Gpu:
    """A GPU of a machine; `chip` is None where the table does not know it."""

    device: PciDevice
    chip: Chip | None


def _rows() -> Iterator[tuple[str, str, Chip]]:
    with Path(__file__).with_name("chips.csv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table):
            traits = frozenset(row["traits"].split())
            yield (
                row["device"],
                row["subsystem"],
                Chip(
                    row["name"],
                    row["model"],
                    Architecture[row["architecture"].upper()],
                    int(row["memory_gb"]),
                    coherent="coherent" in traits,
                    mig="mig" in traits,
                    multi_node="multi-node" in traits,
                ),
            )


CHIPS: Mapping[str, Chip] = {device: chip for device, board, chip in _rows() if not board}  # by PCI device id
BOARDS: Mapping[tuple[str, str], Chip] = {(device, board): chip for device, board, chip in _rows() if board}


def gpus(machine: Bus) -> tuple[Gpu, ...]:
    """The machine's GPUs of NVIDIA's (3D and display controllers), by their slots."""
    found = [each for each in machine.pci if each.vendor == NVIDIA and each.kind.startswith(("0302", "0300"))]
    return tuple(
        Gpu(device, BOARDS.get((device.device, device.subsystem)) or CHIPS.get(device.device))
        for device in sorted(found, key=lambda each: each.slot)
    )


def board(machine: Bus) -> Board:
    if any(gpu.chip and gpu.chip.multi_node for gpu in gpus(machine)):
        return Board.MULTI_NODE
    if any(device.vendor == NVIDIA and device.device in NVSWITCHES for device in machine.pci):
        return Board.NVSWITCH
    if any(_manages_switches(device) for device in machine.pci):
        return Board.NVSWITCH_CX7
    return Board.NONE


def fabric_ports(machine: Bus) -> tuple[PciDevice, ...]:
    """Functions of RDMA NICs by their slots, without virtual ones and without the bridges of NVSwitch boards.

    Ethernet NICs of other makers that can RDMA are not told from those that cannot by their ids: only what is here.
    """
    return tuple(
        device
        for device in sorted(machine.pci, key=lambda each: each.slot)
        if _speaks_rdma(device) and not _manages_switches(device)
    )


class FabricPort(Protocol):
    @property
    def rdma(self) -> str: ...  # name of its RDMA device, "" where it has none

    @property
    def infiniband(self) -> bool: ...


Port = TypeVar("Port", bound=FabricPort)


def ports_of_class(ports: Sequence[Port], named: Collection[str]) -> Sequence[Port]:
    """Of a machine's RDMA ports those that its class counts in `ib_ports`: those that it names; else InfiniBand, where
    there is any, for beside it Ethernet is storage's and the cluster's; else all, which then speak RoCE."""
    if named:
        return [port for port in ports if port.rdma in named]
    return [port for port in ports if port.infiniband] or ports


def _manages_switches(device: PciDevice) -> bool:
    return device.vendor == MELLANOX and device.device == BRIDGE and device.manages_switches


def _speaks_rdma(device: PciDevice) -> bool:
    if device.vendor == MELLANOX:
        return device.device in CONNECTX | BLUEFIELD and (device.infiniband or device.kind.startswith("0200"))
    return device.infiniband or (device.vendor == AMAZON and device.device in EFA)

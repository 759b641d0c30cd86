"""Nodes with GPUs, as their facts tell them: recorded systems with other chips in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from clustr.inventory.gpu import Driver
from clustr.inventory.model import Node
from clustr.remote.facts import Facts, PciDevice
from clustr.remote.gpu_facts import GpuFacts
from tests.components.machines import GPU1
from tests.components.systems import said

# One of each kind that the rules tell apart, by the names that the tests call them.
DEVICES = {
    "K80": "102d",
    "M40": "17fd",
    "P100": "15f8",
    "V100": "1db5",
    "T4": "1eb8",
    "A100": "20b2",
    "L40S": "26b9",
    "H100": "2330",
    "GH200": "2342",
    "B200": "2901",
    "B300": "3182",
    "GB200": "2941",
    "RTX-5090": "2b85",
    "unknown": "ffff",
}
SWITCH = PciDevice("0000:05:00.0", "10de", "22a3", "068000")
BRIDGE = PciDevice("0000:06:00.0", "15b3", "1021", "020700", manages_switches=True)


def gpu(name: str, place: int = 0) -> PciDevice:
    return PciDevice(f"0000:{0x10 + place:02x}:00.0", "10de", DEVICES[name], "030200")


def machine(system: str, chips: Sequence[str], *further: PciDevice, **values: object) -> Facts:
    """`values` are fields of Facts; secure_boot, that of its GpuFacts."""
    told = GpuFacts(secure_boot=bool(values.pop("secure_boot", False)))
    devices = (*(gpu(name, place) for place, name in enumerate(chips)), *further)
    return replace(said(system), **{"pci": devices, "gpu": told, **values})  # type: ignore[arg-type]


def node(**driver: str) -> Node:
    return GPU1.model_copy(update={"driver": Driver.model_validate(driver)})

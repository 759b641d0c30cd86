"""Facts of machines with GPUs, by the chips and boards in them."""

from __future__ import annotations

from clustr.remote.facts import Kernel, PciDevice
from clustr.remote.gpu_facts import GpuFacts, Loaded

KERNEL = "6.1.0-57-amd64"
NVSWITCH, CONNECTX7 = "22a3", "1021"


def gpu(device: str, number: int = 0, subsystem: str = "") -> PciDevice:
    return PciDevice(f"0000:{0x1B + number:02x}:00.0", "10de", device, "030200", numa=number // 4, subsystem=subsystem)


def hgx(device: str, count: int = 8) -> tuple[PciDevice, ...]:
    """An SXM board of Ampere or Hopper: the switches are PCI devices."""
    switches = (PciDevice(f"0000:{0xC1 + each:02x}:00.0", "10de", NVSWITCH, "068000") for each in range(4))
    return (*(gpu(device, number) for number in range(count)), *switches)


def b200() -> tuple[PciDevice, ...]:
    """ConnectX-7 bridges manage its switches."""
    bridge = PciDevice("0000:05:00.0", "15b3", CONNECTX7, "020700", manages_switches=True)
    return (*(gpu("2901", number) for number in range(8)), bridge)


def loaded(version: str, *, open: bool = True, **further: object) -> GpuFacts:
    return GpuFacts(loaded=Loaded(version, open), secure_boot=False, **further)  # type: ignore[arg-type]


BARE = GpuFacts(secure_boot=False)
TODAY = 1795700000.0  # 2026-11-26
MACHINE = {"kernel": KERNEL, "next_kernel": KERNEL, "kernels": (Kernel(KERNEL, frozenset()),), "clock": TODAY}

"""What a lab's GPU servers are made of: their devices on the PCI bus, the ports of their fabric, and what nvidia-smi
tells of each GPU. Pure.

Device and subsystem ids: README of NVIDIA/open-gpu-kernel-modules for chips that open modules run, pci.ids for V100.
NVSwitches: 10de:22a3 and 10de:1af1, class 0680 (topology files in NVIDIA/nccl#1505 and aliyun/SimAI#128, which have the
ConnectX ids too). B200: four functions of ConnectX-7 manage the switches (siderolabs/extensions#893), and their vital
product data says SMDL=SW_MNG. Slots of GPUs are those that public reports of H100 and B200 servers show, whatever the
model; each has a NIC on a bus nearby, and beside these are two of Ethernet, as such servers have them for storage.
What nvidia-smi tells was recorded on real machines: tests/e2e/go/assertions/nvidiasmi/testdata/hardware in
NVIDIA/k8s-test-infra, its pkg/gpu/mocknvml for a B200's links, and public reports for H200, B200 and V100.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from clustr.lab.model import GpuModel
from clustr.nvidia import chips
from clustr.nvidia.chips import MELLANOX, NVIDIA, Architecture, Chip, OpenModules

CONNECTX6DX, CONNECTX7 = "101d", "1021"
GPU_SLOTS = tuple(f"0000:{bus}:00.0" for bus in ("1b", "43", "52", "61", "9d", "c3", "d1", "df"))
NIC_SLOTS = tuple(f"0000:{bus}:00.0" for bus in ("18", "40", "4f", "5e", "9a", "c0", "ce", "dc"))
ETHERNET_SLOTS = ("0000:29:00.0", "0000:aa:00.0")
SWITCH_SLOTS = tuple(f"0000:{bus:02x}:00.0" for bus in range(5, 11))
BRIDGE_SLOTS = tuple(f"0000:05:00.{function}" for function in range(4))
NIC_BOARDS = {CONNECTX7: "0023", "101b": "0007"}  # subsystem of a NIC, by its device
MOST_GPUS = len(GPU_SLOTS)
RATES = {400: "400 Gb/sec (4X NDR)", 200: "200 Gb/sec (4X HDR)", 100: "100 Gb/sec (4X EDR)"}
ETHERNET_RATE = 100


@dataclass(frozen=True)
class Board:
    """One model of server; `nic` is the PCI id of its ConnectX, one for each GPU, at `rate` Gbit/s."""

    name: str  # as nvidia-smi says it
    device: str
    subsystem: str
    memory_mib: int
    power: int  # W
    compute: str
    links: int = 0  # NVLinks of one GPU
    link_speed: str = ""  # GB/s of one link
    switch: str = ""
    switches: int = 0
    bridges: bool = False
    nic: str = ""
    rate: int = 0
    mig: tuple[str, ...] = ()  # its profiles of 1, 2, 3 and 7 slices, as NVIDIA's MIG user guide has them

    @property
    def chip(self) -> Chip:
        """What the product knows of it."""
        return chips.BOARDS.get((self.device, f"{NVIDIA}:{self.subsystem}")) or chips.CHIPS[self.device]

    @property
    def registers(self) -> bool:
        """Whether its GPUs register with fabric manager, and nvidia-smi tells of it: from Hopper on."""
        return self.chip.architecture >= Architecture.HOPPER and (self.switches > 0 or self.bridges)


FLAVOURS = {
    OpenModules.NO: "proprietary",
    OpenModules.POSSIBLE: "open proprietary",
    OpenModules.REQUIRED: "open",
}
ARCHITECTURES = {Architecture.ADA: "Ada Lovelace"}  # what nvidia-smi calls otherwise than the chips' table
HOPPER = Board(
    name="NVIDIA H100 80GB HBM3",
    device="2330",
    subsystem="16c1",
    memory_mib=81559,
    power=700,
    compute="9.0",
    links=18,
    link_speed="26.562",
    switch="22a3",
    switches=4,
    nic=CONNECTX7,
    rate=400,
    mig=("1g.10gb", "2g.20gb", "3g.40gb", "7g.80gb"),
)
BOARDS: Mapping[GpuModel, Board] = {
    GpuModel.H100: HOPPER,
    GpuModel.H200: replace(
        HOPPER,
        name="NVIDIA H200",
        device="2335",
        subsystem="18be",
        memory_mib=143771,
        mig=("1g.18gb", "2g.35gb", "3g.71gb", "7g.141gb"),
    ),
    GpuModel.A100: replace(
        HOPPER,
        name="NVIDIA A100-SXM4-80GB",
        device="20b2",
        subsystem="1463",
        memory_mib=81920,
        power=400,
        compute="8.0",
        links=12,
        link_speed="25",
        switch="1af1",
        switches=6,
        nic="101b",
        rate=200,
    ),
    GpuModel.B200: replace(
        HOPPER,
        name="NVIDIA B200",
        device="2901",
        subsystem="1999",
        memory_mib=183359,
        power=1000,
        compute="10.0",
        link_speed="53.125",
        switch="",
        switches=0,
        bridges=True,
        mig=("1g.23gb", "2g.45gb", "3g.90gb", "7g.180gb"),
    ),
    GpuModel.V100: Board(
        name="Tesla V100-SXM2-32GB",
        device="1db5",
        subsystem="0000",  # not found in public
        memory_mib=32768,
        power=300,
        compute="7.0",
        links=6,
        link_speed="25.781",
    ),
    GpuModel.L40S: Board(
        name="NVIDIA L40S",
        device="26b9",
        subsystem="1851",
        memory_mib=46068,
        power=350,
        compute="8.9",
    ),
    GpuModel.T4: Board(
        name="Tesla T4",
        device="1eb8",
        subsystem="12a2",
        memory_mib=15360,
        power=70,
        compute="7.5",
    ),
}


@dataclass(frozen=True)
class Device:
    """A function on the PCI bus; `kind` is its class, six hexadecimal digits."""

    slot: str
    vendor: str
    device: str
    kind: str
    subsystem: tuple[str, str]
    vpd: bytes = field(default=b"", repr=False)

    @property
    def numa(self) -> int:
        """Half of the machine's buses are at each processor."""
        return int(int(self.slot[5:7], 16) >= 0x80)


def devices(board: Board, gpus: int) -> list[Device]:
    """All functions of a server with this many GPUs."""
    found = [Device(slot, NVIDIA, board.device, "030200", (NVIDIA, board.subsystem)) for slot in GPU_SLOTS[:gpus]]
    found += [Device(slot, NVIDIA, board.switch, "068000", (NVIDIA, "0000")) for slot in SWITCH_SLOTS[: board.switches]]
    if board.nic:
        subsystem, vpd = (MELLANOX, NIC_BOARDS[board.nic]), _vpd("")
        found += [Device(slot, MELLANOX, board.nic, "020700", subsystem, vpd) for slot in NIC_SLOTS[:gpus]]
        subsystem = (MELLANOX, "0000")
        found += [Device(slot, MELLANOX, CONNECTX6DX, "020000", subsystem, vpd) for slot in ETHERNET_SLOTS]
    if board.bridges:
        vpd = _vpd("SMDL=SW_MNG")
        found += [Device(slot, MELLANOX, CONNECTX7, "020700", (MELLANOX, "0000"), vpd) for slot in BRIDGE_SLOTS]
    return found


def _vpd(word: str) -> bytes:
    """Vital product data as a ConnectX has it: a name, and a read-only part with its words (PCI 3.0, appendix I)."""
    name = b"clustr lab stand-in"
    words = b"VA" + bytes([len(word)]) + word.encode()
    return b"".join((_large(0x82, name), _large(0x90, words), b"\x78"))


def _large(tag: int, data: bytes) -> bytes:
    return bytes([tag]) + len(data).to_bytes(2, "little") + data


def files(board: Board, gpus: int, node: str) -> dict[str, bytes]:
    """What templates/lab/gpu reads, by path below its folder; `node` makes the UUIDs of its GPUs, and of no other's."""
    found = {"board": _lines({
        "modules": FLAVOURS[board.chip.open],
        "switches": str(board.switches),
        "links": str(board.links),
        "speed": board.link_speed,
        "mig": " ".join(_profiles(board)),
    })}  # fmt: skip
    for device in devices(board, gpus):
        found |= {f"pci/{device.slot}/{name}": text for name, text in _sysfs(device).items()}
    for index, slot in enumerate(GPU_SLOTS[:gpus]):
        found[f"gpus/{index}"] = _lines(_told(board, slot, index, node))
    for index, slot in enumerate(_rdma_slots(board, gpus)):
        rate, layer = (ETHERNET_RATE, "Ethernet") if slot in ETHERNET_SLOTS else (board.rate, "InfiniBand")
        found |= {f"infiniband/mlx5_{index}/{name}": text for name, text in _port(index, rate, layer).items()}
    return found


def _profiles(board: Board) -> Iterator[str]:
    """NAME:ID:HOW-MANY of each MIG profile; of those with one slice, one instance may have the media engines too."""
    for name, number, most in zip(board.mig, (19, 14, 9, 0), (7, 3, 2, 1), strict=False):
        yield f"{name}:{number}:{most}"
        if number == 19:
            yield f"{name}+me:20:1"


def links(board: Board, gpus: int) -> dict[str, str]:
    """Symbolic links among them, with their targets: the PCI function of each port."""
    slots = enumerate(_rdma_slots(board, gpus))
    return {f"infiniband/mlx5_{index}/device": f"../../../bus/pci/devices/{slot}" for index, slot in slots}


def _rdma_slots(board: Board, gpus: int) -> tuple[str, ...]:
    """Of its RDMA devices, in the order of their names."""
    return (*NIC_SLOTS[:gpus], *ETHERNET_SLOTS, *(BRIDGE_SLOTS if board.bridges else ())) if board.nic else ()


def _sysfs(device: Device) -> dict[str, bytes]:
    vendor, kind = device.subsystem
    texts = {
        "vendor": f"0x{device.vendor}",
        "device": f"0x{device.device}",
        "class": f"0x{device.kind}",
        "subsystem_vendor": f"0x{vendor}",
        "subsystem_device": f"0x{kind}",
        "numa_node": str(device.numa),
    }
    found = {name: f"{text}\n".encode() for name, text in texts.items()}
    return found | ({"vpd": device.vpd} if device.vpd else {})


def _port(index: int, rate: int, layer: str) -> dict[str, bytes]:
    """A port of an RDMA device, up (Documentation/ABI/stable/sysfs-class-infiniband of Linux)."""
    texts = {
        "node_type": "1: CA",
        "node_guid": f"0200:00ff:fe00:{index:04x}",
        "board_id": "clustr lab stand-in",
        "ports/1/state": "4: ACTIVE",
        "ports/1/phys_state": "5: LinkUp",
        "ports/1/rate": RATES[rate],
        "ports/1/link_layer": layer,
        "ports/1/lid": f"0x{index + 1:x}",
    }
    return {name: f"{text}\n".encode() for name, text in texts.items()}


def _told(board: Board, slot: str, index: int, node: str) -> dict[str, str]:
    """A GPU's own: fields are those of `nvidia-smi --help-query-gpu`."""
    mig = "Disabled" if board.mig else "[N/A]"
    return {
        "slot": slot,
        "index": str(index),
        "name": board.name,
        "uuid": f"GPU-{uuid.uuid5(uuid.NAMESPACE_DNS, f'gpu{index}.{node}.clustr-lab')}",
        "serial": str(1650000000001 + index),
        "pci.bus_id": f"0000{slot.upper()}",
        "pci.device_id": f"0x{board.device.upper()}10DE",
        "pci.sub_device_id": f"0x{board.subsystem.upper()}10DE",
        "memory.total": f"{board.memory_mib} MiB",
        "memory.reserved": "480 MiB",
        "memory.used": "0 MiB",
        "memory.free": f"{board.memory_mib - 480} MiB",
        "power.limit": f"{board.power}.00 W",
        "power.draw": "68.57 W",
        "compute_cap": board.compute,
        "architecture": ARCHITECTURES.get(board.chip.architecture, board.chip.architecture.name.title()),
        "mig.mode.current": mig,
        "mig.mode.pending": mig,
        "fabric.state": "Completed" if board.registers else "[N/A]",
        "fabric.status": "Success" if board.registers else "[N/A]",
    }


def _lines(values: Mapping[str, str]) -> bytes:
    return "".join(f"{name}={value}\n" for name, value in values.items()).encode()

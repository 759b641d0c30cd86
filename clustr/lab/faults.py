"""What can be wrong with the GPUs of a lab's node, for tests and rehearsals: switched on and off while it runs.

templates/lab/gpu/fault does it in the node. A fault stays over a boot, as a broken machine does.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from clustr.errors import LabError, UsageError
from clustr.lab import boards, gpu_node, machine
from clustr.lab.model import Lab, LabNode


class Fault(StrEnum):
    GPU_LOST = "gpu-lost"  # the PCI bus has it no more
    XID_79 = "xid-79"  # it has fallen off its bus: there, and no longer answering
    ECC = "ecc"  # uncorrectable errors, a row to be remapped, Xid 48
    NVLINK_DOWN = "nvlink-down"  # two of a GPU's links are inactive, Xid 74
    IB_DOWN = "ib-down"  # a port of the fabric has no link
    IB_SLOW = "ib-slow"  # it came up at 100 Gbit/s
    DRIVER_MISMATCH = "driver-mismatch"  # the library is not of the loaded module's version
    NOUVEAU = "nouveau"  # bound to the GPUs, until a boot at which it is blacklisted


OF_PORTS = frozenset({Fault.IB_DOWN, Fault.IB_SLOW})
OF_THE_NODE = frozenset({Fault.DRIVER_MISMATCH, Fault.NOUVEAU})


def switch_on(lab: Lab, node: LabNode, fault: Fault, index: int = 0) -> None:
    """`index` is that of the GPU or of the port, from 0. Raises UsageError for what the node does not have."""
    parts = count(node, fault)
    if not 0 <= index < parts:
        what = "port" if fault in OF_PORTS else "GPU"
        has = f"they are 0 to {parts - 1}" if parts else "it has none"
        raise UsageError(f"{node.name} has no {what} {index}: {has}.", f"Choose another: --index 0, or not {fault}.")
    _run(lab, node, [fault, str(0 if fault in OF_THE_NODE else index)])


def clear(lab: Lab, node: LabNode) -> None:
    """Switch all faults of the node off."""
    count(node, Fault.NOUVEAU)
    _run(lab, node, ["--clear"])


def look(lab: Lab, node: LabNode) -> tuple[str, ...]:
    """The faults that are on, each with its index where it has one."""
    file = lab.root(node) / gpu_node.MACHINE / "faults"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return tuple(line.removesuffix(" 0") if line.split()[0] in OF_THE_NODE else line for line in lines)


def count(node: LabNode, fault: Fault) -> int:
    """How many parts of the node can have the fault."""
    if node.gpus is None:
        raise UsageError(f"{node.name} has no GPUs.", "Make a lab that has: clustr lab up NAME --gpus 8")
    if fault in OF_PORTS:
        return len(boards.links(boards.BOARDS[node.gpus.model], node.gpus.count))
    return node.gpus.count


def _run(lab: Lab, node: LabNode, words: Sequence[str]) -> None:
    done = machine.execute(lab, node, f"/{gpu_node.PLACE}/fault {' '.join(words)}")
    if done.status != 0:
        raise LabError(f"The fault could not be switched on {node.name}.", detail=done.stderr.strip())

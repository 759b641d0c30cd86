"""RDMA on nodes whose class has it: whose modules and libraries, how GPUs' memory is reached, how the ports are set.

Sources: DOCA-OFED installation guide (docs.nvidia.com/doca); NVIDIA GPU Operator, "GPUDirect RDMA", for DMA-BUF and
nvidia-peermem; rdma-core's README; what clustr-fabric sets is told there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from shlex import quote

from clustr.components import doca
from clustr.engine.goal import Disrupts, Goal
from clustr.engine.makers import file, kernel_module, packages, service, step
from clustr.families import family
from clustr.inventory.gpu import Fabric, Peermem, Rdma, RdmaPort, RdmaStack
from clustr.inventory.model import Cluster, Node
from clustr.nvidia.chips import MELLANOX, Architecture, Gpu, fabric_ports, gpus
from clustr.nvidia.choice import Choice, choose
from clustr.nvidia.kernel import as_it_will_run
from clustr.remote.facts import Facts, Seen
from clustr.templates import render, text

PROGRAM = "/usr/local/sbin/clustr-fabric"
SETTINGS = "/etc/clustr/fabric"
UNIT = "clustr-fabric.service"
# By what is there once a module works; ib_uverbs and ib_core come with them.
MODULES = {"ib_umad": "/sys/class/infiniband_mad", "rdma_ucm": "/dev/infiniband/rdma_cm"}
MLX5 = {"mlx5_ib": "/sys/class/infiniband"}
DMA_BUF_SINCE = (5, 12)  # of Linux
ECT = 2  # RFC 3168, section 5: ECN-capable transport, in the two low bits of the traffic class


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    wanted, facts = node.rdma, seen[node.name]
    if wanted is None:
        return
    names = family(facts)
    if wanted.stack is RdmaStack.INBOX:
        yield packages(names.manager, names.rdma, label="packages of rdma-core")
    else:
        yield from doca.goals(cluster, node, seen)
    yield from _modules(facts)
    if needs_peermem(node, facts):
        # At each boot. Now it still needs DOCA-OFED's modules, which take one, and the driver: see peermem.py.
        yield file("/etc/modules-load.d/nvidia-peermem.conf", "nvidia-peermem\n")
    yield from _ports(wanted)


def needs_peermem(node: Node, facts: Facts) -> bool:
    """Whether the fabric reaches GPUs' memory by nvidia_peermem: DMA-BUF wants open modules, Turing and Linux 5.12."""
    if node.rdma is None or not gpus(facts):
        return False
    if node.rdma.peermem is not Peermem.AUTO:
        return node.rdma.peermem is Peermem.ON
    later = as_it_will_run(node, facts)
    chosen = choose(node, later)
    return isinstance(chosen, Choice) and not _dma_buf(chosen, gpus(later), later.next_kernel or later.kernel)


def refusal(node: Node, facts: Facts) -> tuple[str, str] | None:
    """Why the node cannot have RDMA as it is asked for, and the way out."""
    if node.rdma is None:
        return None
    if node.rdma.stack is RdmaStack.DOCA:
        return doca.refusal(node, facts)
    if needs_peermem(node, facts):
        problem = "its fabric reaches GPUs by nvidia_peermem alone, which only DOCA-OFED's modules serve"
        return problem, "set rdma.stack: doca, or peermem: off (data then goes through the host's memory)"
    return None


def memlock(node: Node, unit: str) -> tuple[Goal, ...]:
    """The drop-in for a container runtime's unit, from which pods inherit what they may lock in memory."""
    if node.rdma is None:
        return ()
    return (file(f"/etc/systemd/system/{unit}.d/60-clustr-memlock.conf", text("rdma/memlock.conf")),)


def _dma_buf(chosen: Choice, found: Sequence[Gpu], kernel: str) -> bool:
    version = tuple(map(int, re.findall(r"\d+", kernel)[:2]))
    young = all(gpu.chip is not None and gpu.chip.architecture >= Architecture.TURING for gpu in found)
    return chosen.open and young and version >= DMA_BUF_SINCE


def _modules(facts: Facts) -> Iterator[Goal]:
    mlx5 = any(port.vendor == MELLANOX for port in fabric_ports(facts))
    wanted = (MLX5 if mlx5 else {}) | MODULES
    yield file("/etc/modules-load.d/clustr-rdma.conf", "".join(f"{name}\n" for name in wanted))
    for name, effect in wanted.items():
        yield kernel_module(name, effect)


def _ports(wanted: Rdma) -> Iterator[Goal]:
    """Ports that the class names; without names every port stays as it is."""
    if not wanted.ports:
        return
    for port in wanted.ports:
        device = quote(port.device)
        yield step(
            f"link of {port.device}",
            probe=f"rdma_probe_link {device}",
            wanted=port.fabric,
            apply=f"rdma_refuse_link {device} {port.fabric}",
        )
        if port.interface:
            yield step(
                f"interface of {port.device}",
                probe=f"rdma_probe_interface {device}",
                wanted=port.interface,
                apply=f"rdma_await_interface {device} {quote(port.interface)}",
            )
    program = file(PROGRAM, text("rdma/clustr-fabric"), mode=0o755)
    settings = file(SETTINGS, render("rdma/fabric", ports=[line(wanted, port) for port in wanted.ports]))
    unit = file(f"/etc/systemd/system/{UNIT}", text("rdma/clustr-fabric.service"))
    yield from (program, settings, unit)
    yield from service(UNIT, (program, settings, unit))
    yield step(
        "settings of the fabric",
        probe="rdma_probe_settings",
        wanted="as wanted",
        apply=f"systemctl restart {UNIT}",
        disrupts=Disrupts.NOTHING,
    )


def line(wanted: Rdma, port: RdmaPort) -> str:
    """A port's line in the file that clustr-fabric reads."""
    mtu = port.mtu or "-"
    if port.fabric is Fabric.INFINIBAND:
        return f"{port.device} {port.fabric} {mtu} - - - -"
    tos = wanted.dscp << 2 | (ECT if wanted.ecn else 0)
    return f"{port.device} {port.fabric} {mtu} {wanted.priority} {wanted.dscp} {tos} {int(wanted.ecn)}"

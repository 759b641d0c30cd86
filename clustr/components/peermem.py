"""nvidia_peermem in the kernel, where the fabric reaches GPUs' memory by it: rdma.py says where.

A component of its own, since it needs both what comes before the driver and the driver: DOCA-OFED's modules, which are
the kernel's own after the boot that rdma asks for, and nvidia. It is built together with the driver, and against
DOCA-OFED only where that was there by then: otherwise it refuses to load (nvidia_peermem.c, NV_MLNX_IB_PEER_MEM_SYMBOLS
in https://github.com/NVIDIA/open-gpu-kernel-modules).
"""

from __future__ import annotations

from collections.abc import Iterable

from clustr.components.rdma import needs_peermem
from clustr.engine.goal import Goal
from clustr.engine.makers import step
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Seen


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    if needs_peermem(node, seen[node.name]):
        yield step("module nvidia_peermem", probe="peermem_probe", wanted="loaded", apply="peermem_load")

"""What gives pods the fabric's devices: the RDMA shared device plugin, one resource for each fabric."""

from __future__ import annotations

from collections.abc import Iterable

from clustr.engine.goal import Goal
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Seen


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    return ()

"""What hands GPUs out to pods where cluster_gpu is clustr: RuntimeClass, device plugin and feature labels."""

from __future__ import annotations

from collections.abc import Iterable

from clustr.engine.goal import Goal
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Seen


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    return ()

"""NVIDIA's container toolkit: its runtime, which k3s finds at start, and the CDI spec of the loaded driver."""

from __future__ import annotations

from collections.abc import Iterable

from clustr.engine.goal import Goal
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Seen


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    return ()

"""The fabric between nodes: its modules and libraries, ports, and what RoCE needs of them."""

from __future__ import annotations

from collections.abc import Iterable

from clustr.engine.goal import Goal
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Seen


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    return ()

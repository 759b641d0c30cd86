"""Fabric manager, which joins the GPUs of an NVSwitch board, at exactly the driver's version."""

from __future__ import annotations

from collections.abc import Iterable

from clustr.engine.goal import Goal
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Seen


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    return ()

"""The kernel that a node with GPUs runs: its own, or the one that the inventory names (`driver.kernel`)."""

from __future__ import annotations

from dataclasses import replace

from clustr.inventory.gpu import Source
from clustr.inventory.model import Node
from clustr.remote.facts import Facts


def as_it_will_run(node: Node, facts: Facts) -> Facts:
    """The facts with the kernel of the inventory as the next one, where clustr brings the driver, and so its module."""
    named = node.driver.kernel
    if named is None or node.driver.source is Source.PREINSTALLED:
        return facts
    return replace(facts, next_kernel=named)


def is_installed(facts: Facts) -> bool:
    """Whether the next kernel is there already."""
    return any(kernel.release == facts.next_kernel for kernel in facts.kernels)

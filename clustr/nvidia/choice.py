"""Which driver a node gets, or why none can be given to it. Pure; each rule names its source."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from clustr.inventory.gpu import Source
from clustr.inventory.model import Node
from clustr.nvidia.support import Cell
from clustr.remote.facts import Facts


class Why(StrEnum):
    """Kinds of refusals; preflight gives each its finding."""

    UNKNOWN_CHIP = "unknown-chip"
    BRANCH = "branch"  # the chip cannot run it, or the source does not hold it
    MODULES = "modules"  # the flavour that was asked for does not run the chip, or is not there
    SECURE_BOOT = "secure-boot"  # DKMS builds what firmware will not load
    SYSTEM = "system"  # nothing for this system from this source


@dataclass(frozen=True)
class Refusal:
    why: Why
    problem: str
    remedy: str


@dataclass(frozen=True)
class Choice:
    source: Source
    branch: int  # 0 where the driver is preinstalled: whatever is there
    open: bool
    signed: bool  # precompiled signed modules instead of DKMS
    cell: Cell | None  # None where the driver is preinstalled
    note: str = ""  # what the plan says of it, such as an end of life


def choose(node: Node, facts: Facts) -> Choice | Refusal | None:
    """None where the node has no GPU of NVIDIA's."""
    raise NotImplementedError

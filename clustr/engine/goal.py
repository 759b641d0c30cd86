"""One thing that must be true on a node.

A goal's `probe` is read-only bash that prints an answer; `wanted` is the answer that means it is true; `apply` is
idempotent bash that makes it so. Everything else (plan, scripts, running) is written once for all goals.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

from clustr.families.model import Manager


class Disrupts(IntEnum):
    """What applying a goal does to the work on its node."""

    NOTHING = 0
    WORKLOADS = 1
    REBOOT = 2


class Show(StrEnum):
    """How a plan shows a change."""

    VALUE = "value"  # before -> after
    DIFF = "diff"  # a unified diff
    HIDDEN = "hidden"  # neither: the answer would give a secret away, or is a sum that says nothing


@dataclass(frozen=True)
class Later:
    """An answer that no machine can give before `stage` is done: "join token, known after First server"."""

    stage: str
    fact: str


@dataclass(frozen=True)
class Goal:
    """`undo` takes away what `apply` made: bash that the node keeps with the goal's record; "" for a goal without one.
    Where it stays, as packages do, it is `# stays: COMMAND`, and a plan names the command that takes it away.

    `about` names the node that the change is about where the script runs on another (Node objects, on a server).
    `manager` is the package manager whose functions it calls; `uses` are further files of functions in templates/.
    `note` is what a plan says of the change beside its answers: what is stopped for it, why it takes a boot.
    """

    name: str
    probe: str
    wanted: str | Later
    apply: str
    disrupts: Disrupts = Disrupts.NOTHING
    secret: bool = False
    show: Show = Show.VALUE
    undo: str = ""
    about: str = ""
    component: str = ""
    manager: Manager | None = None
    uses: tuple[str, ...] = ()
    note: str = ""

    def of(self, component: str) -> Goal:
        return replace(self, component=component)

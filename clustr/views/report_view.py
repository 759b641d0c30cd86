"""The end of a run: what failed, why, what to do, then the sum of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from clustr.engine.events import Event, NodeFailed, NodeSilent, NodeSkipped, RunDone
from clustr.inventory.ranges import fold
from clustr.views.commands import copyable
from clustr.views.layout import folded, wrapped
from clustr.views.units import count, duration

INDENT = " " * 10


@dataclass
class Ending:
    """What of a run its last screen shows, collected as it happens."""

    failed: list[NodeFailed] = field(default_factory=list)
    skipped: list[NodeSkipped] = field(default_factory=list)
    done: RunDone | None = None

    @property
    def silent(self) -> tuple[str, ...]:
        """The nodes that did not answer at all."""
        return tuple(each.node for each in self.failed if not each.stage)

    def see(self, event: Event) -> None:
        match event:
            case NodeFailed():
                self.failed.append(event)
            case NodeSilent(node, problem, remedy, detail):
                self.failed.append(NodeFailed("", node, "", "", 0, problem, detail, remedy, ""))
            case NodeSkipped():
                self.skipped.append(event)
            case RunDone():
                self.done = event

    def lines(self, cluster: str, inventory: Path, width: int, *, stopped: str = "") -> list[str]:
        """What failed first, then the sum; nothing of a run that did not come to its end."""
        blocks = [*_failures(self.failed, inventory, width), *_skips(self.skipped, width)]
        sums: list[str] = []
        if self.done:
            end = _stopped(self.done, stopped) if stopped else _sum(self.done, self.skipped)
            sums = folded(copyable(f"{cluster}: {end}", inventory), width, "")
        return blocks + ([""] if blocks else []) + sums


def _failures(failed: Sequence[NodeFailed], inventory: Path, width: int) -> list[str]:
    """A block for each cause; nodes with the same cause share it."""
    causes: dict[NodeFailed, list[NodeFailed]] = {}
    for each in failed:
        causes.setdefault(_cause(each), []).append(each)
    return [line for same in causes.values() for line in _block(same, inventory, width)]


def _cause(failed: NodeFailed) -> NodeFailed:
    return replace(failed, node="", log="", remedy=failed.remedy.replace(failed.node, "NODE"))


def _block(same: Sequence[NodeFailed], inventory: Path, width: int) -> list[str]:
    first = same[0]
    names = [each.node for each in same]
    limits = " ".join(f"--limit {name}" for name in names)
    problem = first.problem.removeprefix(f"{first.node}: ")
    remedy = copyable(first.remedy.replace(f"--limit {first.node}", limits), inventory)
    body = [line for text in (first.detail, remedy) for line in folded(text, width, INDENT) if line.strip()]
    logs = [INDENT + home_as_tilde(each.log) for each in same if each.log]
    return [*wrapped([f"✗ {fold(names)}  ", *problem.split(" ")], width, ""), *body, *logs]


def _skips(skipped: Sequence[NodeSkipped], width: int) -> list[str]:
    reasons: dict[str, list[str]] = {}
    for each in skipped:
        reasons.setdefault(each.reason, []).append(each.node)
    return [
        line
        for reason, names in reasons.items()
        for line in wrapped([f"! {fold(names)}  ", "not", "done:", *reason.split(" ")], width, "")
    ]


def _stopped(done: RunDone, why: str) -> str:
    return f"stopped {why} after {duration(done.seconds)}; `clustr bootstrap` does the rest."


def _sum(done: RunDone, skipped: Sequence[NodeSkipped]) -> str:
    not_done = {each.node for each in skipped} - set(done.failed)
    whole = len(done.done) + len(done.failed) + len(not_done)
    text = f"{len(done.done)} of {count(whole, 'node')} done in {duration(done.seconds)}"
    text += f", {len(done.failed)} failed" if done.failed else ""
    text += f", {len(not_done)} not done" if not_done else ""
    return f"{text}."


def home_as_tilde(path: str) -> str:
    """A path as a person writes it."""
    home = f"{Path.home()}/"
    return f"~/{path[len(home) :]}" if path.startswith(home) else path

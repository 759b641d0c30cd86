"""Where a run is, as told by its events. Pure: events in, lines out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from clustr.engine.events import (
    Connecting,
    Event,
    GoalStarted,
    NodeDone,
    NodeFailed,
    NodeRead,
    NodeSilent,
    NodeSkipped,
    NodeStarted,
    NodeStatus,
    StageStarted,
)
from clustr.inventory.ranges import fold
from clustr.views.layout import cut
from clustr.views.units import duration, reading

BAR = 28  # columns
AT_WORK = 9  # lines for nodes at work, so that all is within a dozen


@dataclass
class AtWork:
    component: str
    doing: str
    since: float


@dataclass
class Progress:
    """One stage, or one reading of all nodes, from its start on. `now` is a clock's seconds."""

    title: str = ""
    begun: float = 0.0
    total: int = 0
    at_work: dict[str, AtWork] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def see(self, event: Event, now: float) -> None:
        match event:
            case StageStarted(stage, nodes):
                self._begin(stage, len(nodes), now)
            case Connecting(what, nodes):
                self._begin(reading(what), nodes, now)
            case NodeStarted(_, node):
                self.at_work[node] = AtWork("", "a second look", now)
            case NodeStatus(node, doing):
                component = self.at_work[node].component if node in self.at_work else ""
                self.at_work[node] = AtWork(component, doing, now)
            case GoalStarted(_, node, on, component, goal):
                self.at_work[on] = AtWork(component, goal if node == on else f"{goal} of {node}", now)
            case _:
                self._leave(event)

    def _begin(self, title: str, total: int, now: float) -> None:
        self.title, self.total, self.begun = title, total, now
        for each in (self.at_work, self.done, self.failed, self.skipped):
            each.clear()

    def _leave(self, event: Event) -> None:
        match event:
            case NodeRead(node, _) | NodeDone(_, node, _):
                self._end(node, self.done)
            case NodeSilent(node) | NodeFailed(_, node):
                self._end(node, self.failed)
            case NodeSkipped(_, node, _):
                self._end(node, self.skipped)

    def _end(self, node: str, where: list[str]) -> None:
        self.at_work.pop(node, None)
        where.append(node)

    def lines(self, now: float, width: int) -> list[str]:
        """The bar, a line for each node at work, who is through: a dozen lines at most."""
        through = len(self.done) + len(self.failed) + len(self.skipped)
        bar = _bar(through, self.total)
        first = f"{self.title}   {bar}  {through}/{self.total}   {duration(now - self.begun)}"
        shown = list(self.at_work.items())[:AT_WORK]
        rest = len(self.at_work) - len(shown)
        more = [f"  and {rest} more"] if rest else []
        return [cut(first, width), *_working(shown, now, width), *more, *self._through(width)]

    def _through(self, width: int) -> list[str]:
        line = "  " + self.signs(short=False)
        return [line if len(line) <= width else "  " + self.signs(short=True)] if line.strip() else []

    def signs(self, *, short: bool) -> str:
        """Who is through, the failed by name whatever the width."""
        done = f"{len(self.done)} nodes" if short else fold(self.done)
        parts = (("✗", fold(self.failed)), ("!", fold(self.skipped)), ("✓", done if self.done else ""))
        return "   ".join(f"{sign} {names}" for sign, names in parts if names)


def _bar(part: int, whole: int) -> str:
    filled = BAR * part // max(whole, 1)
    return "━" * filled + "─" * (BAR - filled)


def _working(shown: Sequence[tuple[str, AtWork]], now: float, width: int) -> list[str]:
    """Node, component, what it does, since when; what it does is cut where the line is too narrow."""
    names = max((len(name) for name, _ in shown), default=0)
    components = max((len(work.component) for _, work in shown), default=0)
    lines = []
    for name, work in shown:
        front = f"  {name:<{names}}   " + (f"{work.component:<{components}}   " if components else "")
        since = duration(now - work.since)
        room = min(width, 100) - len(front) - 12 - 3
        lines.append(f"{front}{cut(work.doing, room):<{max(room, 0)}}   {since:>12}".rstrip())
    return lines

"""One apply script on one node: started as a unit that outlives the connection, followed to its verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from secrets import token_hex
from typing import TypeVar

from clustr.engine.events import Emit, GoalDone, GoalStarted, NodeStatus, Output
from clustr.engine.fleet import Fleet
from clustr.engine.plan import Change
from clustr.engine.script import (
    Status,
    Verdict,
    apply_script,
    follow_script,
    read_script,
    read_verdict,
    start_script,
)
from clustr.errors import ApplyError, HostKeyError, SudoError, UnreachableError
from clustr.remote.connection import Connection
from clustr.remote.lock import Holder
from clustr.remote.waits import connect

RECONNECT_WITHIN = 300.0  # seconds: a switch that boots, a laptop that was moved, a node that booted by itself
LOST = "connection lost, trying again"
PAUSE = 1.0  # seconds before a line that was cut is opened again
Answer = TypeVar("Answer")


@dataclass
class Follower:
    """Turns the lines of an apply log into events; counts them, so that a new connection goes on where one was cut."""

    stage: str
    node: str
    changes: Sequence[Change]
    emit: Emit
    lines: int = 0
    verdict: list[str] | None = None
    busy: bool = False
    other: bool = False
    tail: list[str] = field(default_factory=list)
    begun: float = 0.0

    @property
    def knows(self) -> bool:
        return self.verdict is not None or self.busy or self.other

    def told(self, name: str) -> Verdict:
        """How the apply of this name ended; CUT where it left no verdict."""
        verdict = read_verdict(self.verdict or ())
        return verdict if verdict.run_id == name else Verdict(name, Status.CUT)

    def line(self, text: str) -> None:
        if self.verdict is not None:
            self.verdict.append(text)
            return
        if text == "::verdict" or text == "::cut":
            self.verdict = []
            return
        self.lines += 1
        word, _, rest = text.partition(" ")
        match word:
            case "::busy":
                self.busy = True
            case "::other":
                self.other, self.lines = True, self.lines - 1
            case "::goal" if change := self._change(rest):
                self.begun, self.tail = time.monotonic(), []
                self.emit(GoalStarted(self.stage, change.node, self.node, change.component, change.goal))
            case "::done" if change := self._change(rest):
                seconds = time.monotonic() - self.begun
                self.emit(GoalDone(self.stage, change.node, self.node, change.component, change.goal, seconds))
            case "::status":
                self.emit(NodeStatus(self.node, rest))
            case _:
                self.tail = [*self.tail[-19:], text]
                self.emit(Output(self.node, text))

    def _change(self, number: str) -> Change | None:
        """None where a package's own output only looks like a mark."""
        known = number.isdecimal() and len(number) < 6 and int(number) < len(self.changes)
        return self.changes[int(number)] if known else None


def apply(
    fleet: Fleet, node: str, stage: str, changes: Sequence[Change], run: Holder, emit: Emit, *, reboots: bool
) -> Verdict:
    """Does these changes: DONE or REBOOT. Raises NotBegun, or ApplyError with goal, line and output."""
    name = f"{run.run_id}-{token_hex(2)}"  # a run has several applies on a node
    script = apply_script([change.work for change in changes], stage=stage, node=node, run_id=name, reboots=reboots)
    follower = Follower(stage, node, changes, emit)
    _follow(fleet, node, start_script(script, name, str(run)), name, follower)
    if follower.busy:
        raise ApplyError("another run's apply is at work there", "wait for it, then run the same again", node=node)
    if follower.other:
        raise NotBegun(node) if not follower.lines else Superseded(node)
    verdict = follower.told(name)
    if verdict.status in (Status.DONE, Status.REBOOT):
        return verdict
    with suppress(UnreachableError):
        fleet[node].run(read_script(name), timeout=30)
    if verdict.status is Status.FAILED:
        raise failure(node, changes, verdict, follower.tail)
    raise ApplyError("was cut off in the middle of its changes", f"clustr bootstrap --limit {node}", node=node)


def attach(fleet: Fleet, node: str, name: str, emit: Emit) -> Verdict:
    """Follows the apply of this name, which another run left at work on a node, to its end."""
    follower = Follower("", node, (), emit)
    _follow(fleet, node, _quiet(follow_script(1, name)), name, follower)
    return follower.told(name)


def _quiet(script: str) -> str:
    """The same, its goal marks left out: they belong to a plan that this run does not know."""
    return f"{{\n{script}\n}} | sed -u -E '/^::(goal|done|status|failed) /d'"


def _follow(fleet: Fleet, node: str, script: str, name: str, follower: Follower) -> None:
    """Runs the script; where the line is cut, connects again and follows from the next line on.

    A node that says nothing new for RECONNECT_WITHIN, whatever is tried, is given up.
    """
    lines, deadline = -1, 0.0
    while True:
        line = fleet[node]
        try:
            result = line.run(script, on_line=follower.line)
            break
        except (HostKeyError, SudoError):
            raise
        except UnreachableError:
            if follower.lines > lines:
                lines, deadline = follower.lines, time.monotonic() + RECONNECT_WITHIN
            if fleet.closed or time.monotonic() > deadline:
                raise
        follower.emit(NodeStatus(node, LOST))
        time.sleep(PAUSE)
        connect(partial(fleet.reopen, node, line), deadline - time.monotonic())
        script, follower.verdict = follow_script(follower.lines + 1, name), None
    if result.status != 0 and not follower.knows:
        remedy = f"mend that there (is it full? df /var/lib), then: clustr bootstrap --limit {node}"
        raise ApplyError("could not start its changes", remedy, node=node, detail=result.stderr.strip())


def over_a_cut(fleet: Fleet, node: str, ask: Callable[[Connection], Answer], emit: Emit) -> Answer:
    """Fleet.over_a_cut in the middle of a run, which waits for a node as long as its own applies do, and says so."""
    return fleet.over_a_cut(node, ask, within=RECONNECT_WITHIN, tell=lambda: emit(NodeStatus(node, LOST)))


class NotBegun(ApplyError):
    """The connection was cut before the apply was begun: nothing was done."""

    def __init__(self, node: str) -> None:
        super().__init__(
            "the connection was cut before its changes were begun; nothing was done there in this stage",
            f"clustr bootstrap --limit {node}",
            node=node,
        )


class Superseded(ApplyError):
    """Another run has worked on the node while this one was away."""

    def __init__(self, node: str) -> None:
        super().__init__(
            "another run has worked there while this one was away; how these changes ended is not known",
            f"clustr plan --limit {node}",
            node=node,
        )


def failure(node: str, changes: Sequence[Change], verdict: Verdict, tail: Sequence[str]) -> ApplyError:
    """The words for a goal that failed: which, on which line of the script, and what it said last."""
    change = changes[verdict.failed] if 0 <= verdict.failed < len(changes) else None
    detail = "\n".join(line for line in tail[-8:] if not line.startswith("::")) or verdict.command
    return GoalFailed(change, verdict.line, detail, node)


class GoalFailed(ApplyError):
    """A goal's apply ended with an error; `change` is None where the script failed outside any goal."""

    def __init__(self, change: Change | None, line: int, detail: str, node: str) -> None:
        what = f"{change.component}, {change.goal}" if change else "the apply script"
        super().__init__(
            f"{what} (line {line} of the script)", f"clustr bootstrap --limit {node}", node=node, detail=detail
        )
        self.change = change
        self.line = line

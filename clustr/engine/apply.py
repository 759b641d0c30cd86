"""One apply script on one node: started as a unit that outlives the connection, followed to its verdict."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from clustr.engine.events import Emit, GoalDone, GoalStarted, NodeStatus, Output
from clustr.engine.fleet import Fleet
from clustr.engine.plan import Change
from clustr.engine.script import Status, Verdict, apply_script, follow_script, read_verdict, start_script
from clustr.errors import ApplyError, UnreachableError

RECONNECT_WITHIN = 300.0  # seconds: a switch that boots, a laptop that was moved


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
    tail: list[str] = field(default_factory=list)
    begun: float = 0.0

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
    fleet: Fleet, node: str, stage: str, changes: Sequence[Change], run_id: str, emit: Emit, *, reboots: bool
) -> Verdict:
    """Does these changes: DONE or REBOOT. Raises ApplyError for anything else, with goal, line and output."""
    script = apply_script([change.work for change in changes], stage=stage, node=node, run_id=run_id, reboots=reboots)
    follower = Follower(stage, node, changes, emit)
    _follow(fleet, node, start_script(script, run_id), follower)
    if follower.busy:
        raise ApplyError("another run's apply is at work there", "wait for it, then run the same again", node=node)
    verdict = read_verdict(follower.verdict or ())
    if verdict.run_id != run_id:
        verdict = Verdict(run_id, Status.CUT)
    if verdict.status is Status.FAILED:
        raise failure(node, changes, verdict, follower.tail)
    if verdict.status is Status.CUT:
        raise ApplyError("was cut off in the middle of its changes", f"clustr bootstrap --limit {node}", node=node)
    return verdict


def attach(fleet: Fleet, node: str, emit: Emit) -> Verdict:
    """Follows the apply that another run left at work on a node, to its end."""
    follower = Follower("", node, (), emit)
    _follow(fleet, node, _quiet(follow_script(1)), follower)
    return read_verdict(follower.verdict or ())


def _quiet(script: str) -> str:
    """The same, its goal marks left out: they belong to a plan that this run does not know."""
    return f"{{\n{script}\n}} | sed -u -E '/^::(goal|done|status|failed) /d'"


def _follow(fleet: Fleet, node: str, script: str, follower: Follower) -> None:
    """Runs the script; where the line is cut, connects again and follows from the next line on."""
    deadline = time.monotonic() + RECONNECT_WITHIN
    while True:
        try:
            result = fleet[node].run(script, on_line=follower.line)
            if result.status != 0 and follower.verdict is None:
                raise ApplyError(
                    "could not start its changes",
                    f"clustr bootstrap --limit {node}",
                    node=node,
                    detail=result.stderr.strip(),
                )
            return
        except UnreachableError:
            if fleet.closed or time.monotonic() > deadline:
                raise
            follower.emit(NodeStatus(node, "connection lost, trying again"))
            _reopen(fleet, node, deadline)
            script = follow_script(follower.lines + 1)


def _reopen(fleet: Fleet, node: str, deadline: float) -> None:
    while True:
        try:
            fleet.reopen(node)
            return
        except UnreachableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(3)


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

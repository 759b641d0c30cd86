"""Something that happened: emitted by the engine, shown by a view, kept in events.jsonl."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    pass


@dataclass(frozen=True)
class Connecting(Event):
    """Reading from nodes began: `what` is "facts", "probes"."""

    what: str
    nodes: int


@dataclass(frozen=True)
class NodeRead(Event):
    node: str
    what: str


@dataclass(frozen=True)
class NodeSilent(Event):
    node: str
    problem: str
    remedy: str
    detail: str = ""


@dataclass(frozen=True)
class StageStarted(Event):
    stage: str
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class StageDone(Event):
    stage: str
    seconds: float


@dataclass(frozen=True)
class NodeStarted(Event):
    stage: str
    node: str


@dataclass(frozen=True)
class NodeStatus(Event):
    """What a node is doing beyond its goals: draining, rebooting, waiting for a lock, at its gate."""

    node: str
    doing: str


@dataclass(frozen=True)
class GoalStarted(Event):
    stage: str
    node: str  # that the change is about
    on: str  # where the script runs
    component: str
    goal: str


@dataclass(frozen=True)
class GoalDone(Event):
    stage: str
    node: str
    on: str
    component: str
    goal: str
    seconds: float


@dataclass(frozen=True)
class Output(Event):
    """A line that a script printed; it goes to the node's log, never to the screen by itself."""

    node: str
    line: str


@dataclass(frozen=True)
class NodeDone(Event):
    stage: str
    node: str
    seconds: float


@dataclass(frozen=True)
class NodeFailed(Event):
    stage: str
    node: str
    component: str  # "" where no goal failed
    goal: str
    line: int  # of the script; 0 where no script failed
    problem: str
    detail: str
    remedy: str
    log: str


@dataclass(frozen=True)
class NodeSkipped(Event):
    stage: str
    node: str
    reason: str


@dataclass(frozen=True)
class Note(Event):
    """A sentence for a person: a lock taken over, a package that stays."""

    text: str
    node: str = ""


@dataclass(frozen=True)
class RunDone(Event):
    done: tuple[str, ...]
    failed: tuple[str, ...]
    seconds: float


Emit = Callable[[Event], None]

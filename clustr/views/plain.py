"""Progress where nothing can be drawn over: a line for each event, with the time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

from clustr.engine import events
from clustr.engine.events import Event
from clustr.views.screen import Screen
from clustr.views.units import count, duration, reading


class Plain:
    """`verbose`: the scripts' own output as well."""

    def __init__(
        self,
        screen: Screen,
        *,
        verbose: bool = False,
        clock: Callable[[], datetime] = datetime.now,
    ) -> None:
        self._screen = screen
        self._verbose = verbose
        self._clock = clock
        self._lock = threading.RLock()  # Ctrl-C's own note may come in the middle of another event

    def emit(self, event: Event) -> None:
        with self._lock:
            if words := describe(event, verbose=self._verbose):
                self._screen.show([f"{self._clock():%H:%M:%S}  {words}"])

    def pause(self) -> None:
        """Nothing to leave: each line is whole."""


def describe(event: Event, *, verbose: bool = False) -> str:
    """One event in one line; "" for what only counts (a node read) and, if not verbose, for output."""
    match event:
        case events.Output(node, line):
            return f"  {node}   | {line}" if verbose else ""
        case events.Connecting(what, nodes):
            return f"{reading(what)} on {count(nodes, 'node')}"
        case events.StageStarted(stage, nodes):
            return f"{stage}: {count(len(nodes), 'node')}"
        case events.StageDone(stage, seconds):
            return f"{stage}: through in {duration(seconds)}"
        case events.Note(text, node):
            return f"! {node}   {text}" if node else f"! {text}"
        case _:
            return _describe_node(event)


def _describe_node(event: Event) -> str:
    match event:
        case events.NodeSilent(node, problem):
            return f"✗ {node}   {problem.removeprefix(node + ': ')}"
        case events.NodeStarted(_, node):
            return f"  {node}   begins"
        case events.NodeStatus(node, doing):
            return f"  {node}   {doing}"
        case events.GoalStarted(_, node, _, component, goal):
            return f"  {node}   {component}   {goal}"
        case events.GoalDone(_, node, _, component, goal, seconds):
            return f"✓ {node}   {component}   {goal}   {duration(seconds)}"
        case _:
            return _describe_end(event)


def _describe_end(event: Event) -> str:
    match event:
        case events.NodeDone(_, node, seconds):
            return f"✓ {node}   done in {duration(seconds)}"
        case events.NodeFailed(_, node):
            return f"✗ {node}   {event.problem}"
        case events.NodeSkipped(_, node, reason):
            return f"! {node}   not done: {reason}"
        case _:
            return ""

"""What the checks ask on each kind of node, learned once in a run, so that hundreds of nodes are asked in one go."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Event, Lock

from clustr.checks.questions import Pattern

PATIENCE = 30.0  # seconds that a node waits for the first of its kind, before it asks one by one as well

Kind = tuple[str, ...]  # the class of the nodes, and the ids of the checks that apply


class Lesson:
    """The questions of one kind. Whoever got it first teaches; the others wait for that."""

    def __init__(self) -> None:
        self._done = Event()
        self._patterns: tuple[Pattern, ...] = ()

    def teach(self, patterns: Iterable[Pattern]) -> None:
        self._patterns = tuple(patterns)
        self._done.set()

    def patterns(self) -> tuple[Pattern, ...]:
        self._done.wait(PATIENCE)
        return self._patterns


class Learning:
    """The lessons of one run; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._lessons: dict[Kind, Lesson] = {}

    def lesson(self, kind: Kind) -> tuple[Lesson, bool]:
        """The kind's lesson, and whether the caller is the first and must teach it."""
        with self._lock:
            first = kind not in self._lessons
            return self._lessons.setdefault(kind, Lesson()), first

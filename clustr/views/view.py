"""Who watches a run. A view is told of events; it alone draws them."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol, TextIO

from clustr.engine.events import Event


class Output(StrEnum):
    """What a command leaves on stdout: words for a person, or one JSON document."""

    TABLE = "table"
    JSON = "json"


class View(Protocol):
    """Safe to call from any thread."""

    def emit(self, event: Event) -> None: ...

    def pause(self) -> None:
        """Leaves the terminal to others, for a plan or a question; the next event goes on."""

    def close(self) -> None: ...


class Both:
    """Two views of one run: the screen and the journal."""

    def __init__(self, first: View, second: View) -> None:
        self._views = (first, second)

    def emit(self, event: Event) -> None:
        for view in self._views:
            view.emit(event)

    def pause(self) -> None:
        for view in self._views:
            view.pause()

    def close(self) -> None:
        for view in self._views:
            view.close()


def choose_view(output: Output, terminal: TextIO) -> View:
    """Progress in place where the terminal can, else a line for each event. `terminal` is where progress goes:
    stderr where stdout carries a document."""
    from clustr.views.live import Live
    from clustr.views.plain import Plain
    from clustr.views.screen import Screen

    screen = Screen(terminal)
    ends = output is Output.TABLE
    return Live(screen, ends=ends) if screen.moves else Plain(screen, ends=ends)

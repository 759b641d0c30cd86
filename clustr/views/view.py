"""Who watches a run on the screen. The engine tells events; a view draws them."""

from __future__ import annotations

import getpass
import sys
import termios
import threading
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from clustr.engine.events import Event
from clustr.views.report_view import Ending

if TYPE_CHECKING:
    from clustr.inventory.secrets import Secret


class Output(StrEnum):
    """What a command leaves on stdout: words for a person, or one JSON document."""

    TABLE = "table"
    JSON = "json"


class Drawing(Protocol):
    """Safe to call from any thread."""

    def emit(self, event: Event) -> None: ...

    def pause(self) -> None:
        """Leaves the terminal to others, for a plan or a question; the next event goes on."""


class View:
    """A run's progress as it happens, and what its last screen needs."""

    def __init__(self, drawing: Drawing, inventory: Path) -> None:
        self._drawing = drawing
        self.inventory = inventory
        self._begun = time.monotonic()
        self.ending = Ending()
        self._over = False
        self._asking = threading.RLock()
        self._echo: list[Any] | None = None  # how the terminal was before a question took its echo away

    @property
    def seconds(self) -> float:
        """Since the command began."""
        return time.monotonic() - self._begun

    def emit(self, event: Event) -> None:
        self.ending.see(event)
        with self._asking:  # nothing is drawn over a question
            if not self._over:
                self._drawing.emit(event)

    def pause(self) -> None:
        self._drawing.pause()

    def end(self) -> None:
        """No progress from here on, whatever still runs: a cursor that is hidden would stay so, and an echo off."""
        self._over = True
        self.pause()
        if self._echo is not None:
            termios.tcsetattr(sys.stdin, termios.TCSANOW, self._echo)

    def ask_passphrase(self, key: Path) -> Secret | None:
        """The passphrase of an encrypted key, None where nobody can be asked."""
        from clustr.inventory.secrets import Secret

        if not sys.stdin.isatty():
            return None
        with self._asking:
            self.pause()
            self._echo = termios.tcgetattr(sys.stdin)
            secret = Secret(getpass.getpass(f"Passphrase of {key}: "))
            self._echo = None
        return secret


def choose_view(output: Output, terminal: TextIO, inventory: Path, *, verbose: bool = False) -> View:
    """Progress in place where the terminal can, else a line for each event. What is a document on stdout leaves
    progress to stderr, so `terminal` is stderr then."""
    from clustr.views.live import Live
    from clustr.views.plain import Plain
    from clustr.views.screen import Screen

    screen = Screen(sys.stderr if output is Output.JSON else terminal)
    return View(Live(screen, verbose=verbose) if screen.moves else Plain(screen, verbose=verbose), inventory)

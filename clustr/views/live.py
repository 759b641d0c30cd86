"""Progress in place on a terminal: a bar, a line for each node at work, a dozen lines at most."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rich.live import Live as RichLive
from rich.text import Text

from clustr.engine.events import Event, Note, Output, RunDone, StageDone
from clustr.views.plain import describe
from clustr.views.progress import Progress
from clustr.views.screen import Screen
from clustr.views.units import count, duration

FRAMES = 4  # a second


class Live:
    """`verbose`: the scripts' own output above the bar.

    Two locks, taken in this order only: `_drawing` for the picture's start and end, `_state` for what is in it. rich
    draws in a thread of its own that it waits for at the end, so that thread may take `_state` alone.
    """

    def __init__(
        self,
        screen: Screen,
        *,
        verbose: bool = False,
        clock: Callable[[], float] = time.monotonic,
        frames: float = FRAMES,
    ) -> None:
        self._screen = screen
        self._verbose = verbose
        self._clock = clock
        self._frames = frames
        self._progress = Progress()
        self._drawing = threading.RLock()  # both are entered again by Ctrl-C's own note
        self._state = threading.RLock()
        self._live: RichLive | None = None

    def emit(self, event: Event) -> None:
        with self._drawing:
            with self._state:
                self._progress.see(event, self._clock())
            match event:
                case StageDone(stage, seconds):
                    self.pause()
                    self._screen.show([self._stage_line(stage, seconds)])
                case RunDone():
                    self.pause()
                case Note():
                    self._screen.show([describe(event)])
                case Output():
                    self._screen.show([describe(event, verbose=True)] if self._verbose else [])
                case _:
                    self._draw()

    def _stage_line(self, stage: str, seconds: float) -> str:
        done = len(self._progress.done)
        through = "" if done == self._progress.total else f"{done} of "
        bad = Progress(failed=self._progress.failed, skipped=self._progress.skipped).signs(short=True)
        text = f"{stage}   {through}{count(self._progress.total, 'node')}   {duration(seconds)}"
        sign = "✗" if self._progress.failed else "!" if self._progress.skipped else "✓"
        return f"{sign} {text}" + (f"   {bad}" if bad else "")

    def _draw(self) -> None:
        if self._live is None:
            self._live = RichLive(
                console=self._screen.console,
                get_renderable=self._picture,
                refresh_per_second=self._frames,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def _picture(self) -> Text:
        with self._state:
            lines = self._progress.lines(self._clock(), self._screen.console.width)
        return Text("\n").join(self._screen.paint(line) for line in lines)

    def pause(self) -> None:
        with self._drawing:
            live, self._live = self._live, None
            if live is not None:
                live.stop()

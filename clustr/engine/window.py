"""The one place with threads: the same work for many nodes, a sliding window of them at a time."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

Result = TypeVar("Result")
WIDTH = 64


class Interrupted(Exception):
    """A person pressed Ctrl-C twice: running scripts go on on their nodes, nothing waits for them here."""


class Stop:
    """Set by the first Ctrl-C: nothing new starts, what runs is let to its end. The second ends the wait.

    `tell` says the first to the person. It is called by the loop that waits, never by the signal's handler, which may
    have come in the middle of anybody's writing.
    """

    def __init__(self, tell: Callable[[], None] = lambda: None) -> None:
        self.asked = threading.Event()
        self.now = threading.Event()
        self._tell = tell
        self._told = False

    def __bool__(self) -> bool:
        return self.asked.is_set()

    def press(self) -> None:
        (self.now if self.asked.is_set() else self.asked).set()

    def tell_once(self) -> None:
        if self.asked.is_set() and not self._told:
            self._told = True
            self._tell()


@contextmanager
def interruptible(tell: Callable[[], None]) -> Iterator[Stop]:
    """While inside, Ctrl-C and SIGTERM press the Stop that is given; `tell` says so to the person."""
    stop = Stop(tell)

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.press()

    before: dict[int, Any] = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def each(
    names: Iterable[str], work: Callable[[str], Result], *, at_once: int = WIDTH, stop: Stop | None = None
) -> dict[str, Result | Exception]:
    """Does `work` for every name, `at_once` at a time; a failure is that name's result and stops nobody else.

    Raises Interrupted when `stop` was pressed twice.
    """
    todo = list(names)
    pool = ThreadPoolExecutor(max_workers=max(1, min(at_once, len(todo) or 1)), thread_name_prefix="node")
    futures = {pool.submit(work, name): name for name in todo}
    results: dict[str, Result | Exception] = {}
    waiting = set(futures)
    try:
        while waiting:
            done, waiting = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
            for future in done:
                error = future.exception()
                if error is not None and not isinstance(error, Exception):
                    raise error
                results[futures[future]] = error if error is not None else future.result()
            if stop is not None:
                stop.tell_once()
                if stop.now.is_set():
                    raise Interrupted
    finally:
        pool.shutdown(wait=not waiting, cancel_futures=True)
    return {name: results[name] for name in todo}


@contextmanager
def every(seconds: float, act: Callable[[], None]) -> Iterator[None]:
    """While inside, `act` is called every so many seconds, in a thread of its own; its errors end it silently."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(seconds):
            act()

    thread = threading.Thread(target=beat, name="beat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=seconds)

"""The one place with threads: the same work for many nodes, a sliding window of them at a time."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, TypeVar

from clustr.errors import ClustrError

Result = TypeVar("Result")
WIDTH = 64
LAST_BEAT = 3.0  # seconds that a beat which is under way gets to end


class Interrupted(Exception):
    """A person pressed Ctrl-C twice: running scripts go on on their nodes, nothing waits for them here."""


class Stop:
    """Set by the first Ctrl-C: nothing new starts, what runs is let to its end. The second ends the wait.

    Until it is `patient` nothing runs that could be let to its end, and Ctrl-C ends everything at once.
    `tell` says the first to the person. It is called by the loop that waits, never by the signal's handler, which may
    have come in the middle of anybody's writing. `lost` is set where the run must stop by itself.
    """

    def __init__(self, tell: Callable[[], None] = lambda: None) -> None:
        self.asked = threading.Event()
        self.now = threading.Event()
        self.lost: ClustrError | None = None
        self.patient = False
        self._tell = tell
        self._told = False

    def __bool__(self) -> bool:
        return self.asked.is_set() or self.lost is not None

    def press(self) -> None:
        (self.now if self.asked.is_set() else self.asked).set()

    def tell_once(self) -> None:
        if self.asked.is_set() and not self._told:
            self._told = True
            self._tell()


@contextmanager
def interruptible(tell: Callable[[], None]) -> Iterator[Stop]:
    """While inside, Ctrl-C and SIGTERM press the Stop that is given; `tell` says so to the person.

    Both raise KeyboardInterrupt until the Stop is patient.
    """
    stop = Stop(tell)

    def handle(_number: int, _frame: FrameType | None) -> None:
        if not stop.patient:
            raise KeyboardInterrupt
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
def every(seconds: float, *acts: Callable[[], None]) -> Iterator[None]:
    """While inside, each act is called every so many seconds, in a thread of its own; it has to raise nothing."""
    over = threading.Event()

    def beat(act: Callable[[], None]) -> None:
        while not over.wait(seconds):
            act()

    threads = [threading.Thread(target=beat, args=(act,), name="beat", daemon=True) for act in acts]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        deadline = time.monotonic() + LAST_BEAT
        for thread in threads:
            thread.join(timeout=max(0.0, deadline - time.monotonic()))


def in_time(names: Iterable[str], act: Callable[[str], bool], seconds: float) -> list[str]:
    """Does `act` for every name at once; returns the names for which it was not true, or not over, in so many seconds.

    A ClustrError counts as not true. What is not over is left behind: nothing here waits longer for a node that says
    nothing.
    """
    todo, good = list(names), set[str]()

    def attempt(name: str) -> None:
        with suppress(ClustrError):
            if act(name):
                good.add(name)

    threads = [threading.Thread(target=attempt, args=(name,), daemon=True) for name in todo]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(timeout=max(0.0, deadline - time.monotonic()))
    return [name for name in todo if name not in good]

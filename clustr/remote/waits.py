"""The two waits there are: for something to become true, and for a machine to answer. Nothing else is tried twice."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from clustr.errors import HostKeyError, SudoError, UnreachableError
from clustr.remote.connection import Connection

Truth = TypeVar("Truth")
Opened = TypeVar("Opened")
C = TypeVar("C", bound=Connection)

BOOT_ID = "cat /proc/sys/kernel/random/boot_id"


def wait_until(what: Callable[[], Truth], every: float, within: float) -> Truth:
    """Asks `every` so many seconds, at least once; returns the first true answer, or the last one when time is up."""
    deadline = time.monotonic() + within
    while True:
        answer = what()
        left = deadline - time.monotonic()
        if answer or left <= 0:
            return answer
        time.sleep(min(every, left))


def connect(
    open_one: Callable[[], Opened],
    within: float,
    *,
    again: type[UnreachableError] = UnreachableError,
    tell: Callable[[UnreachableError], None] = lambda error: None,
) -> Opened:
    """Opens a connection to a machine that may still be booting; raises its last error when `within` seconds are over,
    at whose end it tries once more.

    `again` is what may mend itself, and `tell` hears it once, where a second attempt fails too. By default that is a
    refused login as well: a machine that boots may not have its users' homes yet. A host key or a sudo that is wrong
    does not mend itself and is raised at once. Pauses grow and differ, so that many that wait do not all come back at
    the same moment.
    """
    deadline = time.monotonic() + within
    pause, failures = 0.5, 0
    while True:
        try:
            return open_one()
        except (HostKeyError, SudoError):
            raise
        except again as error:
            left = deadline - time.monotonic()
            if left <= 0:
                raise
            failures += 1
            if failures == 2:
                tell(error)
        time.sleep(min(pause * random.uniform(0.5, 1.5), left))  # noqa: S311 - no secret
        pause = min(2 * pause, 8.0)


def read_boot_id(connection: Connection) -> str:
    """A number that each boot makes anew (proc(5), /proc/sys/kernel/random)."""
    return connection.run(BOOT_ID, sudo=False, timeout=20).stdout.strip()


def wait_for_boot(open_one: Callable[[], C], old_boot_id: str, within: float) -> C:
    """A connection to the machine after its reboot; raises UnreachableError where it does not come back."""
    deadline = time.monotonic() + within
    while True:
        left = deadline - time.monotonic()
        try:
            connection = connect(open_one, max(left, 0))
            try:
                if read_boot_id(connection) not in ("", old_boot_id):
                    return connection
                problem = "it still runs: the reboot did not start"
            except UnreachableError as error:
                problem = error.problem  # it went down while it was asked
            connection.close()
        except (HostKeyError, SudoError):
            raise
        except UnreachableError as error:
            problem = error.problem
        if time.monotonic() > deadline:
            raise UnreachableError(
                f"it did not come back from its reboot within {within / 60:.0f} min",
                "look at its console",
                detail=problem,
            )
        time.sleep(1)

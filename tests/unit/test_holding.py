"""The lock while a run is at work: when something new may begin, what a deaf server costs, and the end."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from clustr import holding
from clustr.engine.events import Event, Note
from clustr.engine.rollout import Halted
from clustr.engine.window import Stop, every, in_time
from clustr.errors import LockedError, PreflightError, UnreachableError
from clustr.holding import Hold


class Lock:
    """A lock on cp1 and cp2 that answers as it is told to."""

    held_on = left_on = ("cp1", "cp2")

    def __init__(self) -> None:
        self.sure: list[bool] = [True]
        self.deaf: set[str] = set()
        self.heard = 0.0
        self.lost = False
        self.taken_over = ()
        self.released: list[str] = []

    def is_sure(self) -> bool:
        return self.sure.pop(0) if len(self.sure) > 1 else self.sure[0]

    def beat(self, server: str) -> bool:
        if self.lost:
            raise LockedError("lab: this run lost the lock to bob@laptop", "see who works there: clustr unlock")
        return server not in self.deaf

    def silent_for(self, server: str) -> float:
        return self.heard

    def release(self, server: str) -> bool:
        if server in self.deaf:
            time.sleep(5)
        self.released.append(server)
        return True


class Fleet:
    def __init__(self) -> None:
        self.held = {"cp1": "first line"}
        self.reopened: list[tuple[str, object]] = []

    def reopen(self, server: str, broken: object) -> None:
        self.reopened.append((server, broken))
        raise UnreachableError("no answer")


class Session:
    def __init__(self) -> None:
        self.events: list[Event] = []
        self.fleet = Fleet()
        self.cluster = SimpleNamespace(name="lab", servers=())
        self.emit: Callable[[Event], None] = self.events.append

    @property
    def notes(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Note)]


def beat(session: Session, lock: Lock, stop: Stop) -> None:
    holding._beat(session, lock, stop, "cp1")  # type: ignore[arg-type]


def test_a_lock_that_is_sure_lets_begin_at_once() -> None:
    Hold(Lock(), Stop()).begin()  # type: ignore[arg-type]


def test_where_nobody_knows_whose_the_lock_is_the_servers_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clustr.remote.waits.time.sleep", lambda seconds: None)
    lock = Lock()
    lock.sure = [False, False, False, True]
    Hold(lock, Stop()).begin()  # type: ignore[arg-type]
    assert lock.sure == [True]


def test_where_the_servers_stay_silent_nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "SERVERS_WITHIN", 0.0)
    lock = Lock()
    lock.sure = [False]
    with pytest.raises(Halted, match="nobody can tell whether the lock is still this run's"):
        Hold(lock, Stop()).begin()  # type: ignore[arg-type]


def test_a_lock_that_is_anothers_lets_nothing_begin_and_is_told_once() -> None:
    session, lock, stop = Session(), Lock(), Stop()
    lock.lost = True
    beat(session, lock, stop)
    beat(session, lock, stop)
    assert session.notes == ["lab: this run lost the lock to bob@laptop. Nothing new is started."]
    assert bool(stop)
    assert not stop.asked.is_set()
    with pytest.raises(Halted, match="this run lost the lock to bob@laptop; see who works there: clustr unlock"):
        Hold(lock, stop).begin()  # type: ignore[arg-type]


def test_a_connection_is_opened_anew_only_where_a_server_stays_deaf() -> None:
    session, lock = Session(), Lock()
    lock.deaf = {"cp1"}
    lock.heard = 12
    beat(session, lock, Stop())
    assert session.fleet.reopened == []
    lock.heard = 40
    beat(session, lock, Stop())
    assert session.fleet.reopened == [("cp1", "first line")]
    assert session.notes == []


def test_at_the_end_what_cannot_be_freed_in_time_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "FREED_WITHIN", 0.3)
    session, lock = Session(), Lock()
    lock.deaf = {"cp2"}
    begun = time.monotonic()
    holding._release(session.emit, lock)  # type: ignore[arg-type]
    assert time.monotonic() - begun < 3
    assert lock.released == ["cp1"]
    assert session.notes == ["the lock may stay on cp2: it is taken over after 60 s, or free it: clustr unlock"]


def test_beats_do_not_wait_for_each_other() -> None:
    beats: list[str] = []

    def deaf() -> None:
        time.sleep(1)

    with every(0.02, deaf, lambda: beats.append("cp2")):
        deadline = time.monotonic() + 10
        while len(beats) < 3 and time.monotonic() < deadline:
            time.sleep(0.02)
    assert len(beats) >= 3


def test_what_is_not_over_in_time_is_left_behind() -> None:
    def act(name: str) -> bool:
        if name == "slow":
            time.sleep(5)
        return name != "refuses"

    assert in_time(["good", "refuses", "slow"], act, 0.3) == ["refuses", "slow"]


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_server_that_cannot_free_the_lock_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where its /var can only be read by now. Another error there would be a traceback on the screen."""
    session, lock = Session(), Lock()

    def release(server: str) -> bool:
        if server == "cp2":
            raise PreflightError("the lock cannot be written in /var/lib/clustr", "make room there")
        return True

    monkeypatch.setattr(lock, "release", release)
    holding._release(session.emit, lock)  # type: ignore[arg-type]
    assert session.notes == ["the lock may stay on cp2: it is taken over after 60 s, or free it: clustr unlock"]

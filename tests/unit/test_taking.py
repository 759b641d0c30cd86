"""The lock is taken on three servers, by the real script: whatever comes between, none of it stays behind."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clustr import holding
from clustr.engine.events import Note
from clustr.errors import LockedError
from clustr.remote.connection import Result
from clustr.remote.lock import Holder, Lock, read_lock
from tests.unit.remote.lock_servers import Server

NAMES = ("cp1", "cp2", "cp3")
ANA, BOB = Holder("ana", "desk", "run-a", "bootstrap"), Holder("bob", "laptop", "run-b", "bootstrap")


@pytest.fixture
def servers(tmp_path: Path) -> dict[str, Server]:
    for name in NAMES:
        (tmp_path / name).mkdir()
    return {name: Server(tmp_path / name) for name in NAMES}


@pytest.fixture
def session(servers: dict[str, Server]) -> Any:
    events: list[object] = []
    cluster = SimpleNamespace(name="lab", servers=[SimpleNamespace(name=name) for name in NAMES])
    return SimpleNamespace(
        cluster=cluster, fleet=SimpleNamespace(held=servers), run=ANA, emit=events.append, events=events
    )


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """A signal that nobody handles fails a test, and does not end all of them."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGTERM, before)


def then(server: Server, happens: Callable[[], object], monkeypatch: pytest.MonkeyPatch, *, act: str = "take") -> None:
    """Something happens when the server has done this and has not yet said so."""

    def run(script: str, **options: Any) -> Result:
        said = Server.run(server, script, **options)
        if f"\n  {act}\n" in script:
            happens()
        return said

    monkeypatch.setattr(server, "run", run)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_before_the_answer(
    session: Any, servers: dict[str, Server], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    then(servers["cp2"], lambda: signal.raise_signal(number), monkeypatch)
    with pytest.raises(KeyboardInterrupt), holding.holding(session):
        raise AssertionError("it has begun")
    assert read_lock(servers) == ()
    assert not (servers["cp3"].root / "clustr").exists()
    assert session.events == []


def test_a_signal_right_after_the_last_answer(
    session: Any, servers: dict[str, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    def take(lock: Lock) -> None:
        Lock_take(lock)
        signal.raise_signal(signal.SIGINT)

    Lock_take = Lock.take
    monkeypatch.setattr(Lock, "take", take)
    with pytest.raises(KeyboardInterrupt), holding.holding(session):
        raise AssertionError("it has begun")
    assert read_lock(servers) == ()


def test_a_signal_while_it_is_freed_after_another(
    session: Any, servers: dict[str, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    release = holding._release

    def pressed_again(*given: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        release(*given)

    monkeypatch.setattr(holding, "_release", pressed_again)
    then(servers["cp1"], lambda: signal.raise_signal(signal.SIGINT), monkeypatch)
    with pytest.raises(KeyboardInterrupt), holding.holding(session):
        raise AssertionError("it has begun")
    assert read_lock(servers) == ()


def test_once_the_run_is_at_work_a_signal_asks_it_to_stop(session: Any, servers: dict[str, Server]) -> None:
    with holding.holding(session) as hold:
        assert not hold.stop
        signal.raise_signal(signal.SIGTERM)
        assert hold.stop
        assert {held.holder for held in read_lock(servers)} == {ANA}
    assert read_lock(servers) == ()


def test_whatever_the_end_is_it_is_freed(session: Any, servers: dict[str, Server]) -> None:
    with pytest.raises(RuntimeError), holding.holding(session):
        raise RuntimeError
    assert read_lock(servers) == ()


def test_a_server_that_cannot_be_asked_any_more_is_named(
    session: Any, servers: dict[str, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut() -> None:
        servers["cp2"].down = True
        raise KeyboardInterrupt

    then(servers["cp2"], cut, monkeypatch)
    with pytest.raises(KeyboardInterrupt), holding.holding(session):
        raise AssertionError("it has begun")
    words = "the lock may stay on cp2: it is taken over after 60 s, or free it: clustr unlock"
    assert session.events == [Note(words)]
    servers["cp2"].down = False
    assert [held.server for held in read_lock(servers)] == ["cp2"]


def test_another_run_that_is_silent_is_waited_for(
    session: Any, servers: dict[str, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Lock("lab", BOB, NAMES, servers)
    servers["cp1"].down = True
    other.take()
    servers["cp1"].down = False
    waited: list[object] = []

    def wait(at_work: object) -> None:
        waited.append(at_work)
        assert {held.holder for held in read_lock(servers)} == {BOB}, "ours stays beside it"
        for server in other.left_on:
            other.release(server)

    monkeypatch.setattr(holding, "wait_for_lock", wait)
    with holding.holding(session) as hold:
        assert hold.lock.held_on == NAMES
    assert waited == [session]
    assert read_lock(servers) == ()


def test_another_run_at_work_keeps_it(
    session: Any, servers: dict[str, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(_: object) -> None:
        raise LockedError("locked")

    Lock("lab", BOB, NAMES, servers).take()
    monkeypatch.setattr(holding, "wait_for_lock", wait)
    with pytest.raises(LockedError), holding.holding(session):
        raise AssertionError("it has begun")
    assert {held.holder for held in read_lock(servers)} == {BOB}
    assert len(read_lock(servers)) == 3

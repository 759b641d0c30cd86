"""The lock, on servers that are folders of this machine's own disk, with the real script."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from clustr.errors import LockedError, UnreachableError
from clustr.remote.lock import (
    SILENCE,
    Act,
    Held,
    Holder,
    Lock,
    free_lock,
    lock_on,
    locked_words,
    read_lock,
    watch,
)
from clustr.templates import render
from tests.unit.remote.lock_servers import Server

ANA = Holder("ana", "desk", "run-a", "bootstrap")
BOB = Holder("bob", "laptop", "run-b", "upgrade")
NAMES = ("cp1", "cp2", "cp3")


Servers = dict[str, Server]


class Clock:
    """Time that passes only where somebody sleeps; `passes` is told of it."""

    def __init__(self) -> None:
        self.slept = 0.0
        self.passes: Callable[[float], object] = lambda seconds: None

    def now(self) -> float:
        return 1000 + self.slept

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.passes(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("clustr.remote.lock.now", clock.now)
    kept = {name: getattr(time, name) for name in ("time", "strftime", "localtime")}
    monkeypatch.setattr("clustr.remote.lock.time", SimpleNamespace(sleep=clock.sleep, **kept))
    return clock


@pytest.fixture
def servers(tmp_path: Path) -> Servers:
    for name in NAMES:
        (tmp_path / name).mkdir()
    return {name: Server(tmp_path / name) for name in NAMES}


def take(servers: Servers, holder: Holder) -> Lock:
    lock = Lock("h100-lab", holder, NAMES, servers)
    lock.take()
    return lock


def beat(lock: Lock) -> list[bool]:
    return [lock.beat(server) for server in lock.held_on]


def release(lock: Lock) -> list[bool]:
    return [lock.release(server) for server in lock.left_on]


def holders(servers: Servers) -> dict[str, str]:
    return {held.server: held.holder.run_id for held in read_lock(servers)}


def test_one_run_at_a_time(servers: Servers) -> None:
    lock = take(servers, ANA)
    assert holders(servers) == dict.fromkeys(NAMES, "run-a")
    with pytest.raises(LockedError) as caught:
        take(servers, BOB)
    assert str(caught.value).startswith("h100-lab is locked by ana@desk since ")
    # Whole seconds of two clock readings: a beat of this moment may be one second old, or more on a busy machine.
    assert re.search(r"\(bootstrap, last beat \d s ago\)\.$", str(caught.value))
    assert caught.value.remedy == "Wait for it, or free it: clustr unlock"
    release(lock)
    assert holders(servers) == {}
    take(servers, BOB)


def test_a_refused_run_frees_what_it_took_and_no_more(servers: Servers) -> None:
    servers["cp1"].down = True
    take(servers, ANA)
    servers["cp1"].down = False
    lock = Lock("h100-lab", BOB, NAMES, servers)
    with pytest.raises(LockedError):
        lock.take()
    assert lock.left_on == ("cp1",)
    release(lock)
    assert holders(servers) == {"cp2": "run-a", "cp3": "run-a"}
    assert not release(lock)


def test_what_was_asked_and_has_not_answered_may_be_left_there(servers: Servers) -> None:
    servers["cp2"].down = True
    gone = servers.pop("cp3")
    lock = Lock("h100-lab", ANA, NAMES, servers)
    with pytest.raises(UnreachableError):
        lock.take()
    assert lock.left_on == ("cp1", "cp2")  # cp3 was never reached
    assert release(lock) == [True, False]
    assert release(lock) == [False]
    assert not gone.folder.exists()


def test_a_silent_run_is_taken_over_and_named(servers: Servers) -> None:
    ana = take(servers, ANA)
    for server in servers.values():
        server.age(SILENCE + 5)
    bob = take(servers, BOB)
    assert {held.holder for held in bob.taken_over} == {ANA}
    assert all(SILENCE + 5 <= held.silent_for < SILENCE + 15 for held in bob.taken_over)
    assert holders(servers) == dict.fromkeys(NAMES, "run-b")
    with pytest.raises(LockedError, match="lost the lock to bob@laptop"):
        beat(ana)
    release(ana)
    assert holders(servers) == dict.fromkeys(NAMES, "run-b")
    assert [path.name for path in servers["cp1"].folder.parent.iterdir()] == ["lock"]


def test_a_run_that_was_cut_before_it_left_a_name(servers: Servers) -> None:
    servers["cp1"].folder.mkdir(parents=True)
    with pytest.raises(LockedError, match="a run that left no name"):
        take(servers, BOB)
    os.utime(servers["cp1"].folder, (0, 0))
    assert len(take(servers, BOB).taken_over) == 1


def test_a_beat_keeps_it(servers: Servers) -> None:
    lock = take(servers, ANA)
    for server in servers.values():
        server.age(SILENCE + 5)
    beat(lock)
    with pytest.raises(LockedError, match="locked by ana"):
        take(servers, BOB)


def test_more_than_half_must_answer(servers: Servers) -> None:
    servers["cp3"].down = True
    lock = take(servers, ANA)
    release(lock)
    servers["cp2"].down = True
    lock = Lock("h100-lab", ANA, NAMES, servers)
    with pytest.raises(UnreachableError, match=r"2 of 3 servers do not answer: cp2 and cp3\. Nothing was changed\."):
        lock.take()
    release(lock)
    assert holders(servers) == {}


def test_a_lock_is_sure_while_nobody_can_have_taken_it_over(servers: Servers, clock: Clock) -> None:
    lock = take(servers, ANA)
    for name in ("cp1", "cp2"):
        servers[name].down = True
    clock.sleep(30)
    assert beat(lock) == [False, False, True]
    assert lock.is_sure()  # a reboot is short; the lock stands while the last beat is young
    clock.sleep(25)  # nothing may be begun in the last seconds before another may take it over
    assert not lock.is_sure()
    servers["cp2"].down = False
    assert beat(lock) == [False, True, True]
    assert lock.is_sure()
    assert [lock.silent_for(name) for name in NAMES] == [55, 0, 0]


def test_a_holder_that_beats_is_refused_as_soon_as_it_does(servers: Servers, clock: Clock) -> None:
    ana = take(servers, ANA)
    for server in servers.values():
        server.age(4)
    told: list[Held] = []

    def tell(held: Held) -> None:
        told.append(held)
        beat(ana)

    with pytest.raises(LockedError, match="locked by ana@desk"):
        watch("h100-lab", servers, tell)
    assert [held.silent_for for held in told] == [4]
    assert clock.slept < 5


def test_a_holder_that_is_silent_is_waited_for(servers: Servers, clock: Clock) -> None:
    take(servers, ANA)
    for server in servers.values():
        server.age(5)

    def age(seconds: float) -> None:
        for server in servers.values():
            server.age(round(seconds))

    clock.passes = age
    told: list[int] = []
    watch("h100-lab", servers, lambda held: told.append(held.silent_for))
    assert clock.slept <= 58  # less on a busy machine, where real seconds pass too
    assert len(told) == clock.slept // 10 + 1
    assert take(servers, BOB).taken_over


def test_a_lock_that_is_freed_meanwhile_is_waited_for_no_longer(servers: Servers, clock: Clock) -> None:
    ana = take(servers, ANA)
    clock.passes = lambda _: release(ana)
    watch("h100-lab", servers, lambda held: None)
    assert clock.slept <= 2


def ageless(held: Held | None) -> Held:
    """Two looks may lie on both sides of a second's end."""
    assert held is not None
    return replace(held, held_for=0, silent_for=0)


def test_freed_by_hand(servers: Servers) -> None:
    lock = take(servers, ANA)
    assert ageless(lock_on("cp1", servers["cp1"])) == ageless(read_lock(servers)[0])
    assert [free_lock(*each) for each in servers.items()] != [None] * 3
    assert holders(servers) == {}
    with pytest.raises(LockedError, match="another run took it over, or somebody freed it"):
        beat(lock)


def test_reading_changes_nothing(servers: Servers) -> None:
    assert read_lock(servers) == ()
    assert [path for server in servers.values() for path in server.root.iterdir()] == []


def test_two_runs_cannot_both_take_over(servers: Servers) -> None:
    take(servers, ANA)
    for server in servers.values():
        server.age(SILENCE + 5)
    script = render("remote/lock.sh", act="take", silence=SILENCE, who="x", host="y", command="z", run_id="RUN")
    moved = script.replace("/var/lib/clustr", str(servers["cp1"].root / "clustr"))
    runs = [
        subprocess.Popen(["bash", "-c", moved.replace("RUN", f"run-{number}")], stdout=subprocess.PIPE, text=True)
        for number in range(12)
    ]
    answers = [run.communicate()[0].splitlines()[0] for run in runs]
    assert sorted(answers) == ["answer=held"] * 11 + ["answer=taken_over"]


def test_names_cannot_break_out_of_the_script(servers: Servers) -> None:
    hostile = Holder(
        "ana'; touch /tmp/x\nEND_OF_HOLDER\nreboot", "$(id)`id`\x1b[0m", "run 'a' $b", "exec -- rm\x00-rf /"
    )
    take(servers, hostile)
    assert {held.holder for held in read_lock(servers)} == {
        Holder("ana'; touch /tmp/x END_OF_HOLDER reboot", "$(id)`id` [0m", "run 'a' $b", "exec -- rm -rf /")
    }


def test_the_script_passes_shellcheck(tmp_path: Path) -> None:
    for act in Act:
        script = tmp_path / f"{act}.sh"
        script.write_text(
            render("remote/lock.sh", act=act, silence=60, who="a'b", host="h", command="c d", run_id="r 1")
        )
        done = subprocess.run(["shellcheck", "-e", "SC2317", script], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_words() -> None:
    assert "(upgrade, last beat 4 s ago)." in locked_words("lab", Held("cp1", BOB, 60, 4))

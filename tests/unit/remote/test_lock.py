"""The lock, on servers that are folders of this machine's own disk, with the real script."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from clustr.errors import LockedError, UnreachableError
from clustr.remote.connection import Result
from clustr.remote.lock import SILENCE, Act, Held, Holder, Lock, free_lock, locked_words, read_lock, take_lock
from clustr.templates import render

ANA = Holder("ana", "desk", "run-a", "bootstrap")
BOB = Holder("bob", "laptop", "run-b", "upgrade")
NAMES = ("cp1", "cp2", "cp3")


class Server:
    """Runs the lock's script with its folder moved below `root`; `down` makes it silent."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.down = False

    def run(
        self,
        script: str,
        *,
        sudo: bool = True,
        on_line: Callable[[str], None] | None = None,
        timeout: float | None = None,
    ) -> Result:
        if self.down:
            raise UnreachableError("down")
        moved = script.replace("/var/lib/clustr", str(self.root / "clustr"))
        assert moved != script
        done = subprocess.run(["bash", "-c", moved], capture_output=True, text=True, timeout=timeout, check=False)
        return Result(done.returncode, done.stdout, done.stderr)

    def put(self, local: Path, remote: str, *, mode: int) -> None:
        raise AssertionError

    def close(self) -> None:
        raise AssertionError

    @property
    def folder(self) -> Path:
        return self.root / "clustr" / "lock"

    def age(self, seconds: int) -> None:
        """Lets the last beat lie so far back."""
        then = (self.folder / "beat").stat().st_mtime - seconds
        os.utime(self.folder / "beat", (then, then))


Servers = dict[str, Server]


@pytest.fixture
def servers(tmp_path: Path) -> Servers:
    for name in NAMES:
        (tmp_path / name).mkdir()
    return {name: Server(tmp_path / name) for name in NAMES}


def take(servers: Servers, holder: Holder) -> Lock:
    return take_lock("h100-lab", holder, NAMES, servers)


def holders(servers: Servers) -> dict[str, str]:
    return {held.server: held.holder.run_id for held in read_lock(servers)}


def test_one_run_at_a_time(servers: Servers) -> None:
    lock = take(servers, ANA)
    assert holders(servers) == dict.fromkeys(NAMES, "run-a")
    with pytest.raises(LockedError) as caught:
        take(servers, BOB)
    assert str(caught.value).startswith("h100-lab is locked by ana@desk since ")
    assert str(caught.value).endswith("(bootstrap, last beat 0 s ago).")
    assert caught.value.remedy == "Wait for it, or free it: clustr unlock"
    lock.release()
    assert holders(servers) == {}
    take(servers, BOB)


def test_a_refused_run_leaves_nothing_behind(servers: Servers) -> None:
    servers["cp1"].down = True
    take(servers, ANA)
    servers["cp1"].down = False
    with pytest.raises(LockedError):
        take(servers, BOB)
    assert holders(servers) == {"cp2": "run-a", "cp3": "run-a"}


def test_a_silent_run_is_taken_over_and_named(servers: Servers) -> None:
    ana = take(servers, ANA)
    for server in servers.values():
        server.age(SILENCE + 5)
    bob = take(servers, BOB)
    assert {held.holder for held in bob.taken_over} == {ANA}
    assert all(SILENCE + 5 <= held.silent_for < SILENCE + 15 for held in bob.taken_over)
    assert holders(servers) == dict.fromkeys(NAMES, "run-b")
    with pytest.raises(LockedError, match="lost the lock to bob@laptop"):
        ana.beat()
    ana.release()
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
    lock.beat()
    with pytest.raises(LockedError, match="locked by ana"):
        take(servers, BOB)


def test_more_than_half_must_answer(servers: Servers) -> None:
    servers["cp3"].down = True
    lock = take(servers, ANA)
    lock.release()
    servers["cp2"].down = True
    with pytest.raises(LockedError, match="1 of 3 servers answer, more than half must"):
        take(servers, ANA)
    assert holders(servers) == {}


def test_servers_that_fall_silent(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = take(servers, ANA)
    for name in ("cp1", "cp2"):
        servers[name].down = True
    lock.beat()  # a reboot is short; the lock stands while the last beat is young
    now = time.monotonic() + SILENCE
    monkeypatch.setattr("clustr.remote.lock.time", SimpleNamespace(monotonic=lambda: now))
    with pytest.raises(LockedError, match="less than half of the servers"):
        lock.beat()


def test_freed_by_hand(servers: Servers) -> None:
    lock = take(servers, ANA)
    assert {held.holder for held in free_lock(servers)} == {ANA}
    assert holders(servers) == {}
    with pytest.raises(LockedError, match="somebody freed it"):
        lock.beat()


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

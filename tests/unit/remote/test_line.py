"""A command begins on a login that stands: a cut in the middle of that, and an sshd that refuses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import paramiko
import pytest

from clustr.engine import apply
from clustr.engine.fleet import Fleet
from clustr.errors import CutError, UnreachableError
from clustr.remote.ssh import Network, line
from tests.unit.engine.things import cluster_of
from tests.unit.remote.sshd import Sshd

Exec = Callable[[paramiko.Channel, str], None]
really: Exec = paramiko.Channel.exec_command


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    server = Sshd(tmp_path_factory.mktemp("sshd"))
    yield server
    server.stop()


@pytest.fixture
def fleet(sshd: Sshd) -> Iterator[Fleet]:
    with Network(ssh_config=Path("/dev/null")) as network:
        fleet = Fleet(cluster_of("n1"), lambda node: network.open(sshd.node(node.name)))
        yield fleet
        fleet.close()


def at_first(monkeypatch: pytest.MonkeyPatch, happens: Callable[[paramiko.Channel], object], times: float = 1) -> None:
    """The first requests to run a command end as paramiko ends them where the channel is closed before the answer."""
    left = [times]

    def exec_command(channel: paramiko.Channel, command: str) -> None:
        if left[0] <= 0:
            return really(channel, command)
        left[0] -= 1
        happens(channel)
        raise paramiko.SSHException("Channel closed.")

    monkeypatch.setattr(paramiko.Channel, "exec_command", exec_command)


def cut(channel: paramiko.Channel) -> None:
    assert channel.transport
    channel.transport.close()


def test_a_cut_before_the_command_has_begun_is_a_cut(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    at_first(monkeypatch, cut)
    with pytest.raises(CutError, match="the connection was cut") as caught:
        fleet["n1"].run("true", sudo=False)
    assert caught.value.node == "n1"


def test_what_may_be_asked_twice_is_asked_again_after_it(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    at_first(monkeypatch, cut)
    assert fleet.over_a_cut("n1", lambda line: line.run("echo hello", sudo=False).stdout) == "hello\n"


def test_an_apply_is_followed_after_it(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "follow_script", lambda line, name: f"echo from line {line}")
    heard: list[str] = []
    follower: Any = SimpleNamespace(lines=0, verdict=None, knows=True, line=heard.append, emit=lambda event: None)
    at_first(monkeypatch, cut)
    apply._follow(fleet, "n1", "exit 9", "run", follower)
    assert heard == ["from line 1"]


def test_an_sshd_that_refuses_for_a_moment(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    at_first(monkeypatch, paramiko.Channel.close, times=3)
    assert fleet["n1"].run("echo hello", sudo=False).stdout == "hello\n"


def test_an_sshd_that_goes_on_refusing_has_words_of_its_own(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "FREED", 0.2)
    at_first(monkeypatch, paramiko.Channel.close, times=1e9)
    with pytest.raises(UnreachableError, match="sshd opens a session and runs no command in it") as caught:
        fleet["n1"].run("true", sudo=False)
    assert not isinstance(caught.value, CutError)
    assert caught.value.remedy.startswith("try: ssh -v -p ")
    assert caught.value.remedy.endswith("@127.0.0.1 true")


def test_an_sshd_without_a_session_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "FREED", 0.2)
    full = Sshd(tmp_path, "MaxSessions 0")
    try:
        with Network(ssh_config=Path("/dev/null")) as network:
            with pytest.raises(UnreachableError, match="sshd opens no more sessions") as caught:
                network.open(full.node()).run("true", sudo=False)
            assert "MaxSessions" in caught.value.remedy
    finally:
        full.stop()

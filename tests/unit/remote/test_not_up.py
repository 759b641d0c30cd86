"""A machine that is not up, or sheds logins, is tried again for as long as the inventory says; a refusal never is."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from clustr.errors import HostKeyError, LoginError, NotUpError, UnreachableError
from clustr.inventory.model import Bastion, Node
from tests.unit.remote.sshd import Sshd, free_port, make_key
from tests.unit.remote.test_login import quiet_network, says, through


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    server = Sshd(tmp_path)
    yield server
    server.stop()


@contextmanager
def up_after(server: Sshd, seconds: float) -> Iterator[None]:
    """The server is down now, and there again so much later."""
    server.stop()
    later = threading.Timer(seconds, server.start)
    later.start()
    try:
        yield
    finally:
        later.join()


def test_a_node_that_boots_is_waited_for(sshd: Sshd) -> None:
    told: list[tuple[str, str]] = []
    with quiet_network(tell=lambda node, why: told.append((node, why))) as network, up_after(sshd, 2):
        assert says(sshd.node("gpu01", connect_within=20), network) == "hello\n"
    assert told == [("gpu01", f"127.0.0.1 refuses connections on port {sshd.port}; trying again")]


def test_a_bastion_that_boots_is_waited_for_once(sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "jump").mkdir()
    jump = Sshd(tmp_path / "jump")
    try:
        with quiet_network() as network, up_after(jump, 2):
            assert says(sshd.node(bastion=through(jump), connect_within=20), network) == "hello\n"
    finally:
        jump.stop()


def test_a_machine_that_is_not_there_is_waited_for_once(sshd: Sshd) -> None:
    node = sshd.node(port=free_port(), connect_within=2)
    with quiet_network() as network:
        for at_least, at_most in ((2, 4), (0, 0.5)):
            begun = time.monotonic()
            with pytest.raises(NotUpError, match=r"refuses connections on port \d+ \(tried for \d s\)"):
                says(node, network)
            assert at_least <= time.monotonic() - begun <= at_most


def test_nobody_waits_for_a_bastion_that_others_waited_for(sshd: Sshd) -> None:
    jump = Bastion(host="127.0.0.1", port=free_port())
    nodes = [sshd.node(f"n{number}", bastion=jump, connect_within=2) for number in range(6)]
    begun = time.monotonic()
    with quiet_network() as network:
        for node in nodes:
            with pytest.raises(UnreachableError, match=r"the bastion 127.0.0.1 refuses connections") as caught:
                says(node, network)
            assert caught.value.node == node.name
    assert time.monotonic() - begun < 4


def test_a_wrong_key_and_a_changed_host_are_not_tried_again(sshd: Sshd, tmp_path: Path) -> None:
    stranger = make_key(tmp_path / "stranger")
    with quiet_network() as network, pytest.raises(LoginError):
        says(sshd.node(key=stranger, connect_within=60), network)
    (tmp_path / "other").write_text(f"[127.0.0.1]:{sshd.port} {stranger.with_suffix('.pub').read_text()}")
    with quiet_network() as network, pytest.raises(HostKeyError):
        says(sshd.node(known_hosts=tmp_path / "other", connect_within=60), network)
    assert sshd.log().count("Connection from") == 2


def test_a_login_that_is_dropped_is_tried_again(tmp_path: Path) -> None:
    """sshd with MaxStartups 1 sheds each connection beyond the first that has not logged in yet."""
    server = Sshd(tmp_path, "MaxStartups 1:100:1\nLoginGraceTime 120")
    node = server.node("gpu01", connect_within=20)
    try:
        with quiet_network() as network, socket.create_connection(("127.0.0.1", server.port)) as idle:
            idle.recv(100)
            with pytest.raises(NotUpError, match=r"closes the connection before the login \(tried for") as caught:
                says(server.node("gpu01"), network)
            assert "MaxStartups" in caught.value.remedy
            threading.Timer(2, idle.close).start()
            with quiet_network() as another:
                assert says(node, another) == "hello\n"
    finally:
        server.stop()


def test_many_that_are_dropped_come_back_one_after_the_other(tmp_path: Path) -> None:
    server = Sshd(tmp_path, "MaxStartups 2:100:2")
    heard: list[str] = []
    try:
        with quiet_network() as network:
            threads = [
                threading.Thread(
                    target=lambda number=number: heard.append(
                        says(server.node(f"n{number}", connect_within=60), network)
                    )
                )
                for number in range(12)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        server.stop()
    assert heard == ["hello\n"] * 12


def refusals(nodes: list[Node]) -> list[UnreachableError]:
    """What all of them are told, who come at the same moment over one connection to the bastion."""

    def ask(node: Node) -> UnreachableError:
        with pytest.raises(UnreachableError) as caught:
            says(node, network)
        return caught.value

    with quiet_network() as network, ThreadPoolExecutor(len(nodes)) as pool:
        return list(pool.map(ask, nodes))


def test_sixty_nodes_that_a_bastion_cannot_reach_are_each_told_so(sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "jump").mkdir()
    jump = Sshd(tmp_path / "jump")
    ports = {f"n{number}": free_port() for number in range(60)}
    try:
        nodes = [sshd.node(name, port=port, bastion=through(jump)) for name, port in ports.items()]
        for error in refusals(nodes):
            assert error.problem.startswith(f"the bastion 127.0.0.1 cannot reach 127.0.0.1:{ports[error.node or '']}")
        assert jump.log().count("Accepted publickey") == 1
    finally:
        jump.stop()


def test_forty_nodes_behind_a_bastion_that_forwards_nothing_are_told_the_reason(sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "jump").mkdir()
    jump = Sshd(tmp_path / "jump", "AllowTcpForwarding no")
    try:
        nodes = [sshd.node(f"n{number}", bastion=through(jump), connect_within=60) for number in range(40)]
        assert {error.problem for error in refusals(nodes)} == {"the bastion 127.0.0.1 forwards no connections"}
    finally:
        jump.stop()

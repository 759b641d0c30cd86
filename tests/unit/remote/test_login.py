"""Logging in to a real sshd: each way that it can go wrong has its own words."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from clustr.errors import HostKeyError, LoginError, UnreachableError, UsageError
from clustr.inventory.model import Bastion, Node
from clustr.inventory.secrets import Secret
from clustr.remote.hop import Hop
from clustr.remote.ssh import Network
from clustr.remote.ssh.network import _Shared
from tests.unit.remote.sshd import Sshd, free_port, make_key

ME = getpass.getuser()


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    server = Sshd(tmp_path_factory.mktemp("node"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def bastion(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    server = Sshd(tmp_path_factory.mktemp("bastion"))
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


def quiet_network(**options: object) -> Network:
    """One that reads no ~/.ssh/config of whoever runs the tests."""
    return Network(**({"ssh_config": Path("/dev/null")} | options))  # type: ignore[arg-type]


def says(node: Node, network: Network) -> str:
    connection = network.open(node)
    try:
        return connection.run("echo hello", sudo=False).stdout
    finally:
        connection.close()


def test_a_host_key_that_changed(tmp_path: Path) -> None:
    server = Sshd(tmp_path)
    try:
        with quiet_network() as network:
            assert says(server.node(), network) == "hello\n"
        known = (tmp_path / "known_hosts").read_text()
        assert known.startswith(f"[127.0.0.1]:{server.port} ssh-ed25519 ")
        (tmp_path / "host").unlink()
        make_key(tmp_path / "host")
        server.stop()
        server.start()
        with quiet_network() as network, pytest.raises(HostKeyError, match="changed") as caught:
            says(server.node("gpu01"), network)
        assert caught.value.node == "gpu01"
        assert caught.value.detail.count("SHA256:") == 2
        assert f"-R '[127.0.0.1]:{server.port}' -f {tmp_path}/known_hosts" in caught.value.remedy
        assert (tmp_path / "known_hosts").read_text() == known
    finally:
        server.stop()


def test_the_known_kind_of_key_is_asked_for(tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", tmp_path / "rsa"], check=True)
    server = Sshd(tmp_path, f"HostKey {tmp_path}/rsa")
    kind, key = (tmp_path / "rsa.pub").read_text().split()[:2]
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {kind} {key}\n")
    try:
        with quiet_network() as network:
            assert says(server.node(host_keys="strict"), network) == "hello\n"
    finally:
        server.stop()


def test_a_strict_inventory_connects_to_no_stranger(sshd: Sshd, tmp_path: Path) -> None:
    with quiet_network() as network, pytest.raises(HostKeyError, match="not known"):
        says(sshd.node(host_keys="strict", known_hosts=tmp_path / "none"), network)


def test_a_key_that_is_refused_is_named(sshd: Sshd, tmp_path: Path) -> None:
    key = make_key(tmp_path / "stranger")
    with quiet_network() as network, pytest.raises(LoginError) as caught:
        says(sshd.node(key=key), network)
    error = caught.value
    assert error.problem == f"127.0.0.1 refuses the login as {ME}"
    assert error.detail.startswith(f"key {key} SHA256:")
    assert error.detail.endswith(": refused")
    assert f"ssh-copy-id -p {sshd.port} -i {key} {ME}@127.0.0.1" in error.remedy


def test_a_password_where_none_is_taken(sshd: Sshd, tmp_path: Path) -> None:
    key = make_key(tmp_path / "stranger")
    with quiet_network() as network, pytest.raises(LoginError) as caught:
        says(sshd.node(key=key, password=Secret("hunter2")), network)
    assert "password: not offered, only publickey" in caught.value.detail
    assert "hunter2" not in f"{caught.value.detail}{caught.value}{caught.value.remedy}"


def test_a_key_that_is_not_there(sshd: Sshd, tmp_path: Path) -> None:
    with quiet_network() as network, pytest.raises(LoginError, match=f"the key {tmp_path}/none cannot be read"):
        says(sshd.node(key=tmp_path / "none"), network)


@pytest.fixture
def locked(tmp_path: Path) -> Iterator[Sshd]:
    """A server whose login key has a passphrase."""
    server = Sshd(tmp_path)
    command = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "open sesame", "-f", str(server.key)]
    subprocess.run(command, check=True, capture_output=True)
    yield server
    server.stop()


def test_an_encrypted_key(locked: Sshd) -> None:
    with quiet_network() as network:
        assert says(locked.node(passphrase=Secret("open sesame")), network) == "hello\n"
        with pytest.raises(LoginError, match="the passphrase is wrong") as caught:
            says(locked.node(passphrase=Secret("open barley")), network)
        assert "barley" not in f"{caught.value}{caught.value.detail}{caught.value.remedy}"
        with pytest.raises(LoginError, match=r"neither ssh.passphrase nor an agent opens it"):
            says(locked.node(), network)


def test_a_passphrase_is_asked_for_once(locked: Sshd) -> None:
    asked: list[Path] = []

    def ask(key: Path) -> Secret:
        asked.append(key)
        return Secret("open sesame")

    with quiet_network(ask=ask) as network, ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: says(locked.node(), network), range(4))) == ["hello\n"] * 4
    assert asked == [locked.key]


def test_the_agent_opens_an_encrypted_key(locked: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", tmp_path / "agent"], stdout=subprocess.DEVNULL)
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        (tmp_path / "ask").write_text("#!/bin/sh\necho open sesame\n")
        (tmp_path / "ask").chmod(0o700)
        environment = os.environ | {
            "SSH_ASKPASS": str(tmp_path / "ask"),
            "SSH_ASKPASS_REQUIRE": "force",
            "DISPLAY": ":",
        }
        add = ["ssh-add", str(locked.key)]
        for _ in range(50):
            if (tmp_path / "agent").exists():
                break
            threading.Event().wait(0.02)
        subprocess.run(add, env=environment, check=True, capture_output=True)
        with quiet_network() as network:
            assert says(locked.node(), network) == "hello\n"
    finally:
        agent.terminate()
        agent.wait(5)


def test_nobody_listens(sshd: Sshd) -> None:
    with quiet_network() as network, pytest.raises(UnreachableError, match="refuses connections on port"):
        says(sshd.node(port=free_port()), network)


def test_a_name_that_nobody_knows(sshd: Sshd) -> None:
    node = sshd.node().model_copy(update={"address": "no-such-host.invalid"})
    with quiet_network() as network, pytest.raises(UnreachableError, match=r"no address is known for no-such-host"):
        says(node, network)


def test_a_machine_that_says_nothing(sshd: Sshd) -> None:
    with socket.socket() as mute, quiet_network() as network:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        with pytest.raises(UnreachableError, match="does not speak SSH") as caught:
            says(sshd.node(port=mute.getsockname()[1], connect_timeout=1), network)
        assert caught.value.node == "n1"


def through(bastion: Sshd, **changes: object) -> Bastion:
    given = {"host": "127.0.0.1", "user": ME, "port": bastion.port, "key": bastion.key}
    return Bastion.model_validate(given | changes)


def test_one_connection_to_the_bastion_serves_all_nodes(sshd: Sshd, bastion: Sshd) -> None:
    before = bastion.log().count("Accepted publickey")
    nodes = [sshd.node(f"n{number}", bastion=through(bastion)) for number in range(8)]
    with quiet_network() as network, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda node: says(node, network), nodes)) == ["hello\n"] * 8
    assert bastion.log().count("Accepted publickey") == before + 1


def test_a_bastion_that_is_added_meanwhile_does_not_end_the_closing() -> None:
    """By a thread that the second Ctrl-C left behind."""
    network = quiet_network()

    def close() -> None:
        network._bastions[()] = _Shared()

    network._bastions[Hop("b", "b"),] = _Shared(line=SimpleNamespace(close=close))  # type: ignore[arg-type]
    network.close()


def test_a_bastion_that_refuses_the_login_fails_once_for_all(sshd: Sshd, bastion: Sshd, tmp_path: Path) -> None:
    key = make_key(tmp_path / "stranger")
    before = bastion.log().count("Connection from")
    with quiet_network() as network:
        for name in ("n1", "n2"):
            with pytest.raises(LoginError, match=r"the bastion 127.0.0.1 refuses the login") as caught:
                says(sshd.node(name, bastion=through(bastion, key=key)), network)
            assert caught.value.node == name
    assert bastion.log().count("Connection from") == before + 1


def test_a_bastion_that_cannot_reach_the_node(sshd: Sshd, bastion: Sshd) -> None:
    with quiet_network() as network, pytest.raises(UnreachableError, match=r"the bastion 127.0.0.1 cannot reach"):
        says(sshd.node(port=free_port(), bastion=through(bastion)), network)


def test_a_bastion_that_forwards_nothing(sshd: Sshd, tmp_path: Path) -> None:
    closed = Sshd(tmp_path, "AllowTcpForwarding no")
    try:
        with quiet_network() as network, pytest.raises(UnreachableError, match="forwards no connections") as caught:
            says(sshd.node(bastion=through(closed)), network)
        assert "AllowTcpForwarding yes" in caught.value.remedy
    finally:
        closed.stop()


def test_what_ssh_config_says_is_honoured(sshd: Sshd, bastion: Sshd, tmp_path: Path) -> None:
    included = tmp_path / "more"
    included.write_text(
        f"Host jump\n  HostName 127.0.0.1\n  User {ME}\n  Port {bastion.port}\n  IdentityFile {bastion.key}\n"
    )
    config = tmp_path / "config"
    config.write_text(
        f"Include {included}\nHost gpu\n  HostName 127.0.0.1\n  Port {sshd.port}\n  User {ME}\n"
        f"  IdentityFile {sshd.key}\n  ProxyJump jump\nHost *\n  UserKnownHostsFile {tmp_path}/keys\n"
    )
    node = sshd.node(user=None, port=22, key=None, known_hosts=None).model_copy(update={"address": "gpu"})
    before = bastion.log().count("Accepted publickey")
    with Network(ssh_config=config) as network:
        assert says(node, network) == "hello\n"
        assert says(node, network) == "hello\n"
    assert bastion.log().count("Accepted publickey") == before + 1
    assert len((tmp_path / "keys").read_text().splitlines()) == 2


def test_an_ssh_config_that_cannot_be_read(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("Host a\nMatch nonsense\n")
    with pytest.raises(UsageError, match="cannot be read"):
        Network(ssh_config=config)


def test_a_proxy_command(sshd: Sshd, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    pipe.write_text("exec 3<>/dev/tcp/$1/$2\ncat <&3 &\nexec cat >&3\n")
    config = tmp_path / "config"
    config.write_text(f"Host *\n  ProxyCommand bash {pipe} %h %p\n")
    with Network(ssh_config=config) as network:
        assert says(sshd.node(), network) == "hello\n"


def test_fabric_is_imported_only_to_connect() -> None:
    check = "import sys, clustr.remote.ssh; sys.exit(bool({'fabric', 'paramiko', 'cryptography'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", check], check=True)


def test_a_bastion_that_goes_away_is_named_and_opened_anew(sshd: Sshd, tmp_path: Path) -> None:
    jump = Sshd(tmp_path)
    node = sshd.node("gpu01", bastion=through(jump))
    with quiet_network() as network:
        assert says(node, network) == "hello\n"
        jump.stop()
        for line in [shared.line for shared in network._bastions.values() if shared.line]:
            line.transport.close()
        with pytest.raises(UnreachableError, match=r"the bastion 127.0.0.1 refuses connections") as caught:
            says(node, network)
        assert caught.value.node == "gpu01"
        for shared in network._bastions.values():
            shared.failed_at -= 60
        jump.start()
        assert says(node, network) == "hello\n"
    jump.stop()

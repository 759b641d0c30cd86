"""Keys that an agent holds, with a real ssh-agent and a real sshd: which agent, and which of its keys."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clustr.errors import LoginError
from clustr.remote.hop import End, Hop
from clustr.remote.ssh import Network
from clustr.remote.ssh.agent import agent_keys, agent_socket, public_half
from tests.unit.remote.sshd import Sshd

PHRASE = "open sesame"
END = End(Hop("gpu1", "gpu", user="ubuntu"), "ubuntu", "10.0.0.11", 2222)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    """An agent's socket, in a folder that is nobody's default."""
    path = tmp_path / "an agent" / "socket"
    path.parent.mkdir()
    process = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL)
    while not path.exists():
        assert process.poll() is None
        time.sleep(0.02)
    yield path
    process.terminate()
    process.wait(5)


@pytest.fixture
def sshd(tmp_path: Path, agent: Path) -> Iterator[Sshd]:
    """A server whose login key is in the agent, and encrypted on the disk, without its public half beside it."""
    server = Sshd(tmp_path)
    subprocess.run(["ssh-add", "-q", server.key], env=os.environ | {"SSH_AUTH_SOCK": str(agent)}, check=True)
    server.key = Path(shutil.copy(server.key, tmp_path / "alone"))
    encrypt(server.key)
    yield server
    server.stop()


def encrypt(key: Path, *kind: str) -> None:
    command = ["ssh-keygen", "-q", "-p", *kind, "-P", "", "-N", PHRASE, "-f", str(key)]
    subprocess.run(command, check=True, capture_output=True)


def says(sshd: Sshd, config: str = "") -> str:
    file = sshd.folder / "config"
    file.write_text(config)
    with Network(ssh_config=file) as network:
        connection = network.open(sshd.node())
        try:
            return connection.run("echo hello", sudo=False).stdout
        finally:
            connection.close()


def test_the_agent_opens_a_key_without_its_public_half_beside_it(
    sshd: Sshd, agent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
    assert says(sshd) == "hello\n"


def test_an_older_format_has_it_only_beside(sshd: Sshd, agent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = sshd.key.with_name("pem")
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", PHRASE, "-f", key], check=True)
    public = key.with_name("pem.pub")
    assert b"OPENSSH" not in key.read_bytes()
    assert public_half(key)
    public.unlink()
    assert public_half(key) == b""
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
    sshd.key = key
    with pytest.raises(LoginError) as caught:
        says(sshd)
    assert caught.value.problem == (
        f"the key {key} is encrypted, and there is neither ssh.passphrase nor {public} "
        f"(for the agent's: ssh-keygen -y -f {key} >{public})"
    )


@pytest.mark.parametrize("written", ['"%d/an agent/socket"', "~/an agent/socket", '"${AT}/socket"', "$SOCKET"])
def test_the_agent_of_ssh_config(sshd: Sshd, agent: Path, monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent.with_name("none listens here")))
    monkeypatch.setenv("HOME", str(agent.parent.parent))
    monkeypatch.setenv("AT", str(agent.parent))
    monkeypatch.setenv("SOCKET", str(agent))
    assert says(sshd, f"Host other\n  IdentityAgent none\nHost 127.0.0.1\n  IdentityAgent {written}\n") == "hello\n"


def test_no_agent_where_ssh_config_wants_none(sshd: Sshd, agent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
    with pytest.raises(LoginError, match=r"neither ssh.passphrase nor an agent opens it"):
        says(sshd, "Host *\n  IdentityAgent none\n")


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("SSH_AUTH_SOCK", "/usual"),
        ("none", None),
        ("$NOT_SET", None),
        ("${NOT_SET}/x", "/usual"),
        ("/run/%i-%u", f"/run/{os.getuid()}-{getpass.getuser()}"),
        ("/run/%r@%h:%p,%n,%k", "/run/ubuntu@10.0.0.11:2222,gpu,gpu"),
        ("/run/%l-%L", f"/run/{socket.gethostname()}-{socket.gethostname().partition('.')[0]}"),
        ("/a%%d/%C", "/a%d/%C"),
        ("~no-such-user/x", "~no-such-user/x"),
    ],
)
def test_what_may_stand_in_identity_agent(monkeypatch: pytest.MonkeyPatch, written: str, path: str | None) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/usual")
    monkeypatch.delenv("NOT_SET", raising=False)
    assert agent_socket(END, {"identityagent": written}) == path


def test_without_identity_agent_it_is_the_usual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/usual")
    assert agent_socket(END, {}) == "/usual"
    monkeypatch.delenv("SSH_AUTH_SOCK")
    assert agent_socket(END, {}) is None


def test_what_is_no_agent_has_no_keys(tmp_path: Path) -> None:
    for path in (None, str(tmp_path / "none"), str(tmp_path), "x" * 200):
        with agent_keys(path) as keys:
            assert list(keys) == []


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_the_public_half_stands_in_the_private_file(tmp_path: Path, kind: str) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", PHRASE, "-f", key], check=True)
    beside = public_half(tmp_path / "key.pub")
    assert beside
    (tmp_path / "key.pub").unlink()
    assert public_half(key) == beside


@pytest.mark.parametrize("content", ["", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbg\n-----END", "\xff\n", "a b"])
def test_what_is_no_key_has_no_public_half(tmp_path: Path, content: str) -> None:
    (tmp_path / "key").write_text(content, encoding="latin-1")
    assert public_half(tmp_path / "key") == b""

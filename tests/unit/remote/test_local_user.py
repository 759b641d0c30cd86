"""A user who has a number and no name, as in a container that was started with a uid of its own."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

import pytest

from clustr.remote.local_user import local_user
from clustr.remote.lock import this_run
from clustr.remote.ssh import Network
from tests.unit.remote.sshd import Sshd

ME = getpass.getuser()


@pytest.fixture(params=[KeyError, OSError], ids=["before Python 3.13", "since"])
def _nameless(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    def unknown(uid: int) -> object:
        raise request.param(f"getpwuid(): uid not found: {uid}")

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "")  # so that it is put back, whatever is set meanwhile
        monkeypatch.delenv(name)
    monkeypatch.setattr("pwd.getpwuid", unknown)


@pytest.mark.usefixtures("_nameless")
def test_the_number_stands_for_the_name() -> None:
    assert local_user() == str(os.getuid())
    assert str(this_run("run", "plan")).startswith(f"{os.getuid()}@")


@pytest.mark.usefixtures("_nameless")
def test_nodes_are_reached(tmp_path: Path) -> None:
    """What reads ~/.ssh/config asks for the name too."""
    server = Sshd(tmp_path)
    config = tmp_path / "config"
    config.write_text(f"Host *\n  IdentityFile {tmp_path}/%u\nMatch localuser nobody\n  Port 9\n")
    try:
        with Network(ssh_config=config) as network:
            connection = network.open(server.node(user=ME))
            assert connection.run("echo hello", sudo=False).stdout == "hello\n"
            connection.close()
    finally:
        server.stop()

"""A real sshd on a port of its own on 127.0.0.1, for the login of the user who runs the tests."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from clustr.inventory.model import Bastion, Node, Role, Ssh

PROGRAM = shutil.which("sshd", path="/usr/sbin:/usr/bin:/sbin")


def make_key(path: Path, phrase: str = "") -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", phrase, "-f", path], check=True)
    return path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Sshd:
    """`settings` are further lines of sshd_config. The key that may log in is `folder/login`."""

    folder: Path
    settings: str = ""
    port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.host_key = make_key(self.folder / "host")
        self.key = make_key(self.folder / "login")
        self.start()

    def start(self) -> None:
        config = self.folder / "sshd_config"
        config.write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {self.folder}/host\nPidFile none\n"
            f"AuthorizedKeysFile {self.folder}/login.pub\nStrictModes no\nUsePAM no\nLogLevel VERBOSE\n"
            f"PasswordAuthentication no\nKbdInteractiveAuthentication no\n{self.settings}\n"
        )
        Path("/run/sshd").mkdir(exist_ok=True)
        log = self.folder / "log"
        log.unlink(missing_ok=True)
        self.process = subprocess.Popen([str(PROGRAM), "-D", "-E", log, "-f", config])
        for _ in range(100):
            if "Server listening" in (log.read_text() if log.exists() else ""):
                return
            time.sleep(0.02)
        raise AssertionError(log.read_text())

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def node(self, name: str = "n1", *, bastion: Bastion | None = None, **ssh: object) -> Node:
        settings = {
            "user": getpass.getuser(),
            "port": self.port,
            "key": self.key,
            "known_hosts": self.folder / "known_hosts",
            "bastion": bastion,
            "connect_within": 0,
        }
        return Node(
            name=name,
            address="127.0.0.1",
            internal_address="127.0.0.1",
            roles=frozenset({Role.AGENT}),
            ssh=Ssh.model_validate(settings | ssh),
        )

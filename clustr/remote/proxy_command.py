"""A program that carries an SSH connection on its stdin and stdout (ssh_config(5), ProxyCommand)."""

from __future__ import annotations

import socket
import subprocess
from contextlib import suppress


class ProxyCommand:
    """Gives a real socket, so that timeouts and many connections work as on any other."""

    def __init__(self, command: str) -> None:
        self.socket, other = socket.socketpair()
        with other:
            # The command is the user's own line of ~/.ssh/config, for a shell as ssh runs it.
            self._process = subprocess.Popen(  # noqa: S602
                f"exec {command}", shell=True, stdin=other.fileno(), stdout=other.fileno(), stderr=subprocess.DEVNULL
            )

    def close(self) -> None:
        self.socket.close()
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)

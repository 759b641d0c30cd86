"""Scripts over a line that stands: one exec of one constant command each, whatever the login shell."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from clustr.errors import ClustrError, UnreachableError
from clustr.inventory.secrets import Secret
from clustr.remote.connection import Result
from clustr.remote.session import END, STARTED, Channel, Outcome, Session, command
from clustr.remote.sudo import ARRIVED, Refusal, refusal, refusal_error

GRACE = 10.0  # seconds that a script's own limit on the node gets before the line is given up


class Line(Protocol):
    """A login that stands; `open` makes one more channel on it, on which a command has begun."""

    def open(self, command: str, *, terminal: bool = False) -> Channel: ...
    def alive(self) -> bool: ...
    def close(self) -> None: ...


class SshConnection:
    """One node, reached once and held through the run; safe to use from several threads: each gets its own channel."""

    def __init__(self, line: Line, node: str, user: str, password: Secret | None) -> None:
        self.node = node
        self.user = user
        self._line = line
        self._password = password.reveal() if password else ""
        self._needs_terminal = False
        self._refused: ClustrError | None = None  # a wrong password, tried often enough, locks the account

    def run(
        self,
        script: str,
        *,
        sudo: bool = True,
        on_line: Callable[[str], None] | None = None,
        timeout: float | None = None,
    ) -> Result:
        """Runs a bash script and waits for its end.

        `timeout` is in seconds: the script is stopped on the node too. Raises UnreachableError when the line is cut or
        the time is up, SudoError when sudo does not let the script through.
        """
        if sudo and self._refused:
            raise self._refused
        if sudo and self._needs_terminal:
            return self._under_terminal(script, on_line, timeout)
        how = "root" if sudo else "user"
        header = f"{how}\n{timeout or 0}\n{self._password if sudo else ''}\n"
        outcome = self._exec("run.sh", (header.encode(), script.encode() + END), on_line=on_line, timeout=timeout)
        if sudo and not outcome.started and refusal(outcome.noise) is Refusal.NO_TERMINAL:
            self._needs_terminal = True
            return self._under_terminal(script, on_line, timeout)
        return self._result(outcome, timeout)

    def close(self) -> None:
        self._line.close()

    def _exec(
        self,
        name: str,
        stdin: tuple[bytes, ...],
        *,
        on_line: Callable[[str], None] | None = None,
        timeout: float | None = None,
        terminal: bool = False,
    ) -> Outcome:
        limit = timeout + GRACE if timeout else None
        try:
            channel = self._line.open(command(name), terminal=terminal)
            return Session(channel, self._line.alive, limit, on_line).run(stdin, wait_for_ready=terminal)
        except ClustrError as error:
            error.node = error.node or self.node
            raise

    def _result(self, outcome: Outcome, timeout: float | None) -> Result:
        # timeout(1) says 124, or 137 where the script had to be killed.
        if outcome.expired or (timeout and outcome.status in (124, 137) and outcome.seconds >= timeout):
            problem = f"a script did not end within {timeout:g} s"
            raise UnreachableError(problem, "see what the node is busy with", node=self.node)
        if not outcome.started:
            error = refusal_error(outcome.noise, user=self.user, node=self.node)
            if refusal(outcome.noise) is Refusal.WRONG_PASSWORD:
                self._refused = error
            raise error
        return Result(outcome.status, _text(outcome.stdout), _text(outcome.stderr))

    def _under_terminal(self, script: str, on_line: Callable[[str], None] | None, timeout: float | None) -> Result:
        """For a sudo with requiretty: the script goes first, by itself, and only the password through the terminal."""
        box = self._park((script.encode(),))
        header = f"{box}\n{timeout or 0}\n{self._password}\n".encode()
        outcome = self._exec("terminal.sh", (header,), on_line=on_line, timeout=timeout, terminal=True)
        errors = self.run(f"cat {box}/stderr; rm -rf {box}", sudo=False).stdout
        noise, _, stderr = errors.partition(STARTED.decode())
        if not outcome.started:
            outcome = replace(outcome, noise=f"{ARRIVED}\n{outcome.noise}\n{noise}")
        return self._result(replace(outcome, stderr=stderr.encode()), timeout)

    def _park(self, stdin: tuple[bytes, ...]) -> str:
        box = self._result(self._exec("park.sh", stdin), None).stdout.strip()
        if not re.fullmatch(r"/dev/shm/clustr\.\w+", box):  # noqa: S108 - made by mktemp -d, mode 0700
            raise UnreachableError("the node gave no folder in /dev/shm", node=self.node, detail=box)
        return box


def _text(data: bytes) -> str:
    return data.decode(errors="replace")

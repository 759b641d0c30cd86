"""The door to one machine, as the rest of clustr sees it. `ssh.py` is the real one; tests bring their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Result:
    """What a script came to. Output is text with undecodable bytes replaced; `status` is the script's own."""

    status: int
    stdout: str
    stderr: str


class Connection(Protocol):
    """One node, reached once and held through the run. Several threads may run scripts: each gets its own channel."""

    def run(
        self,
        script: str,
        *,
        sudo: bool = True,
        on_line: Callable[[str], None] | None = None,
        timeout: float | None = None,
    ) -> Result:
        """Run a bash script, sent on stdin, to its end; each line of its stdout goes to `on_line` as it comes.

        `timeout` is in seconds, and ends the script on the node too. Raises UnreachableError when the line is cut or
        the time is up, SudoError when sudo does not let the script through.
        """

    def put(self, local: Path, remote: str, *, mode: int) -> None:
        """Copy a file, owned by root, streamed through an exec (no sftp); it appears whole or not at all."""

    def close(self) -> None: ...

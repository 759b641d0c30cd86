"""The door to one machine, as the rest of clustr sees it. `ssh/` opens the real ones; tests bring their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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

    def close(self) -> None: ...

"""Stand-ins for a node: FakeConnection answers what it was told to, LocalConnection runs scripts for real."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType

from clustr.remote.connection import Result

Answer = Result | str | BaseException


class FakeConnection:
    """Answers scripts by a piece of text in them. A script that no piece fits, or more than one, fails the test.

    An answer is a Result, the stdout of a script that went well, or an error to raise. Several in a list are given one
    after the other, the last one for ever. `scripts` keeps what was asked for.
    """

    def __init__(self, answers: Mapping[str, Answer | list[Answer]] | None = None, name: str = "n1") -> None:
        self.name = name
        self.answers = {
            piece: list(given) if isinstance(given, list) else [given] for piece, given in (answers or {}).items()
        }
        self.scripts: list[str] = []
        self.closed = False

    def run(
        self,
        script: str,
        *,
        sudo: bool = True,
        on_line: Callable[[str], None] | None = None,
        timeout: float | None = None,
    ) -> Result:
        assert not self.closed, f"{self.name}: a script after close()"
        self.scripts.append(script)
        fitting = [piece for piece in self.answers if piece in script]
        assert len(fitting) == 1, f"{self.name}: {len(fitting)} answers for this script:\n{script}"
        given = self.answers[fitting[0]]
        answer = given.pop(0) if len(given) > 1 else given[0]
        if isinstance(answer, BaseException):
            raise answer
        result = Result(0, answer, "") if isinstance(answer, str) else answer
        return _told(result, on_line)

    def close(self) -> None:
        self.closed = True


class EndedChannel:
    """A channel of a command that has ended well; its readers say what it printed."""

    closed = False

    def recv_stderr(self, nbytes: int) -> bytes:
        return b""

    def recv_stderr_ready(self) -> bool:
        return False

    def exit_status_ready(self) -> bool:
        return True

    def recv_exit_status(self) -> int:
        return 0

    def settimeout(self, timeout: float | None) -> None: ...
    def sendall(self, s: bytes) -> None: ...
    def shutdown_write(self) -> None: ...

    def close(self) -> None:
        self.closed = True


class LocalConnection:
    """Runs scripts with this machine's bash on a copy-on-write view of its disk: needs root, changes nothing outside.

    Commands that a test must not run for real (systemctl, apt-get) are replaced with `command()`. `path()` is where
    the view keeps a file that a script wrote. Use it as a context manager.
    """

    def __init__(self) -> None:
        # An overlay's upper folder may not lie in its own lower one, so not in /tmp.
        self.folder = Path(tempfile.mkdtemp(prefix="clustr-local.", dir="/dev/shm"))
        self.upper = self.folder / "upper"
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir()

    def __enter__(self) -> LocalConnection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(
        self,
        script: str,
        *,
        sudo: bool = True,
        on_line: Callable[[str], None] | None = None,
        timeout: float | None = None,
    ) -> Result:
        self.write("/.clustr-script", script)
        enter = f"""set -e
            mount -t overlay overlay -o lowerdir=/,upperdir={self.upper},workdir={self.folder}/work {self.folder}/root
            cd {self.folder}/root
            for each in proc sys dev run; do mount --rbind "/$each" "$each"; done
            exec chroot . bash /.clustr-script </dev/null"""
        # Namespaces of its own: mounts and a host name are gone when the script ends.
        done = subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "--uts", "bash", "-c", enter],
            capture_output=True,
            timeout=timeout,
            env={
                "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "LC_ALL": "C",
                "HOME": "/root",
            },
            check=False,
        )
        result = Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
        return _told(result, on_line)

    def close(self) -> None:
        shutil.rmtree(self.folder)

    def path(self, path: str) -> Path:
        """Where a file that was written in here lies; files that were only read stay where the machine has them."""
        return self.upper / path.lstrip("/")

    def write(self, path: str, content: str, mode: int = 0o644) -> None:
        self.path(path).parent.mkdir(parents=True, exist_ok=True)
        self.path(path).write_text(content)
        self.path(path).chmod(mode)

    def command(self, name: str, script: str) -> None:
        """Puts a bash script in a command's place; it is found first in PATH."""
        self.write(f"/usr/local/sbin/{name}", f"#!/bin/bash\n{script}\n", 0o755)


def _told(result: Result, on_line: Callable[[str], None] | None) -> Result:
    if on_line:
        for line in result.stdout.splitlines():
            on_line(line)
    return result


def connections(names: Iterable[str], answers: Mapping[str, Answer | list[Answer]]) -> dict[str, FakeConnection]:
    """One FakeConnection for each node, all with the same answers."""
    return {name: FakeConnection(answers, name) for name in names}

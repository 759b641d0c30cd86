"""clustr at a terminal, as a person runs it, and what it leaves on the screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.lab.cluster import Done

COLUMNS, ROWS = 100, 50
# What is drawn over: up a line, this line erased, and to a line's begin or the next one.
MOVES = re.compile(r"(\x1b\[1A|\x1b\[2K|\r?\n|\r)")


def at_terminal(command: Sequence[str], environment: Mapping[str, str], folder: Path, within: float = 900) -> Done:
    """Runs the command with a terminal for stdin, stdout and stderr; `stdout` is what is left on the screen."""
    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    colours = {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(ROWS)}
    kept = {name: value for name, value in environment.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLORTERM")}
    run = subprocess.Popen(command, env={**kept, **colours}, cwd=folder, stdin=there, stdout=there, stderr=there)
    os.close(there)
    try:
        shown = _read(here, time.monotonic() + within)
        return Done(run.wait(10), left_on_screen(shown), "")
    finally:
        run.kill()
        run.wait()
        os.close(here)


def _read(terminal: int, deadline: float) -> str:
    """All that is written to the terminal until nobody holds it any more."""
    shown = bytearray()
    while select.select([terminal], [], [], max(0.0, deadline - time.monotonic()))[0]:
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # EIO: the last writer is gone
            return shown.decode(errors="replace")
    raise TimeoutError(f"still at work: {shown[-2000:]!r}")


def left_on_screen(shown: str) -> str:
    """The lines that are left when everything that was drawn over is gone, colours kept."""
    lines, row = [""], 0
    for part in MOVES.split(shown):
        if part.endswith("\n"):
            row += 1
            lines += [""] * (row == len(lines))
        elif part == "\x1b[1A":
            row = max(0, row - 1)
        elif part == "\x1b[2K":
            lines[row] = ""
        elif part != "\r":
            lines[row] += part
    return "\n".join(lines)

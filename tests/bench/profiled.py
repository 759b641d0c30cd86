"""What holds a run back: where Python's one interpreter lock was, by py-spy, and by whose code.

py-spy looks at all threads from outside, a hundred times a second, and counts those that hold the lock
(https://github.com/benfred/py-spy, `record --gil --format raw`).
"""

from __future__ import annotations

import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.bench.case import Case
from tests.bench.tools import Tool
from tests.simulated.nodes import HOUSE

RATE = 100  # looks a second
MOST = 8  # functions that are told
FRAME = re.compile(r"(?P<function>.+) \((?P<file>.+?)(?::\d+)?\)")


def profile(tool: Tool, case: Case, venv: Path, limit: float) -> list[str]:
    """Does the case once more, slower for being looked at; lines for a person."""
    stacks = HOUSE / "build/bench/profile.txt"
    look = [str(venv / "bin/py-spy"), "record", "--gil", "--nonblocking", "--format", "raw"]
    command = [*look, "--full-filenames", "--rate", str(RATE), "--output", str(stacks), "--", *tool.commands[case]]
    begun = time.monotonic()
    done = subprocess.run(
        command, cwd=tool.folder, env=dict(tool.environment), capture_output=True, text=True, timeout=limit, check=False
    )
    wall = time.monotonic() - begun
    if done.returncode or not stacks.exists():
        return [f"no profile: py-spy ends with {done.returncode}: {done.stderr.strip()[-200:]}"]
    return list(from_stacks(stacks.read_text(), wall))


def from_stacks(stacks: str, wall: float) -> Iterator[str]:
    """`stacks`: a line for each, outermost frame first, with how often it was seen."""
    innermost: Counter[str] = Counter()
    owners: Counter[str] = Counter()
    for line in stacks.splitlines():
        frames, _, count = line.rpartition(" ")
        found = FRAME.fullmatch(frames.rpartition(";")[2])
        if found:
            owner = _owner(found["file"])
            owners[owner] += int(count)
            innermost[f"{owner} {found['function']}"] += int(count)
    seen = owners.total()
    if not seen:
        yield "no profile: nothing was seen to hold the interpreter"
        return
    yield f"profile: the interpreter was at work for {seen / RATE:.1f} s of {wall:.1f} s; whose code it ran:"
    yield "  " + ", ".join(f"{owner} {count / seen:.0%}" for owner, count in owners.most_common(6))
    yield "  " + ", ".join(f"{name} {count / seen:.0%}" for name, count in innermost.most_common(MOST))


def _owner(file: str) -> str:
    """Whose code a file is: an installed package's, a part of this checkout, or Python's own."""
    if "/site-packages/" in file:
        return file.partition("/site-packages/")[2].split("/")[0].removesuffix(".py")
    path = Path(file)
    return path.relative_to(HOUSE).parts[0] if path.is_relative_to(HOUSE) else "Python"

"""What one command costs: wall time, CPU time and memory of everything that it starts, daemons too.

    python -m tests.bench.measure LIMIT LOG COMMAND...

Prints one JSON object. Processes that the command leaves behind (ssh's ControlPersist) are ended and counted.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER, linux/prctl.h: what is orphaned below becomes ours
SAMPLE = 0.25  # seconds between looks at memory


@dataclass(frozen=True)
class Cost:
    status: int  # 124 where the limit came first, as timeout(1) has it
    wall_s: float
    cpu_s: float
    peak_mb: float  # proportional set size: a page that processes share is counted once


def cost(command: Sequence[str], *, log: Path, limit: float, environment: Mapping[str, str], cwd: Path) -> Cost:
    """Runs it in a process of its own that counts, at most `limit` seconds."""
    line = [sys.executable, "-m", "tests.bench.measure", str(limit), str(log), str(cwd), *command]
    house = str(Path(__file__).parents[2])
    done = subprocess.run(
        line, env={**environment, "PYTHONPATH": house}, stdout=subprocess.PIPE, text=True, check=True, cwd=house
    )
    return Cost(**json.loads(done.stdout))


def main(limit: float, log: Path, cwd: str, command: Sequence[str]) -> None:
    ctypes.CDLL(None).prctl(SUBREAPER, 1)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    peak, begun = 0.0, time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=environment, cwd=cwd
        )
        status: int | None = None
        while status is None:
            looked = time.monotonic()
            peak = max(peak, sum(map(_megabytes, _below(os.getpid()))))
            pause = max(SAMPLE, 10 * (time.monotonic() - looked))
            with suppress(subprocess.TimeoutExpired):
                status = process.wait(pause)
            if status is None and time.monotonic() - begun > limit:
                status = 124
    wall = time.monotonic() - begun
    _end_all()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps(asdict(Cost(status, wall, used.ru_utime + used.ru_stime, peak))))


def _below(ancestor: int) -> Iterator[int]:
    """All processes that descend from this one."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    family = {ancestor}
    for process in sorted(parents):
        line = []
        while process not in family and process in parents:
            line.append(process)
            process = parents[process]
        if process in family:
            family.update(line)
    return iter(family - {ancestor})


def _megabytes(process: int) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _end_all() -> None:
    """What the command left; each is waited for, so that its time counts."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in _below(os.getpid()):
            with suppress(ProcessLookupError):
                os.kill(process, number)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            try:
                if os.waitpid(-1, os.WNOHANG) == (0, 0):
                    time.sleep(0.02)
            except ChildProcessError:
                return


if __name__ == "__main__":
    main(float(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4:])

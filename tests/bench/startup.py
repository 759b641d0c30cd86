"""How long `clustr --help` takes from start to end, beside Python itself in the same run."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

CLUSTR = str(Path(sys.executable).with_name("clustr"))
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "clustr --help": [CLUSTR, "--help"],
    "clustr plan --help": [CLUSTR, "plan", "--help"],
    "clustr validate": [CLUSTR, "validate", str(Path(__file__).parents[2] / "inventories/single.yaml")],
}
AIM = 0.2  # seconds, clustr --help


def seconds(command: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begun


def main(runs: int = 15) -> None:
    """Commands take turns, so that what else the machine does falls on all alike."""
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(runs):
        for name, command in COMMANDS.items():
            taken[name].append(seconds(command))
    found = {name: median(each) for name, each in taken.items()}
    python = found["python -c pass"]
    print(f"startup: wall time, median of {runs}")
    for name, each in found.items():
        print(f"  {name:20} {each:7.3f} s  x{each / python:5.1f} of python")
    met = found["clustr --help"] < AIM
    print(f"  aim: clustr --help under {AIM} s: {'met' if met else 'missed'}")
    if not met:
        print("  what it imports, longest first (python -X importtime, microseconds, own and with what it imports):")
        print("\n".join(f"    {line}" for line in imports()[:10]))


def imports() -> list[str]:
    command = [sys.executable, "-X", "importtime", CLUSTR, "--help"]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True)
    lines = [line.removeprefix("import time:") for line in done.stderr.splitlines() if line.count("|") == 2]
    return sorted(lines[1:], key=lambda line: -int(line.split("|")[1]))


if __name__ == "__main__":
    main()

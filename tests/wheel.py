"""clustr as others get it: the wheel, in an empty virtual environment outside the checkout."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HOUSE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Wheel:
    """`file` is the wheel, `clustr` the console script that pip made of it."""

    file: Path
    clustr: Path


def installed_wheel(folder: Path) -> Wheel:
    """Builds the source archive, the wheel from that archive, and installs it with what it depends on."""
    file = built(folder / "dist")
    environment = folder / "venv"
    run(sys.executable, "-m", "venv", environment)
    run(environment / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", file)
    return Wheel(file, environment / "bin/clustr")


def built(folder: Path) -> Path:
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, HOUSE)
    (wheel,) = folder.glob("*.whl")
    return wheel


def run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"

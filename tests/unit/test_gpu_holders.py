"""Who holds the GPUs' devices, asked of this machine's own /proc; devices here are /dev/null under another name."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from clustr.templates import text


@pytest.fixture
def device(tmp_path: Path) -> Path:
    path = tmp_path / "nvidia7"
    os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    return path


def held_by_me() -> list[str]:
    script = f"{text('engine/gpu_holders.sh')}\nmodule_users() {{ :; }}\ngpu_holders"
    told = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout
    return [line for line in told.splitlines() if line.split()[1] == str(os.getpid())]


def test_a_device_that_was_made_anew_is_held_by_its_name(device: Path) -> None:
    """udev, or a container that ended, takes the file away under a program that has it open."""
    with device.open("rb"):
        (there,) = held_by_me()
        device.unlink()
        (gone,) = held_by_me()
    assert there.split()[2] == "/dev/nvidia7"
    assert gone == there

"""What is mounted on this machine, as proc_pid_mountinfo(5) tells it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from clustr.lab import programs

ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Mount:
    point: Path
    kind: str


def mounts() -> list[Mount]:
    """In the order in which they were made."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        mount, _, rest = line.partition(" - ")
        point = ESCAPE.sub(lambda code: chr(int(code[1], 8)), mount.split()[4])
        found.append(Mount(Path(point), rest.split()[0]))
    return found


def is_mounted(folder: Path) -> bool:
    return any(mount.point == folder for mount in mounts())


def kind_of(folder: Path) -> str:
    """The kind of file system that the folder is on, or would be."""
    above = [mount for mount in mounts() if folder.is_relative_to(mount.point)]
    return max(reversed(above), key=lambda mount: len(mount.point.parts)).kind


def unmount_below(folder: Path) -> None:
    """Unmount all that is mounted in the folder; raises LabError when something still uses it."""
    for mount in reversed(mounts()):
        if mount.point.is_relative_to(folder):
            programs.run("umount", mount.point)

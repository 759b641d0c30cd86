"""A lab's own branch in every cgroup hierarchy of this machine: where its processes live, and how they are found.

Each process of a lab enters the branch before it becomes what it is, and nothing inside can leave it. So `down` needs
no list of process ids, which a killed `up` could not have written and which would name strangers one day.
Paths are those below a hierarchy's root, such as `clustr-lab/demo/node-cp1`.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from clustr.errors import LabError
from clustr.lab.mounts import mounts


def hierarchies() -> list[Path]:
    """The roots of all mounted hierarchies, v1 and v2."""
    return [mount.point for mount in mounts() if mount.kind in {"cgroup", "cgroup2"}]


def has_v1() -> bool:
    """Whether resource controllers are those of cgroup v1, which a kubelet from 1.35 on refuses by default."""
    return any((root / "memory.usage_in_bytes").exists() for root in hierarchies())


def make(path: str) -> None:
    """Make the branch in every hierarchy, ready to hold processes; it may be there already."""
    for root in hierarchies():
        above = root
        for part in Path(path).parts:
            _enable_controllers(above)
            below = above / part
            below.mkdir(exist_ok=True)
            _copy_cpuset(above, below)
            above = below


def inside(path: str, command: Sequence[str | Path]) -> list[str]:
    """The command that enters the branch first and only then becomes `command`."""
    enter = "".join(f"echo $$ > {shlex.quote(str(root / path / 'cgroup.procs'))} && " for root in hierarchies())
    return ["bash", "-c", enter + 'exec "$@"', "enter", *map(str, command)]


def processes(path: str) -> set[int]:
    """Everything that runs in the branch."""
    found: set[int] = set()
    for folder in _folders(path):
        try:
            found |= {int(pid) for pid in (folder / "cgroup.procs").read_text().split()}
        except OSError:
            continue  # the cgroup went away while we looked
    return found


def kill(path: str) -> None:
    """SIGKILL everything in the branch, whatever it forks meanwhile; raises LabError if something stays for 20 s."""
    deadline = time.monotonic() + 20
    for root in hierarchies():
        switch = root / path / "cgroup.kill"
        if switch.exists():
            switch.write_text("1")
    while left := processes(path):
        if time.monotonic() > deadline:
            raise LabError(f"Processes of {path} do not end: {sorted(left)}.", "Look at them with ps, then try again.")
        for pid in left:
            _kill_member(pid, path)
        time.sleep(0.02)


def remove(path: str) -> None:
    """Remove the branch, empty of processes, from every hierarchy; it may be gone already."""
    deadline = time.monotonic() + 10
    while left := [folder for folder in _folders(path) if not _removed(folder)]:
        if time.monotonic() > deadline:
            raise LabError(f"The cgroup {left[0]} cannot be removed.", "Look for processes in it, then try again.")
        time.sleep(0.05)


def _folders(path: str) -> Iterator[Path]:
    """All cgroups of the branch, the innermost first."""
    for root in hierarchies():
        for folder, _, _ in os.walk(root / path, topdown=False):
            yield Path(folder)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _kill_member(pid: int, path: str) -> None:
    """Kill a process only if, held by a file descriptor, it still is in the branch: ids are used again."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if f":/{path}" in Path(f"/proc/{pid}/cgroup").read_text():
            signal.pidfd_send_signal(handle, signal.SIGKILL)
    except (ProcessLookupError, FileNotFoundError):
        pass
    finally:
        os.close(handle)


def _enable_controllers(folder: Path) -> None:
    """On v2, let the cgroups below use every controller that this one has."""
    if not (folder / "cgroup.subtree_control").exists():
        return
    enabled = (folder / "cgroup.subtree_control").read_text().split()
    for controller in (folder / "cgroup.controllers").read_text().split():
        if controller not in enabled:
            with contextlib.suppress(OSError):  # cpu is refused while a realtime process runs outside the root
                (folder / "cgroup.subtree_control").write_text(f"+{controller}")


def _copy_cpuset(above: Path, below: Path) -> None:
    """On v1 a new cpuset is empty, and no process may enter it."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        if (below / name).exists() and (below / "cgroup.clone_children").exists():
            (below / name).write_text((above / name).read_text())


def controllers() -> dict[str, str]:
    """What each v2 hierarchy lets its first level use, by its path: `make` may add to it."""
    files = [root / "cgroup.subtree_control" for root in hierarchies()]
    return {str(file): file.read_text() for file in files if file.exists()}


def restore_controllers(before: dict[str, str]) -> None:
    """Take back what `make` added at the top; one that somebody else uses by now stays."""
    for name, value in controllers().items():
        for controller in set(value.split()) - set(before.get(name, value).split()):
            with contextlib.suppress(OSError):
                Path(name).write_text(f"-{controller}")

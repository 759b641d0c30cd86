"""What all labs share of this machine: noted by the first `up`, put back by the last `down`.

vm.*, kernel.* and fs.* are one for the machine and all its nodes, so what a node sets there would stay behind.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clustr.errors import LabError
from clustr.lab import cgroups, mounts, programs, store
from clustr.lab.model import LABS

NOTE = LABS / ".host.json"
SYSCTLS = Path("/proc/sys")
SHARED = ("vm", "kernel", "fs", "net/bridge", "net/ipv4/ip_forward")
# These change by themselves, or do something when written.
PASSED_OVER = {"kernel/ns_last_pid", "kernel/random", "kernel/tainted", "vm/stat_refresh", "vm/compact_memory"}
RUN_SYSTEMD = Path("/run/systemd")
# Every node is a machine with its own need of these, which are counted per user and so for all nodes together.
INOTIFY = {"fs/inotify/max_user_instances": 8192, "fs/inotify/max_user_watches": 524288}


@dataclass(frozen=True)
class Note:
    """This machine as it was before the first lab."""

    sysctls: dict[str, str]
    mounts_run_systemd: bool
    v2_controllers: dict[str, str]


def check() -> None:
    """Raises LabError where nodes could have no file system."""
    if mounts.kind_of(LABS) == "overlay":
        raise LabError(
            f"{LABS} is on an overlay, and the kernel mounts no second one over it.",
            f"In a container, give {LABS} a volume; elsewhere mount a disk there.",
        )


def note() -> None:
    """Write down this machine as it is before the first lab. Call it while `store.all_labs_held`."""
    if not store.all_labs():
        put_back()  # what a last `down` that was killed left undone
        _save(Note(_sysctls(), NOTE.exists() or mounts.kind_of(RUN_SYSTEMD) != "tmpfs", cgroups.controllers()))


def prepare() -> None:
    """Make this machine fit for labs. Call it after `note`."""
    if mounts.kind_of(RUN_SYSTEMD) != "tmpfs":  # systemd-nspawn refuses to work there while it is on disk
        RUN_SYSTEMD.mkdir(exist_ok=True)
        programs.run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", RUN_SYSTEMD)
    _set("net/ipv4/ip_forward", "1")
    for name, least in INOTIFY.items():
        if int((SYSCTLS / name).read_text()) < least:
            _set(name, str(least))


def put_back() -> None:
    """Everything noted as it was; does nothing where nothing is noted. Call it while `store.all_labs_held`.

    Raises LabError, all else done, naming the settings that the kernel does not take back.
    """
    before = _load()
    if before is None:
        return
    for name in _changed(before):
        with contextlib.suppress(OSError):  # of a pair such as vm.dirty_ratio and vm.dirty_bytes one sets both
            _set(name, before.sysctls[name])
    cgroups.restore_controllers(before.v2_controllers)
    if before.mounts_run_systemd and mounts.is_mounted(RUN_SYSTEMD):
        programs.attempt("umount", RUN_SYSTEMD)
    if before.mounts_run_systemd and mounts.is_mounted(RUN_SYSTEMD):
        _save(Note({}, mounts_run_systemd=True, v2_controllers={}))  # containers that are none of ours use it by now
    else:
        NOTE.unlink()
    if left := _changed(before):
        raise LabError(
            "Some settings of this machine could not be put back.",
            "\n".join(f"sysctl -w {name.replace('/', '.')}={before.sysctls[name]!r}" for name in left),
        )


def _changed(before: Note) -> list[str]:
    """The settings that are not as noted."""
    return [name for name, value in _sysctls().items() if before.sysctls.get(name, value) != value]


def _set(name: str, value: str) -> None:
    (SYSCTLS / name).write_text(value, encoding="utf-8")


def _sysctls() -> dict[str, str]:
    return {str(file.relative_to(SYSCTLS)): value for file, value in _readable(SHARED)}


def _readable(parts: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    for part in parts:
        top = SYSCTLS / part
        for file in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if _is_setting(file):
                try:
                    yield file, file.read_text(encoding="utf-8", errors="replace").rstrip("\n")
                except OSError:
                    continue  # a few answer only in a state that this machine is not in


def _is_setting(file: Path) -> bool:
    name = str(file.relative_to(SYSCTLS))
    passed_over = any(name == other or name.startswith(f"{other}/") for other in PASSED_OVER)
    return not passed_over and file.is_file() and file.stat().st_mode & 0o600 == 0o600


def _save(found: Note) -> None:
    store.write(NOTE, json.dumps(found.__dict__, indent=1))


def _load() -> Note | None:
    return Note(**json.loads(NOTE.read_text(encoding="utf-8"))) if NOTE.exists() else None

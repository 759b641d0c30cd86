"""The nodes' roots: an overlay each over one Debian root, with stand-ins for what needs a machine of its own.

To be used in a mount and PID namespace of its own: the mounts go with it. /proc/sys is a plain folder in every root, so
that a node's kernel settings are its own and the machine's stay as they are.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.simulated.work import SYSCTLS, UNITS

STAND_INS = Path(__file__).with_name("stand_ins")
BIND, DETACH, NEW_UTS = 0x1000, 2, 0x04000000  # linux/mount.h, linux/sched.h
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
READ_BY_PROGRAMS = (
    *("kernel/osrelease", "kernel/ostype", "kernel/cap_last_cap", "kernel/pid_max", "kernel/ngroups_max"),
    *("kernel/random/boot_id", "kernel/random/uuid", "vm/overcommit_memory", "fs/file-max"),
)
COUNTED = {"net/netfilter/nf_conntrack_count": "0"}  # there where the kernel tracks connections
SETTINGS = tuple(key.replace(".", "/") for key in SYSCTLS)  # below /proc/sys

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Root:
    """A node's file system, and the descriptor of the namespace that gives it its own hostname."""

    name: str
    path: Path
    hostname: int

    def entered(self, command: str) -> list[str]:
        """The command line that runs a command in it, as sshd does it: by the login shell."""
        uts = f"--uts=/proc/{os.getpid()}/fd/{self.hostname}"
        return ["nsenter", uts, f"--root={self.path}", "--wd=/", "/bin/bash", "-c", command]


class Roots:
    """All roots. `layers` lie under each, the topmost first; `fresh` and `spread` give every node a new one."""

    def __init__(self, folder: Path, names: Sequence[str], layers: Sequence[Path]) -> None:
        self._folder = folder
        self._names = names
        folder.mkdir(parents=True, exist_ok=True)
        _mount("tmpfs", folder, "tmpfs", 0, "mode=0755,size=90%")
        self._hostnames = _hostnames(names)
        stand_ins = folder / "stand-ins"
        _stand_ins(stand_ins)
        self._layers = (stand_ins, *layers)
        self._generation = 0
        self.all: dict[str, Root] = {}
        self.fresh()

    def fresh(self) -> None:
        """New roots in the old ones' place."""
        self._leave()
        shutil.rmtree(self._folder / str(self._generation), ignore_errors=True)
        self._enter(self._layers, dict.fromkeys(SETTINGS, "0"))

    def spread(self, name: str) -> None:
        """All nodes become what this one is."""
        self._leave()
        own = self._folder / str(self._generation) / name
        settings = {path: (own / "settings" / path).read_text().strip() for path in SETTINGS}
        self._enter((own / "upper", *self._layers), settings)

    def _leave(self) -> None:
        for root in self.all.values():
            for below in ("proc/sys", "proc", "sys", ""):
                _libc.umount2(str(root.path / below).encode(), DETACH)

    def _enter(self, layers: Sequence[Path], settings: Mapping[str, str]) -> None:
        self._generation += 1
        self.all = {name: self._root(number, name, layers, settings) for number, name in enumerate(self._names)}

    def _root(self, number: int, name: str, layers: Sequence[Path], settings: Mapping[str, str]) -> Root:
        own = self._folder / str(self._generation) / name
        upper, root = own / "upper", own / "root"
        for folder in (upper / "etc", own / "work", root):
            folder.mkdir(parents=True)
        (upper / "etc/hostname").write_text(f"{name}\n")
        (upper / "etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {name}\n")
        (upper / "etc/machine-id").write_text(f"{number + 1:032x}\n")
        _write_settings(own / "settings", {"kernel/hostname": name, **COUNTED, **settings})
        lower = ":".join(str(layer) for layer in layers)
        _mount("overlay", root, "overlay", 0, f"lowerdir={lower},upperdir={upper},workdir={own / 'work'}")
        for source, target in (("/proc", "proc"), ("/sys", "sys"), (str(own / "settings"), "proc/sys")):
            _mount(source, root / target, "", BIND)
        return Root(name, root, self._hostnames[name])


def _mount(source: str, target: Path, kind: str, flags: int, options: str = "") -> None:
    if _libc.mount(source.encode(), str(target).encode(), kind.encode() or None, flags, options.encode() or None):
        raise OSError(ctypes.get_errno(), f"mount {source} at {target}")


def _hostnames(names: Sequence[str]) -> dict[str, int]:
    """A UTS namespace for each name, held open; unshare(2) is one thread's own affair."""
    found: dict[str, int] = {}

    def make() -> None:
        for name in names:
            if _libc.unshare(NEW_UTS) or _libc.sethostname(name.encode(), len(name)):
                return
            found[name] = os.open("/proc/thread-self/ns/uts", os.O_RDONLY)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if len(found) < len(names):
        raise OSError("no UTS namespace can be made here")
    return found


def _stand_ins(layer: Path) -> None:
    """The layer over the Debian root: stand-ins, the units that they know, devices."""
    programs, units, devices = layer / "usr/bin", layer / "usr/lib/systemd/system", layer / "dev"
    for folder in (programs, units, devices, layer / "run", layer / "etc/simulated"):
        folder.mkdir(parents=True)
    for program in STAND_INS.iterdir():
        shutil.copy(program, programs / program.name)
    for unit in UNITS:
        (units / unit).write_text("# a stand-in\n[Service]\nExecStart=/bin/true\n")
    for name, (major, minor) in DEVICES.items():
        os.mknod(devices / name, stat.S_IFCHR | 0o666, os.makedev(major, minor))
        (devices / name).chmod(0o666)
    (devices / "shm").mkdir()
    (devices / "shm").chmod(0o1777)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        (devices / name).symlink_to(f"/proc/self/fd/{number}")
    (devices / "fd").symlink_to("/proc/self/fd")


def _write_settings(folder: Path, values: Mapping[str, str]) -> None:
    """A node's /proc/sys: what programs read at their start as on this machine, and the node's own."""
    here = {path: (Path("/proc/sys") / path).read_text().strip() for path in READ_BY_PROGRAMS}
    for path, value in {**here, **values}.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(f"{value}\n")

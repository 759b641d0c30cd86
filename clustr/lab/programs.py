"""Programs of this machine, run for a lab."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from clustr.errors import LabError

# The program, and the Debian package that brings it.
NEEDED: Mapping[str, str] = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "chronyd": "chrony",
    "ip": "iproute2",
    "nft": "nftables",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "openssl": "openssl",
    "nsenter": "util-linux",
    "setsid": "util-linux",
    "unshare": "util-linux",
    "mount": "mount",
}
# Nodes are made of what is written here, whatever umask the machine that carries them is hardened with.
UMASK = 0o022
ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
}


def check() -> None:
    """Raises LabError, naming all that is missing at once."""
    if os.geteuid() != 0:
        raise LabError("A lab needs root: it makes links, mounts and cgroups.", "Run it with sudo.")
    missing = sorted({package for program, package in NEEDED.items() if not find(program)})
    if missing:
        raise LabError(
            f"This machine lacks what lab nodes need: {', '.join(missing)}.",
            f"apt-get install --no-install-recommends {' '.join(missing)}",
        )


def find(program: str) -> str | None:
    return shutil.which(program, path=ENVIRONMENT["PATH"])


def run(*command: str | Path, stdin: str = "") -> str:
    """Output of a program that must succeed; raises LabError with what it said."""
    result = attempt(*command, stdin=stdin)
    if result.returncode != 0:
        line = shlex.join(str(word) for word in command)
        raise LabError(f"`{line}` failed with status {result.returncode}.", detail=result.stderr.strip())
    return result.stdout


def attempt(*command: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """The same for a program that may fail. Nothing of the caller's environment is passed on."""
    return subprocess.run(
        [str(word) for word in command],
        input=stdin,
        env=dict(ENVIRONMENT),
        capture_output=True,
        text=True,
        errors="replace",
        umask=UMASK,
        check=False,
    )


def detach(command: Sequence[str | Path], log: Path) -> None:
    """Start a program that outlives this one, in a session of its own, with its output in `log`."""
    with log.open("ab") as out:
        subprocess.run(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=dict(ENVIRONMENT),
            cwd="/",
            umask=UMASK,
            check=True,
        )


@contextmanager
def usual_umask() -> Iterator[None]:
    """The same for what this process itself writes."""
    before = os.umask(UMASK)
    try:
        yield
    finally:
        os.umask(before)

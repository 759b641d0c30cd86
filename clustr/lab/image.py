"""The file system that all nodes of a release start from: built once, cached, never changed afterwards."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from clustr import templates
from clustr.errors import LabError
from clustr.lab import apt, cgroups, mounts, programs
from clustr.lab.model import Lab, LabImage, Release

CACHE = Path("/var/cache/clustr/lab")
# A bare server with systemd and sshd; nothing of what clustr installs, and no Python.
PACKAGES = (
    *("systemd", "systemd-sysv", "libpam-systemd", "udev", "dbus", "openssh-server", "sudo", "ca-certificates"),
    *("curl", "iproute2", "iputils-ping", "kmod", "procps", "less"),
)
# Nodes with GPUs have a kernel to build drivers for, and the compiler that its headers want: unpacked here once, not on
# each of them.
GPU_PACKAGES = ("linux-image-cloud-{}", "gcc", "make", "busybox-static")
CERTIFICATES = Path("/usr/local/share/ca-certificates")
FRESH = 7 * 24 * 3600  # seconds; package lists much older than that name packages that are gone


def folder(release: Release, *, gpus: bool = False) -> Path:
    """Where the image lies, or will: named by everything it is made from."""
    recipe = hashlib.sha256(" ".join(_packages(gpus=gpus)).encode())
    recipe.update(_sources(release).encode())
    parts = [*sorted((templates.folder() / "lab/image").rglob("*")), templates.folder() / "lab/image.sh"]
    for file in [*parts, *sorted(CERTIFICATES.glob("*.crt"))]:
        if file.is_file():
            recipe.update(file.name.encode() + file.read_bytes())
    recipe.update(str(int(time.time() // FRESH)).encode())
    return CACHE / f"{release}-{'gpu-' if gpus else ''}{recipe.hexdigest()[:12]}"


def _packages(*, gpus: bool) -> tuple[str, ...]:
    if not gpus:
        return PACKAGES
    architecture = programs.run("dpkg", "--print-architecture").strip()
    return (*PACKAGES, *(package.format(architecture) for package in GPU_PACKAGES))


def build(lab: Lab, say: Callable[[str], None]) -> None:
    """Build the images that nodes of the lab start from and that are not there yet. Raises LabError."""
    used = {node.image for node in lab.nodes}
    for image, kind in lab.images.items():
        if image in used and not image.is_dir():
            _build(lab, image, kind, say)


def _build(lab: Lab, image: Path, kind: LabImage, say: Callable[[str], None]) -> None:
    """One builder at a time, whichever lab it builds for."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / ".lock").open("w") as lock:
        if not _lock_at_once(lock.fileno()):
            say("waiting for another lab, which builds the image")
            fcntl.flock(lock, fcntl.LOCK_EX)
        if not image.is_dir():
            say(f"building the image of Debian {kind}: about a minute, this once")
            draft = CACHE / f".{image.name}"
            mounts.unmount_below(draft)
            shutil.rmtree(draft, ignore_errors=True)
            _bootstrap(lab, kind, draft, lock.fileno(), say)
            programs.run("bash", templates.folder() / "lab/image.sh", draft, templates.folder() / "lab/image")
            draft.rename(image)


def remove_unused(used: set[Path]) -> None:
    """Remove images that are out of date and that no lab stands on."""
    current = {folder(release, gpus=gpus) for release in Release for gpus in (False, True)}
    for old in CACHE.glob("[a-z]*-*"):
        if old not in used | current:
            shutil.rmtree(old)


def _bootstrap(lab: Lab, kind: LabImage, draft: Path, lock: int, say: Callable[[str], None]) -> None:
    """mmdebstrap, inside the lab's branch, and holding the lock for as long as any part of it lives."""
    sources = CACHE / "debian.sources"
    sources.write_text(_sources(kind.release), encoding="utf-8")
    # In a mount namespace of its own, so that a build that is killed leaves no mounts behind.
    command = ["unshare", "--mount", "--propagation=private"]
    command += ["mmdebstrap", "--mode=root", "--variant=minbase", f"--include={','.join(_packages(gpus=kind.gpus))}"]
    command += ["--skip=cleanup/apt/lists", str(kind.release), str(draft), str(sources)]
    last: deque[str] = deque(maxlen=20)
    process = subprocess.Popen(
        cgroups.inside(f"{lab.branch}/host", command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=dict(programs.ENVIRONMENT),
        umask=programs.UMASK,
        pass_fds=(lock,),
    )
    assert process.stdout is not None  # noqa: S101 - for the type checker: we asked for a pipe
    with process.stdout as lines:
        for line in lines:
            last.append(line.rstrip())
            if line.startswith("I: "):
                say(f"image: {line[3:].rstrip()}")
    if process.wait() != 0:
        raise LabError(
            f"The image of Debian {kind} could not be built.",
            "See that apt-get update works on this machine, then try again.",
            detail="\n".join(last),
        )


def _lock_at_once(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sources(release: Release) -> str:
    files = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    texts = [(file.name, file.read_text(encoding="utf-8")) for file in files if _is_source(file)]
    return apt.sources(apt.archives(texts), release)


def _is_source(file: Path) -> bool:
    return file.suffix in {".list", ".sources"} and os.access(file, os.R_OK)

"""The Debian root under all simulated nodes of the bench: small, with the Python that Ansible needs on a node."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from clustr.lab import apt
from clustr.lab.model import Release
from tests.simulated.work import PACKAGES

SUITE = Release.BOOKWORM
# Beside minbase: Ansible's modules and its apt module, sysctl, ip.
INCLUDED = ("python3", "python3-apt", "procps", "iproute2", "ca-certificates")
REPOSITORY = "srv/simulated"  # what python3-apt looks packages up in; their files are never read
STANZA = """\
Package: {name}
Version: 1.0
Architecture: all
Maintainer: simulated <root@localhost>
Filename: ./{name}.deb
Size: 1
SHA256: {sum}
Description: a stand-in

"""


def built(folder: Path) -> Path:
    """The root, made once with mmdebstrap from this machine's own package sources."""
    if not folder.is_dir():
        draft = folder.with_name(f".{folder.name}")
        shutil.rmtree(draft, ignore_errors=True)
        draft.parent.mkdir(parents=True, exist_ok=True)
        print(f"building {folder}: a minute, this once", flush=True)
        # In a mount namespace of its own, so that a build that is killed leaves no mounts behind.
        command = ["unshare", "--mount", "--propagation=private", "mmdebstrap", "--quiet", "--mode=root"]
        command += ["--variant=minbase", f"--include={','.join(INCLUDED)}", SUITE, str(draft), "-"]
        subprocess.run(command, check=True, input=_sources(), text=True)
        _offer_packages(draft)
        draft.rename(folder)
    return folder


def _sources() -> str:
    """This machine's own, for this release."""
    files = [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]
    texts = [(file.name, file.read_text()) for file in files if file.suffix in (".list", ".sources") and file.is_file()]
    return apt.sources(apt.archives(texts), SUITE)


def _offer_packages(root: Path) -> None:
    """The work's packages in the lists of the root's own apt, and nothing else: a large list costs seconds a node."""
    repository = root / REPOSITORY
    repository.mkdir(parents=True)
    text = "".join(STANZA.format(name=name, sum="0" * 64) for name in PACKAGES)
    (repository / "Packages").write_text(text)
    for old in (root / "etc/apt/sources.list.d").iterdir():
        old.unlink()
    (root / "etc/apt/sources.list").write_text(f"deb [trusted=yes] file:/{REPOSITORY} ./\n")
    environment = {"PATH": os.defpath + ":/usr/sbin:/sbin", "LC_ALL": "C"}
    subprocess.run(["chroot", root, "apt-get", "-qq", "update"], check=True, env=environment)

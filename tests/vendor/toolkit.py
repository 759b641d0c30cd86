"""NVIDIA's container toolkit as its repository has it: the real programs in packages of the real names.

They are built from their Go module, whose packaging/debian says what goes where and what runs at configuration.
libnvidia-container is C and in no module registry: its two packages are empty, which mode cdi never notices.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.vendor.debs import CACHE, Deb

VERSION = "1.20.1"
MODULE = "github.com/NVIDIA/nvidia-container-toolkit"
TOOLKIT = "nvidia-container-toolkit/stable/deb/amd64"  # below the place that is served
BASE, HOOK = ("nvidia-ctk", "nvidia-container-runtime", "nvidia-cdi-hook"), "nvidia-container-runtime-hook"
REAL = "NVIDIA's programs, built from their module by the tests of clustr"
CONFIGURED = """#!/bin/sh
set -e
/usr/bin/nvidia-ctk --quiet config --config-file=/etc/nvidia-container-runtime/config.toml --in-place
if command -v udevadm >/dev/null; then udevadm control --reload-rules >/dev/null 2>&1 || true; fi
for unit in nvidia-cdi-refresh.path nvidia-cdi-refresh.service; do deb-systemd-helper enable "$unit" >/dev/null; done
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl restart nvidia-cdi-refresh.path nvidia-cdi-refresh.service || true
fi
"""


def toolkit(version: str = VERSION) -> tuple[Deb, ...]:
    """The four packages at one version. Needs Go and a C compiler the first time: half a minute on two cores."""
    whole = f"{version}-1"
    trees, at_configuration = _trees(version), {"postinst": CONFIGURED}
    needs = f"nvidia-container-toolkit-base (= {whole}), libnvidia-container-tools (= {whole})"
    return (
        Deb("nvidia-container-toolkit", whole, {"Depends": needs}, folder=trees / "hook", about=REAL),
        Deb("nvidia-container-toolkit-base", whole, scripts=at_configuration, folder=trees / "base", about=REAL),
        Deb("libnvidia-container-tools", whole, {"Depends": f"libnvidia-container1 (>= {whole})"}),
        Deb("libnvidia-container1", whole),
    )


def _trees(version: str) -> Path:
    """Two file trees, of the programs and units of each package; built once, kept beside the packages."""
    kept = CACHE / f"toolkit-{version}"
    if not kept.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            made = Path(scratch, "made")
            _build(version, made)
            made.rename(kept)
    return kept


def _build(version: str, into: Path) -> None:
    go = _go()
    source = Path(_run(go, "mod", "download", "-json", f"{MODULE}@v{version}").split('"Dir": "')[1].split('"')[0])
    programs = into / "programs"
    named = f"-s -w -X {MODULE}/internal/info.version={version}"
    packages = [f"{MODULE}/cmd/{name}@v{version}" for name in (*BASE, HOOK)]
    # The runtime hook needs no libraries at link time, as in the module's Makefile: NVML is found when it runs.
    lazy = "'-extldflags=-Wl,--export-dynamic -Wl,--unresolved-symbols=ignore-in-object-files -Wl,-z,lazy'"
    _run(go, "install", "-trimpath", "-ldflags", f"{named} {lazy}", *packages, GOBIN=str(programs))
    for name in BASE:
        _place(programs / name, into / "base/usr/bin", 0o755)
    units, udev = source / "deployments/systemd", source / "deployments/udev"
    for name in ("nvidia-cdi-refresh.service", "nvidia-cdi-refresh.path"):
        _place(units / name, into / "base/lib/systemd/system", 0o644)
    _place(units / "10-container-engines.conf", into / "base/lib/systemd/system/nvidia-cdi-refresh.service.d", 0o644)
    _place(units / "nvidia-cdi-refresh.env", into / "base/etc/nvidia-container-toolkit", 0o644)
    _place(udev / "99-nvidia-cdi-refresh.rules", into / "base/lib/udev/rules.d", 0o644)
    _place(programs / HOOK, into / "hook/usr/bin", 0o755)
    shutil.rmtree(programs)


def _place(file: Path, folder: Path, mode: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, folder / file.name)
    (folder / file.name).chmod(mode)


def _go() -> str:
    """Go of this machine, else the one that `make kube` fetched."""
    fetched = sorted(Path.home().glob(".cache/clustr/kube/go-*/go/bin/go"))
    found = shutil.which("go") or (str(fetched[-1]) if fetched else None)
    assert found, "the container toolkit is built with Go: make kube fetches it"
    return found


def _run(*words: str, **further: str) -> str:
    """In a folder of no module of its own."""
    variables = {**os.environ, "CGO_ENABLED": "1", "GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": "local", **further}
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(words, env=variables, cwd=empty, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stderr[-3000:]}"
    return done.stdout

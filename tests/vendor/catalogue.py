"""What the vendor's repositories hold, as folders below the place that is served."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.vendor.dcgm import dcgm
from tests.vendor.debs import Deb
from tests.vendor.driver import driver
from tests.vendor.repository import SigningKey, publish
from tests.vendor.served import Place
from tests.vendor.toolkit import TOOLKIT, toolkit

CUDA = "nvidia/debian12/x86_64"  # below the place; `artifacts.packages` names PLACE/nvidia
OLD, NEW = "580.173.02", "595.91.07"


def cuda_repository() -> tuple[Deb, ...]:
    """NVIDIA's repository for Debian 12: two branches of the driver, the toolkit of CUDA, DCGM 4."""
    return (*driver(OLD), *driver(NEW), *_toolkits(), *dcgm(), Deb("nvlsm", "2025.10.11-1"))


def _toolkits() -> tuple[Deb, ...]:
    return tuple(
        Deb(f"cuda-toolkit-{name}", version, files={f"/usr/local/cuda-{name.replace('-', '.')}/bin/nvcc": nvcc})
        for name, version in {"12-9": "12.9.1-1", "13-0": "13.0.2-1"}.items()
        if (nvcc := f"#!/bin/sh\necho 'nvcc (stand-in for tests), release {name.replace('-', '.')}'\n")
    )


def publish_all(folder: Path, key: SigningKey, debs: tuple[Deb, ...] | None = None) -> None:
    """Writes every repository that is ready into `folder`, and the key beside the CUDA one under its real name."""
    publish(folder / CUDA, cuda_repository() if debs is None else debs, key)
    (folder / CUDA / "3bf863cc.pub").write_bytes(key.public.read_bytes())
    publish(folder / TOOLKIT, toolkit(), key, label="nvidia-container-toolkit")


def told(place: Place, key: SigningKey, document: dict[str, Any]) -> None:
    """An inventory that gets NVIDIA's packages from there: its mirror, its key, and what vouches for the place."""
    artifacts = document.setdefault("artifacts", {})
    packages = artifacts.setdefault("packages", {})
    for name in ("nvidia", "nvidia-container-toolkit"):
        packages[name] = f"{place.url}/{name}"
        artifacts.setdefault("keys", {})[name] = str(key.public)
    vouching = Path(artifacts["ca"]).read_text() if artifacts.get("ca") else ""
    both = place.ca.with_name("both.pem")
    both.write_text(vouching + place.ca.read_text())
    artifacts["ca"] = str(both)

"""Names of packages, by choice. Data of the support table that components ask for; each table names its source.

A choice whose driver is preinstalled has no packages here: every function answers with nothing for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from clustr.nvidia.chips import Board, Gpu
from clustr.nvidia.choice import Choice


def driver_packages(choice: Choice, kernel: str) -> tuple[str, ...]:
    """Compute-only driver: modules (DKMS, or signed ones for `kernel`, the release that will run), libraries,
    nvidia-smi and persistenced."""
    raise NotImplementedError


def dkms_package(choice: Choice) -> str:
    """Of driver_packages: the one that brings the modules' source for DKMS; "" where modules come precompiled."""
    raise NotImplementedError


def pinning_package(choice: Choice, version: str = "") -> str:
    """NVIDIA's apt preferences for the branch, or for a full version of it; "" where the source has none."""
    raise NotImplementedError


def module_stream(choice: Choice) -> str:
    """EL 9: what `dnf module enable` is given, nvidia-driver:580-open; "" elsewhere."""
    raise NotImplementedError


def version_lock(choice: Choice) -> str:
    """EL 10: the pattern for `dnf versionlock add`; "" elsewhere."""
    raise NotImplementedError


def headers_packages(choice: Choice, kernel: str) -> tuple[str, ...]:
    """What DKMS needs to build for `kernel`; () where modules come precompiled."""
    raise NotImplementedError


def fabric_manager_packages(choice: Choice, board: Board) -> tuple[str, ...]:
    """() on a board without NVSwitch. All but nvlsm and infiniband-diags have the driver's version."""
    raise NotImplementedError


def toolkit_packages() -> tuple[str, ...]:
    """The container toolkit's four, alike for apt and dnf (its install guide); install all at versions.TOOLKIT."""
    return (
        "nvidia-container-toolkit",
        "nvidia-container-toolkit-base",
        "libnvidia-container-tools",
        "libnvidia-container1",
    )


def dcgm_packages(choice: Choice, gpus: Sequence[Gpu]) -> tuple[str, ...]:
    """DCGM 4 for the driver's CUDA, without its exporter; () where the repository has none."""
    raise NotImplementedError

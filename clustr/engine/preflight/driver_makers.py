"""Whose a package of the driver is: by the source that has it, else by its revision where that is sure to tell."""

from __future__ import annotations

import re

from clustr.inventory.gpu import Source
from clustr.nvidia.packages import toolkit_packages
from clustr.remote.facts import Facts

ANOTHER = "another"
WHOSE: dict[str, str] = {Source.NVIDIA: "NVIDIA's", Source.DISTRO: "the distribution's", ANOTHER: "another source's"}
# Origins of apt's sources and ids of dnf's: a mirror of the site's own may have any other.
ORIGINS: tuple[tuple[str, str], ...] = (
    (r"NVIDIA$|cuda-|clustr-nvidia$", Source.NVIDIA),
    (r"(Debian|Ubuntu)$|almalinux|rhel-", Source.DISTRO),
    (r"LP-PPA-|rpmfusion|epel", ANOTHER),
)
# Ends of versions. Ubuntu's updates name the release (0ubuntu0.24.04.1), as Debian's do (1~deb12u1); the PPA of
# graphics-drivers says gpu24.04.1; NVIDIA has 1ubuntu1 from 590 on (its repositories for ubuntu2404 and ubuntu2604).
REVISIONS: tuple[tuple[str, str], ...] = (
    (r"-0ubuntu0\.\d\d\.\d\d|~deb\d+u\d+$", Source.DISTRO),
    (r"-0ubuntu0~gpu", ANOTHER),
    (r"-1ubuntu1$", Source.NVIDIA),
)
PART = re.compile(r"(lib)?nvidia-|libcuda|kmod-nvidia|cuda-drivers|linux-(modules|objects)-nvidia")


def maker_of(name: str, version: str, origin: str, facts: Facts) -> str | None:
    """A Source, or ANOTHER; None for what is no part of the driver, or comes from nobody who is known."""
    if not PART.match(name) or name in toolkit_packages():
        return None
    if not branch_of(version) and "linux-" not in name:
        return None  # tools with versions of their own
    if origin:
        return next((maker for known, maker in ORIGINS if re.match(known, origin)), None)
    # 0ubuntu1 is NVIDIA's before 590, and Ubuntu's in what a release begins with: 22.04 and 24.04 began before 580.
    if facts.os.version in ("22.04", "24.04") and branch_of(version) >= 580 and version.endswith("-0ubuntu1"):
        return Source.NVIDIA
    return next((maker for known, maker in REVISIONS if re.search(known, version)), None)


def branch_of(version: str) -> int:
    """580 of 580.95.05-1, 1:580.95.05 and 3:580.95.05-1.el9; 0 for what is no version of a driver."""
    found = re.match(r"(?:\d+:)?(\d{3})\.\d+", version)
    return int(found[1]) if found else 0

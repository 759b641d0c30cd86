"""NVIDIA's driver as its repositories for Ubuntu have it: names with the branch up to 580, without it from 590 on.

Relations are those of https://github.com/NVIDIA/ubuntu-packaging-nvidia-driver, debian/templates/control.in. DKMS is a
stand-in of whoever installs them: dkms.conf is in one package, what it builds in another.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.vendor.debs import Deb
from tests.vendor.driver import pinning

FLAVOURS = ("", "-open")


def driver(version: str) -> tuple[Deb, ...]:
    """All packages of one version, 580.173.02; they depend on each other at exactly that."""
    number = version.partition(".")[0]
    suffix = f"-{number}" if int(number) < 590 else ""
    whole = f"{version}-1ubuntu1"
    kernel = (deb for flavour in FLAVOURS for deb in _kernel(version, whole, suffix, flavour))
    return (*pinning(version, whole), *kernel, *_userspace(version, whole, suffix))


def _kernel(version: str, whole: str, suffix: str, flavour: str) -> Iterator[Deb]:
    folder, same = f"/usr/src/nvidia-{version}", f"(= {whole})"
    source, common = f"nvidia-kernel-source{suffix}{flavour}", f"nvidia-kernel-common{suffix}"
    files = {f"{folder}/Makefile": f"# stand-in for tests\nVERSION = {version}\n"}
    yield _deb(source, whole, _takes_place("nvidia-kernel-source"), files)
    needs = f"dkms, {source} {same}, {common} {same}"
    conf = {f"{folder}/dkms.conf": f'PACKAGE_NAME="nvidia"\nPACKAGE_VERSION="{version}"\n'}
    yield _deb(f"nvidia-dkms{suffix}{flavour}", whole, {"Depends": needs, **_takes_place("nvidia-dkms-kernel")}, conf)
    headless = f"{source} {same}, {common} {same}, libnvidia-compute{suffix} {same}"
    yield _deb(f"nvidia-headless-no-dkms{suffix}{flavour}", whole, {"Depends": headless})


def _userspace(version: str, whole: str, suffix: str) -> Iterator[Deb]:
    same = f"(= {whole})"
    yield _deb(f"nvidia-kernel-common{suffix}", whole, _takes_place("nvidia-kernel-common"))
    compute = {"Depends": f"libnvidia-cfg1{suffix} {same}", **_takes_place("libcuda-9.1-1")}
    yield _deb(f"libnvidia-compute{suffix}", whole, compute)
    yield _deb(f"libnvidia-cfg1{suffix}", whole, _takes_place("libnvidia-cfg1-any"))
    yield _deb("nvidia-persistenced", whole, {"Source": "nvidia-persistenced"})
    if suffix:
        utils = {"Depends": f"libnvidia-compute{suffix} {same}, nvidia-firmware{suffix}-{version}"}
        yield _deb(f"nvidia-utils{suffix}", whole, {**utils, **_takes_place("nvidia-utils")})
        yield _deb(f"nvidia-firmware{suffix}-{version}", whole)  # nothing of a later branch takes its place
    else:
        yield _deb("nvidia-firmware", whole)
        yield _deb("libnvidia-extra", whole)


def _takes_place(virtual: str) -> dict[str, str]:
    """Also of the package of that very name: none conflicts with itself (deb-control(5))."""
    return dict.fromkeys(("Provides", "Conflicts", "Replaces"), virtual)


def _deb(name: str, whole: str, fields: dict[str, str] | None = None, files: dict[str, str] | None = None) -> Deb:
    return Deb(name, whole, {"Source": "nvidia-graphics-drivers", **(fields or {})}, files or {})

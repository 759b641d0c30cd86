"""THE SUPPORT TABLE: for a system, a source and an architecture, what can be had from there.

A branch is in a cell where somebody saw how it is selected there: by a pinning package in NVIDIA's apt repositories
(580, 590, 595, 610 and 615 have one, 620 has not been seen with one), by a stream or a version lock in its dnf ones,
by the package's name in a distribution's archive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from clustr.inventory.gpu import Source
from clustr.remote.facts import OperatingSystem

REPOSITORIES = "https://developer.download.nvidia.com/compute/cuda/repos"
X86, ARM = "x86_64", "aarch64"
ARCHITECTURES = (X86, ARM)
ENTERPRISE_LINUX = ("rhel", "rocky", "almalinux")


@dataclass(frozen=True)
class Cell:
    """`branches` are those that the place holds; () where nothing can be had. `nearest` finds what can."""

    system: tuple[str, str]  # ID and VERSION_ID; of Enterprise Linux its major version
    source: Source
    architecture: str  # x86_64, aarch64
    branches: tuple[int, ...]
    repository: str = ""  # URL of NVIDIA's repository for it
    key_url: str = ""
    fingerprint: str = ""  # of the key that signs it, 40 digits; "" where nobody has read it: refused then
    dcgm: bool = False
    toolkit: bool = False  # the repository itself holds the container toolkit
    fabric_manager: bool = False  # with all that NVSwitch boards need of it
    open: tuple[int, ...] = ()  # of the branches: those with open modules
    proprietary: tuple[int, ...] = ()
    signed: tuple[int, ...] = ()  # of the branches: those with signed, precompiled modules
    lacks: str = ""  # what is missing here that one would expect, and why
    by_hand: str = ""  # signed open modules that a person may install, since clustr does not
    sources: tuple[str, ...] = ()  # where each of this was read

    @property
    def place(self) -> str:
        """As a person calls it: NVIDIA's repository for debian 12."""
        name = " ".join(self.system)
        return f"NVIDIA's repository for {name}" if self.source is Source.NVIDIA else f"the archive of {name}"


# The keys, one for each distribution: README of NVIDIA/cuda-repo-management, "Active pubkeys", and its issues #30, #34
# and #39 for their fingerprints. What apt and dnf show of 60DF8A40: "Kitmaker (Ubuntu 26.04) <kitmaker@nvidia.com>".
_OLD_APT = ("3bf863cc.pub", "EB693B3035CD5710E231E123A4B469963BF863CC")
_KEYS = {
    "debian12": _OLD_APT,
    "debian13": ("8793F200.pub", "02182E60104FCDC26EAE1B8597A5D4CB8793F200"),
    "ubuntu2204": _OLD_APT,
    "ubuntu2404": _OLD_APT,
    "ubuntu2604": ("60DF8A40.pub", "14BAFBC7562AD710CA04E69905FBB6DA60DF8A40"),
    "rhel9": ("D42D0685.pub", "610C7B14E068A878070DA4E99CD0A493D42D0685"),
    "rhel10": ("CDF6BA43.pub", ""),  # nobody who wrote of it in public gave more than these eight digits
}
_KEY_TABLE = "https://github.com/NVIDIA/cuda-repo-management#gpg-keys"
_GUIDE = "https://docs.nvidia.com/datacenter/tesla/driver-installation-guide"
_DCGM = "https://github.com/NVIDIA/cuda-repo-management/issues/41 (repositories that have DCGM)"
_FABRIC = "https://github.com/NVIDIA/gpu-driver-container (install.sh of debian13, ubuntu26.04, rhel9, rhel10)"
_PINS = f"{_GUIDE}/620/version-locking.html; NVIDIA/infra-controller#6049"

_NOT_READ = "nobody has told the fingerprint of CDF6BA43 in public"


def _nvidia(system: tuple[str, str], architecture: str, name: str, branches: tuple[int, ...], **more: object) -> Cell:
    repository = f"{REPOSITORIES}/{name}/{'sbsa' if architecture == ARM else X86}"
    key, fingerprint = _KEYS[name]
    found = Cell(
        system,
        Source.NVIDIA,
        architecture,
        branches,
        repository,
        f"{repository}/{key}",
        fingerprint,
        fabric_manager=True,
        open=branches,
        proprietary=tuple(each for each in branches if each < 620),
        sources=(_KEY_TABLE, f"{_GUIDE}/610/introduction.html", _FABRIC),
    )
    found = replace(found, **more)  # type: ignore[arg-type]
    return replace(found, sources=(*found.sources, _DCGM)) if found.dcgm else found


# What each of them holds was read from their lists (Packages.gz, repodata) and written down there, 2026-09-23.
_LISTS = "https://github.com/Getty/rex-gpu (lib/Rex/GPU/NVIDIA/Setup/Debian.pm, RHEL.pm, Ubuntu.pm)"


def _nvidia_debian() -> Iterator[Cell]:
    pinned = (580, 590, 595, 610, 615)
    issues = tuple(f"https://github.com/NVIDIA/cuda-repo-management/issues/{number}" for number in (34, 38, 40, 41, 45))
    lacks = "it has neither branch 580, nor DCGM, nor the container toolkit, and its apt refuses debian12's key"
    twelve, thirteen = ("debian", "12"), ("debian", "13")
    for found in (
        _nvidia(twelve, X86, "debian12", pinned, dcgm=True, toolkit=True),
        _nvidia(twelve, ARM, "debian12", pinned[1:], lacks="for aarch64 it begins with branch 590"),
        _nvidia(thirteen, X86, "debian13", pinned[1:], lacks=lacks),
        _nvidia(thirteen, ARM, "debian13", pinned[2:], lacks=lacks),
    ):
        yield replace(found, sources=(*found.sources, _PINS, _LISTS, *(issues if found.system == thirteen else ())))


def _nvidia_ubuntu() -> Iterator[Cell]:
    pinned = (580, 590, 595, 610, 615)
    for architecture in ARCHITECTURES:
        for version, name in {"22.04": "ubuntu2204", "24.04": "ubuntu2404"}.items():
            old = _nvidia(("ubuntu", version), architecture, name, pinned, dcgm=True, toolkit=True)
            yield replace(old, sources=(*old.sources, _PINS))
        newest = _nvidia(("ubuntu", "26.04"), architecture, "ubuntu2604", pinned[2:])
        found = "https://github.com/NVIDIA/gpu-driver-container/blob/main/ubuntu26.04/Dockerfile (DRIVER_BRANCH=595)"
        yield replace(newest, sources=(*newest.sources, _PINS, found))


def _nvidia_enterprise_linux() -> Iterator[Cell]:
    branches = (580, 590, 595, 610, 615, 620)
    guide = f"{_GUIDE}/620/kernel-modules.html"
    for distribution in ENTERPRISE_LINUX:
        for architecture in ARCHITECTURES:
            nine = _nvidia((distribution, "9"), architecture, "rhel9", branches, dcgm=True, toolkit=True)
            ten = _nvidia((distribution, "10"), architecture, "rhel10", branches, dcgm=True, lacks=_NOT_READ)
            yield from (replace(each, sources=(*each.sources, guide, _LISTS)) for each in (nine, ten))


def _distro_debian() -> Iterator[Cell]:
    """Its own archive: `apt-cache policy nvidia-kernel-dkms nvidia-open-kernel-dkms` on both, 2026-11."""
    packages = "https://packages.debian.org"
    for architecture in ARCHITECTURES:
        yield Cell(
            ("debian", "12"),
            Source.DISTRO,
            architecture,
            (535,),
            proprietary=(535,),
            lacks="its open modules (535.261.03) conflict with its libraries (535.309.01, bookworm-security)",
            sources=(f"{packages}/bookworm/nvidia-kernel-dkms", f"{packages}/bookworm/nvidia-open-kernel-dkms"),
        )
        sources = (f"{packages}/trixie/nvidia-kernel-dkms", f"{packages}/trixie/nvidia-open-kernel-dkms")
        system = ("debian", "13")
        yield Cell(system, Source.DISTRO, architecture, (550,), open=(550,), proprietary=(550,), sources=sources)


def _distro_ubuntu() -> Iterator[Cell]:
    """The branches whose -server packages are no transitional ones, with signed modules for each kernel."""
    held = (580, 595)
    for version, name in {"22.04": "jammy", "24.04": "noble", "26.04": "resolute"}.items():
        place = f"https://packages.ubuntu.com/source/{name}"
        sources = (
            *(f"{place}/nvidia-graphics-drivers-{branch}-server" for branch in held),
            f"{place}/fabric-manager-580",
            "https://packages.ubuntu.com/resolute-updates/linux-modules-nvidia-580-open-generic",
        )
        for architecture in ARCHITECTURES:
            yield Cell(
                ("ubuntu", version),
                Source.DISTRO,
                architecture,
                held,
                fabric_manager=True,
                open=held,
                proprietary=held,
                signed=held,
                sources=sources,
            )


_SIGNED_BY_RED_HAT = (
    "with RHEL 10.1 or later, install kmod-nvidia and nvidia-open, which are signed, from "
    "rhel-10-for-x86_64-extensions-rpms and set driver.source: preinstalled"
)
_SIGNED_BY_ALMA = (
    "install AlmaLinux's kmod-nvidia-open, which is signed and trails its kernels at times, and set "
    "driver.source: preinstalled"
)
_PRECOMPILED = "https://github.com/NVIDIA/yum-packaging-precompiled-kmod/issues/59"


def _distro_enterprise_linux() -> Iterator[Cell]:
    """Red Hat's is in a repository of its own, for some of its releases; which branch it has was not read."""
    for distribution in ENTERPRISE_LINUX:
        for version in ("9", "10"):
            for architecture in ARCHITECTURES:
                by_hand = _SIGNED_BY_ALMA if distribution == "almalinux" else ""
                if (distribution, version, architecture) == ("rhel", "10", X86):
                    by_hand = _SIGNED_BY_RED_HAT
                yield Cell(
                    (distribution, version),
                    Source.DISTRO,
                    architecture,
                    (),
                    by_hand=by_hand,
                    sources=(_PRECOMPILED,),
                )


CELLS: tuple[Cell, ...] = (
    *_nvidia_debian(),
    *_nvidia_ubuntu(),
    *_nvidia_enterprise_linux(),
    *_distro_debian(),
    *_distro_ubuntu(),
    *_distro_enterprise_linux(),
)
_BY_KEY = {(each.system, each.source, each.architecture): each for each in CELLS}


def cell(system: OperatingSystem, source: Source, architecture: str) -> Cell | None:
    """None for a system that the table does not know; 9.4 of Enterprise Linux is a 9."""
    exact = of((system.id, system.version), source, architecture)
    return exact or of((system.id, system.version.partition(".")[0]), source, architecture)


def of(system: tuple[str, str], source: Source, architecture: str) -> Cell | None:
    return _BY_KEY.get((system, source, architecture))


def nearest(found: Cell, serves: Callable[[Cell], bool]) -> Cell | None:
    """The nearest other cell that serves: of the same system, else of the newest release of the distribution, else of
    another distribution."""
    others = [each for each in reversed(CELLS) if each.architecture == found.architecture and each is not found]
    others.sort(key=lambda each: (each.system != found.system, each.system[0] != found.system[0]))
    return next((each for each in others if serves(each)), None)

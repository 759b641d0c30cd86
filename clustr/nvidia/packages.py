"""Names of packages, by choice: data of the support table that components ask for.

A choice whose driver is preinstalled has no packages here: every function answers with nothing for it. Names of drivers
without a display: NVIDIA's driver installation guide, "Compute-only and Desktop Installation", and
https://github.com/NVIDIA/gpu-driver-container (install.sh of each system, 2026-08) for NVIDIA's repositories;
packages.debian.org and packages.ubuntu.com for the distributions' own.
"""

from __future__ import annotations

from collections.abc import Sequence

from clustr.inventory.gpu import Source
from clustr.nvidia.branches import branch
from clustr.nvidia.chips import Architecture, Board, Gpu
from clustr.nvidia.choice import Choice
from clustr.nvidia.support import ARM, ENTERPRISE_LINUX, Cell


def driver_packages(choice: Choice, kernel: str) -> tuple[str, ...]:
    """Compute-only driver: modules (DKMS, or signed ones for `kernel`, the release that will run), libraries,
    nvidia-smi and persistenced."""
    place = choice.cell
    if place is None:
        return ()
    modules = _signed_modules(choice, kernel) if choice.signed else dkms_package(choice)
    return (modules, *_userland(choice, place))


def _userland(choice: Choice, place: Cell) -> tuple[str, ...]:
    number, (system, version) = choice.branch, place.system
    if system in ENTERPRISE_LINUX:
        return ("nvidia-driver-cuda", "nvidia-persistenced")
    if place.source is Source.DISTRO:
        return _of_ubuntu(choice) if system == "ubuntu" else _OF_DEBIAN
    if system == "debian":
        return ("nvidia-driver-cuda", "nvidia-persistenced")
    if number >= 590:
        return (*_of_ubuntu_590(choice), *(("zstd",) if version == "26.04" else ()))  # dkms packs modules with it there
    return (f"libnvidia-compute-{number}", f"nvidia-utils-{number}", "nvidia-persistenced")


def _of_ubuntu_590(choice: Choice) -> tuple[str, ...]:
    """Their names no longer have the branch. Modules and headless metapackage ask for the source of their own flavour,
    and each source takes the other's place: https://github.com/NVIDIA/gpu-driver-container, ubuntu26.04/nvidia-driver,
    has nvidia-kernel-source for proprietary modules alone, and "Conflicts: nvidia-kernel-source" is in
    https://github.com/NVIDIA/ubuntu-packaging-nvidia-driver, debian/templates/control.in."""
    headless, source = f"nvidia-headless-no-dkms{_open(choice)}", f"nvidia-kernel-source{_open(choice)}"
    return (headless, source, "nvidia-firmware", "libnvidia-compute", "nvidia-persistenced")


# nvidia-persistenced asks for some libnvidia-cfg, and libcuda1 only recommends it. nvidia-modprobe, which makes
# /dev/nvidia-uvm, comes with the modules, and has a branch of its own (570 beside 550 in Debian 13).
_OF_DEBIAN = ("libcuda1", "libnvidia-cfg1", "libnvidia-ml1", "nvidia-smi", "nvidia-persistenced")


def _of_ubuntu(choice: Choice) -> tuple[str, ...]:
    """The metapackage brings libraries and persistenced; it has one of its own that asks for no DKMS."""
    metapackage = "nvidia-headless-no-dkms" if choice.signed else "nvidia-headless"
    return (f"{metapackage}-{choice.branch}-server{_open(choice)}", f"nvidia-utils-{choice.branch}-server")


def _signed_modules(choice: Choice, kernel: str) -> str:
    """Canonical's, one package for each kernel."""
    return f"linux-modules-nvidia-{choice.branch}-server{_open(choice)}-{kernel}"


def dkms_package(choice: Choice) -> str:
    """Of driver_packages: the one that brings the modules' source for DKMS; "" where modules come precompiled."""
    place = choice.cell
    if place is None or choice.signed:
        return ""
    system = place.system[0]
    if system in ENTERPRISE_LINUX:
        return "kmod-nvidia-open-dkms" if choice.open else "kmod-nvidia-latest-dkms"
    if system == "debian":
        if place.source is Source.DISTRO:
            return "nvidia-open-kernel-dkms" if choice.open else "nvidia-kernel-dkms"
        return "nvidia-kernel-open-dkms" if choice.open else "nvidia-kernel-dkms"
    if place.source is Source.DISTRO:
        return f"nvidia-dkms-{choice.branch}-server{_open(choice)}"
    suffix = f"-{choice.branch}" if choice.branch < 590 else ""
    return f"nvidia-dkms{suffix}{_open(choice)}"


def _open(choice: Choice) -> str:
    return "-open" if choice.open else ""


def pinning_package(choice: Choice) -> str:
    """NVIDIA's apt preferences for the branch; "" where the source has none.

    On Debian it is the only selector of a branch: https://forums.developer.nvidia.com/t/353805.
    """
    place = choice.cell
    if place is None or place.source is not Source.NVIDIA or place.system[0] in ENTERPRISE_LINUX:
        return ""
    return f"nvidia-driver-pinning-{choice.branch}"


def module_stream(choice: Choice) -> str:
    """EL 9: what `dnf module enable` is given, nvidia-driver:580-open; "" elsewhere (r620 guide, "Kernel Modules")."""
    if not _is_release(choice, "9"):
        return ""
    return f"nvidia-driver:{choice.branch}-{'open' if choice.open else 'dkms'}"


def version_lock(choice: Choice) -> str:
    """EL 10, which has no streams: the pattern for `dnf versionlock`; "" elsewhere (r620 guide, "Version locking")."""
    return f"*nvidia*{choice.branch}*" if _is_release(choice, "10") else ""


def _is_release(choice: Choice, version: str) -> bool:
    system = choice.cell.system if choice.cell else ("", "")
    return system[0] in ENTERPRISE_LINUX and system[1] == version


def headers_packages(choice: Choice, kernel: str) -> tuple[str, ...]:
    """What DKMS needs to build for `kernel`; () where modules come precompiled."""
    if choice.cell is None or choice.signed:
        return ()
    if choice.cell.system[0] not in ENTERPRISE_LINUX:
        return (f"linux-headers-{kernel}",)
    return (_of_kernel(kernel, "-devel"),)


def kernel_packages(choice: Choice, kernel: str) -> tuple[str, ...]:
    """The kernel itself, with the modules that a server may want. Ubuntu keeps some apart from its generic kernels
    (https://packages.ubuntu.com/noble/linux-image-generic)."""
    if choice.cell is None:
        return ()
    if choice.cell.system[0] in ENTERPRISE_LINUX:
        return (_of_kernel(kernel, ""),)
    extra = choice.cell.system[0] == "ubuntu" and kernel.endswith("-generic")
    return (f"linux-image-{kernel}", *((f"linux-modules-extra-{kernel}",) if extra else ()))


def _of_kernel(kernel: str, part: str) -> str:
    """Of EL, for one kernel. One with large pages, 5.14.0-503.el9.aarch64+64k, has its variant in the name."""
    release, _, variant = kernel.partition("+")
    return f"kernel{f'-{variant}' if variant else ''}{part}-{release}"


def fabric_manager_packages(choice: Choice, board: Board, kernel: str) -> tuple[str, ...]:
    """() on a board without NVSwitch. NVIDIA's, but for nvlsm, have the driver's version.

    https://github.com/NVIDIA/gpu-driver-container: nvlsm and its tools where ConnectX-7 manages the switches, libnvsdm
    on x86_64 alone; imex where NVLink leaves the machine, whose switches are then machines of their own. Ubuntu keeps
    ib_umad apart from its kernels (linux-modules-extra; https://github.com/Getty/rex-gpu, Setup/Ubuntu.pm).
    """
    place = choice.cell
    if place is None or board is Board.NONE:
        return ()
    if board is Board.MULTI_NODE:
        return ("nvidia-imex",)
    if place.source is Source.DISTRO:
        return (f"nvidia-fabricmanager-{choice.branch}",)
    if board is Board.NVSWITCH:
        return ("nvidia-fabricmanager", "libnvidia-nscq")
    monitor = () if place.architecture == ARM else ("libnvsdm",)
    extra = (f"linux-modules-extra-{kernel}",) if place.system in MODULES_APART and kernel.endswith("-generic") else ()
    return ("nvidia-fabricmanager", "libnvidia-nscq", *monitor, "nvlsm", "infiniband-diags", *extra)


MODULES_APART = (("ubuntu", "22.04"), ("ubuntu", "24.04"))  # where that was seen


def toolkit_packages() -> tuple[str, ...]:
    """The container toolkit's four, all at the version of clustr.versions (its installation guide)."""
    return (
        "nvidia-container-toolkit",
        "nvidia-container-toolkit-base",
        "libnvidia-container-tools",
        "libnvidia-container1",
    )


def dcgm_packages(choice: Choice, gpus: Sequence[Gpu]) -> tuple[str, ...]:
    """DCGM 4 for the driver's CUDA, without its exporter; () where the repository has none.

    Volta and older, whose last CUDA is 12, take that of CUDA 12 beside the driver's (DCGM user guide, "Installation").
    """
    known = branch(choice.branch)
    if choice.cell is None or not choice.cell.dcgm or known is None:
        return ()
    old = any(gpu.chip and gpu.chip.architecture <= Architecture.VOLTA for gpu in gpus)
    return tuple(f"datacenter-gpu-manager-4-cuda{cuda}" for cuda in sorted({known.cuda, 12} if old else {known.cuda}))

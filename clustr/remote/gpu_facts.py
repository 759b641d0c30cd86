"""What a node with GPUs says of their driver. A bare machine can tell all of it: nothing here comes from nvidia-smi."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ModuleOwner(StrEnum):
    """Who put the driver's modules there."""

    PACKAGE = "package"
    RUNFILE = "runfile"  # NVIDIA's .run installer
    GPU_OPERATOR = "gpu-operator"  # its driver container
    UNKNOWN = "unknown"


class HolderKind(StrEnum):
    POD = "pod"
    SERVICE = "service"
    PROCESS = "process"  # of no unit's and no pod's: a stranger
    MODULE = "module"  # of the kernel, which needs the driver's: it has no pid, and no device file


@dataclass(frozen=True)
class Holder:
    """Whatever has one of /dev/nvidia* open, or needs the driver otherwise."""

    kind: HolderKind
    name: str  # namespace/pod, or its uid where no name can be told; unit.service; or the program's name
    pid: int
    device: str  # /dev/nvidia0


@dataclass(frozen=True)
class Loaded:
    """The module in the kernel, by /proc/driver/nvidia/version."""

    version: str
    open: bool


@dataclass(frozen=True)
class ModuleOnDisk:
    """nvidia.ko for one of the installed kernels, by modinfo."""

    kernel: str
    version: str
    open: bool
    owner: ModuleOwner = ModuleOwner.UNKNOWN
    signer: str = ""


@dataclass(frozen=True)
class DkmsModule:
    """A line of `dkms status`."""

    name: str
    version: str
    kernel: str  # "" where it was only added
    state: str  # added, built, installed


@dataclass(frozen=True)
class Package:
    """An installed package of NVIDIA's stack, whoever made it."""

    name: str
    version: str
    held: bool
    origin: str = ""  # of the place that has it: NVIDIA, Debian, Ubuntu; on EL a repository's id; "" for none now


@dataclass(frozen=True)
class Candidate:
    """What the package manager would install now; version "" where it has none of that name."""

    name: str
    version: str
    origin: str = ""  # of the place that offers it, as a package's; "" where it was not told


@dataclass(frozen=True)
class GpuFacts:
    """None, here: it could not tell."""

    loaded: Loaded | None = None
    nouveau: bool = False  # loaded, or bound to a device
    modules: tuple[ModuleOnDisk, ...] = ()
    owner: ModuleOwner | None = None  # of the driver that is there, loaded or on disk; None: there is none
    secure_boot: bool | None = None
    headers: frozenset[str] = frozenset()  # kernels that modules can be built for now
    dkms: tuple[DkmsModule, ...] = ()
    packages: tuple[Package, ...] = ()
    candidates: tuple[Candidate, ...] = ()  # of driver packages, of DKMS and kernels' headers, of runtimes
    holders: tuple[Holder, ...] | None = None
    boot_free_mb: int | None = None
    initrd_mb: int = 0  # the largest initramfs in /boot
    iommu: bool = False  # groups are there
    acs: bool | None = None  # a bridge above a GPU redirects peers' requests
    toolkit_left: bool = False  # /usr/local/nvidia/toolkit, which k3s finds before the system's own
    peermem: bool = False  # nvidia_peermem is loaded


@dataclass(frozen=True)
class KubeGpu:
    """What a live server's API says of who hands out GPUs."""

    device_plugins: tuple[str, ...] = ()  # namespace/name of DaemonSets that register GPUs
    operator_driver: bool = False  # a ClusterPolicy has its driver enabled
    dra: tuple[str, ...] = ()  # drivers of ResourceSlices that are about GPUs

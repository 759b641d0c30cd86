"""What the user wants of GPUs and of the fabric between them."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from clustr.inventory import fields
from clustr.inventory.frozen import Frozen


class Source(StrEnum):
    """Where the driver comes from."""

    NVIDIA = "nvidia"  # NVIDIA's own repository
    DISTRO = "distro"  # the distribution's
    PREINSTALLED = "preinstalled"  # it is there already: looked at, never touched


class Modules(StrEnum):
    """The flavour of the kernel modules; auto: open ones where the chip can run them."""

    AUTO = "auto"
    OPEN = "open"
    PROPRIETARY = "proprietary"


class ClusterGpu(StrEnum):
    """Who hands GPUs out to pods."""

    CLUSTR = "clustr"  # RuntimeClass, device plugin and feature labels of clustr's own
    GPU_OPERATOR = "gpu-operator"  # its chart, with driver and toolkit off: those are the host's
    NONE = "none"


class Fabric(StrEnum):
    """What a port of the fabric speaks."""

    INFINIBAND = "infiniband"
    ROCE = "roce"


class RdmaStack(StrEnum):
    """Whose modules and libraries drive the fabric."""

    INBOX = "inbox"  # the kernel's own, with rdma-core
    DOCA = "doca"  # DOCA-OFED, which took MLNX_OFED's place


class Peermem(StrEnum):
    """How the fabric reaches the GPUs' memory: DMA-BUF where the machine can, else nvidia_peermem."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class Driver(Frozen):
    """NVIDIA's driver. A class or a node may set any of it again, the nearest wins."""

    source: Source = Field(default=Source.NVIDIA, description="nvidia, distro or preinstalled")
    branch: fields.Branch = Field(default="auto", description="such as 580; auto: the newest that is sure to serve")
    modules: Modules = Field(default=Modules.AUTO, description="auto, open or proprietary")
    kernel: fields.KernelRelease | None = Field(
        default=None,
        description="release that nodes run, such as 6.1.0-57-amd64; left out: the one that is there, held",
    )


class Cuda(Frozen):
    """CUDA's toolkit on the nodes; containers need only the driver."""

    toolkit: fields.CudaVersion | None = Field(default=None, description="such as 13.0; left out: none on the host")


class Dcgm(Frozen):
    """DCGM and its exporter, on nodes with GPUs."""

    enabled: fields.Flag = Field(default=True, description="false: neither")


class RdmaPort(Frozen):
    """One port of the fabric, by its RDMA device."""

    device: fields.Line = Field(description="such as mlx5_0, as `rdma link` names it")
    fabric: Fabric = Field(default=Fabric.INFINIBAND, description="infiniband or roce")
    mtu: fields.Whole | None = Field(default=None, ge=256, le=65520, description="of its network interface")
    interface: fields.Interface | None = Field(
        default=None,
        description="its network interface, such as ibp24s0: where all ports name theirs, pods get no others",
    )


class Rdma(Frozen):
    """RDMA on nodes of a class, from the host to the pod."""

    stack: RdmaStack = Field(default=RdmaStack.INBOX, description="inbox or doca")
    peermem: Peermem = Field(default=Peermem.AUTO, description="nvidia_peermem: auto, on or off")
    ports: tuple[RdmaPort, ...] = Field(default=(), description="left out: every port, as it is")
    priority: fields.Whole = Field(default=3, ge=0, le=7, description="RoCE: the priority without loss (PFC)")
    dscp: fields.Whole = Field(default=26, ge=0, le=63, description="RoCE: what marks its packets")
    ecn: fields.Flag = Field(default=True, description="RoCE: switches may mark packets instead of dropping them")


class NodeClass(Frozen):
    """What nodes of one kind are expected to be, and how GPUs are divided; the doctor compares machines with it."""

    gpus: fields.Whole | None = Field(default=None, ge=0, description="GPUs in one node")
    model: fields.Line | None = Field(default=None, description="their model, such as H100-SXM")
    nvlink: fields.Whole | None = Field(default=None, ge=0, description="NVLinks of one GPU")
    ib_ports: fields.Whole | None = Field(default=None, ge=0, description="InfiniBand or RoCE ports in one node")
    ib_rate: fields.Whole | None = Field(default=None, ge=1, description="Gbit/s of one port")
    gpu_slots: tuple[fields.PciSlot, ...] = Field(default=(), description="where its GPUs are, to name missing ones")
    mig: fields.MigProfile | None = Field(default=None, description="profile for every GPU, such as 1g.10gb; off: none")
    time_slicing: fields.Whole | None = Field(default=None, ge=2, le=64, description="pods that share one GPU in turns")

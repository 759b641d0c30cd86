"""The findings about GPUs and their fabric: a node with eight H100 on a board with NVSwitch, where all else is well."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from clustr.engine.preflight import Name
from clustr.inventory.gpu import Driver, NodeClass, Rdma, RdmaStack, Source
from clustr.inventory.model import Artifacts, Cluster, K3s, Runtime
from clustr.remote.facts import OperatingSystem, PciDevice, Seen
from clustr.remote.gpu_facts import Candidate, GpuFacts, KubeGpu, Loaded, ModuleOnDisk, ModuleOwner, Package
from tests.components.k3s_nodes import bare, running, with_facts
from tests.unit.engine.preflight_case import THREE, Case

SLOTS = tuple(f"0000:{bus}:00.0" for bus in ("1b", "43", "52", "61", "9d", "c3", "d1", "df"))
H100 = tuple(PciDevice(slot, "10de", "2330", "030200", "nvidia", subsystem="10de:16c1") for slot in SLOTS)
SWITCHES = tuple(PciDevice(f"0000:0{bus}:00.0", "10de", "22a3", "068000", "nvidia-nvswitch") for bus in range(5, 9))
NICS = tuple(PciDevice(f"0000:{bus}:00.0", "15b3", "1021", "020700", "mlx5_core") for bus in ("18", "40"))
V100 = (PciDevice("0000:1b:00.0", "10de", "1db5", "030200"),)
UBUNTU = OperatingSystem("ubuntu", "24.04", "noble", "Ubuntu 24.04.3 LTS")
RHEL = OperatingSystem("rhel", "9.6", "", "Red Hat Enterprise Linux 9.6 (Plow)")
ROCKY = OperatingSystem("rocky", "9.6", "", "Rocky Linux 9.6 (Blue Onyx)")
KERNEL = "6.1.0"  # of the facts in k3s_nodes.py
WELL = GpuFacts(secure_boot=False, headers=frozenset((KERNEL,)), holders=(), boot_free_mb=900, initrd_mb=60)
MODULE = ModuleOnDisk(KERNEL, "580.95.05", open=True, owner=ModuleOwner.PACKAGE)
AT_WORK = replace(WELL, loaded=Loaded("580.95.05", open=True), modules=(MODULE,))


def with_gpu1(cluster: Cluster = THREE, **values: object) -> Cluster:
    """The cluster, with this said of gpu1."""
    nodes = tuple(node.model_copy(update=values) if node.name == "gpu1" else node for node in cluster.nodes)
    return cluster.model_copy(update={"nodes": nodes})


def on_gpus(
    cluster: Cluster = THREE, gpu: GpuFacts = WELL, pci: tuple[PciDevice, ...] = (*H100, *SWITCHES), **facts: object
) -> Seen:
    return with_facts(bare(cluster), "gpu1", pci=pci, gpu=gpu, **facts)


def gpus(
    words: str = "",
    cluster: Cluster = THREE,
    gpu: GpuFacts = WELL,
    pci: tuple[PciDevice, ...] = (*H100, *SWITCHES),
    **facts: object,
) -> Case:
    return Case(lambda cluster: on_gpus(cluster, gpu, pci, **facts), "gpu1", cluster, words=words)


def of_class(**expects: object) -> Cluster:
    return with_gpu1(class_name="h100", expects=NodeClass.model_validate(expects))


def driver(**values: object) -> Cluster:
    return with_gpu1(driver=Driver.model_validate(values))


def telling(gpu: KubeGpu) -> Case:
    """A running cluster whose servers say this of who hands GPUs out."""

    def seen(cluster: Cluster) -> Seen:
        here = running(cluster)
        for server in cluster.servers:
            here = with_facts(here, server.name, k3s=replace(here[server.name].k3s, gpu=gpu))
        return here

    return Case(seen, "cp1")


def packages(*named: tuple[str, str, str]) -> tuple[Package, ...]:
    return tuple(Package(name, version, held=True, origin=origin) for name, version, origin in named)


DISTRO = driver(source=Source.DISTRO)
ON_CONTAINERD = THREE.model_copy(
    update={"runtime": Runtime(engine="containerd"), "k3s": K3s.model_validate({"version": "v1.34.9+k3s1"})}
)
OFFERED = (Candidate("nvidia-headless-580-server-open", "595.71.05-0ubuntu0.24.04.1"),)
DOCA = with_gpu1(rdma=Rdma(stack=RdmaStack.DOCA), artifacts=Artifacts(keys={"doca": Path("/x/doca.asc")}))

GPU_CASES: dict[Name, Case] = {
    Name.FABRIC_PORTS: gpus(
        "has 1 ports of the fabric, its class h100 says 2",
        cluster=of_class(ib_ports=2), pci=(*H100, *SWITCHES, NICS[0]),
    ),
    Name.FABRIC_SECURE_BOOT: gpus(
        "Secure Boot is on", cluster=DOCA, os=UBUNTU, pci=NICS, gpu=replace(WELL, secure_boot=True)
    ),
    Name.FABRIC_STACK: gpus("no repository of DOCA-OFED is known", cluster=DOCA, pci=NICS),
    Name.GPU_BOOT_FULL: gpus("90 MB are free in /boot; 160 are needed", gpu=replace(WELL, boot_free_mb=90)),
    Name.GPU_BRANCH: gpus("does not have branch 535", cluster=driver(branch="535")),
    Name.GPU_CANDIDATE: gpus(
        "nvidia-headless-580-server-open 595.71.05-0ubuntu0.24.04.1, which is not of branch 580",
        cluster=driver(source=Source.DISTRO, branch="580"), os=UBUNTU, gpu=replace(WELL, candidates=OFFERED),
    ),
    Name.GPU_COUNT: gpus(
        "has 7 GPUs, its class h100 says 8; missing: 0000:d1:00.0",
        cluster=of_class(gpus=8, gpu_slots=SLOTS), pci=(*H100[:6], H100[7], *SWITCHES),
    ),
    Name.GPU_DEVICE_PLUGIN: telling(KubeGpu(device_plugins=("default/nvidia-device-plugin-daemonset",))),
    Name.GPU_DKMS: gpus(
        "none of its repositories has dkms", os=RHEL, gpu=replace(WELL, candidates=(Candidate("dkms", ""),))
    ),
    Name.GPU_HEADERS: gpus(
        "linux-headers-6.1.0",
        gpu=replace(WELL, headers=frozenset(), candidates=(Candidate("linux-headers-6.1.0", ""),)),
    ),
    Name.GPU_KERNEL: gpus(
        "its next boot starts kernel 6.1.0, which has no module of the driver",
        cluster=driver(source=Source.PREINSTALLED),
        gpu=replace(AT_WORK, modules=(ModuleOnDisk("6.0.9", "580.95.05", open=True),)),
    ),
    Name.GPU_MIG: gpus(
        "mig: 1g.5gb, which the H100 80GB HBM3 at 0000:1b:00.0 does not have", cluster=of_class(mig="1g.5gb")
    ),
    Name.GPU_MISSING_DRIVER: gpus("no driver is there", cluster=driver(source=Source.PREINSTALLED)),
    Name.GPU_MIXED_SOURCES: gpus(
        "has the distribution's packages libnvidia-compute-580, and driver.source is nvidia", os=UBUNTU,
        gpu=replace(WELL, packages=packages(("libnvidia-compute-580", "580.95.05-0ubuntu0.24.04.2", "Ubuntu"))),
    ),
    Name.GPU_MODEL: gpus("has 8 H100-SXM (0000:1b:00.0), its class h100 says H200", cluster=of_class(model="H200")),
    Name.GPU_MODULES: gpus("does not run with open modules", cluster=driver(modules="open"), pci=V100),
    Name.GPU_OPERATOR_DRIVER: telling(KubeGpu(operator_driver=True)),
    Name.GPU_RUNFILE: gpus(".run installer", gpu=replace(AT_WORK, owner=ModuleOwner.RUNFILE)),
    Name.GPU_RUNTIME: gpus(
        "containerd 1.6.20~ds1-1+deb12u1; GPUs get into containers by CDI, which needs 1.7.16", cluster=ON_CONTAINERD,
        gpu=replace(WELL, candidates=(Candidate("containerd", "1.6.20~ds1-1+deb12u1"),)),
    ),
    Name.GPU_SECURE_BOOT: gpus("Secure Boot is on", gpu=replace(WELL, secure_boot=True)),
    Name.GPU_SYSTEM: gpus("the archive of rocky 9 has no driver", cluster=DISTRO, os=ROCKY),
    Name.GPU_TOOLKIT_LEFT: gpus("/usr/local/nvidia/toolkit is there", gpu=replace(WELL, toolkit_left=True)),
    Name.GPU_UNKNOWN_CHIP: gpus("10de:ffff in 0000:1b:00.0", pci=(replace(V100[0], device="ffff"),)),
}  # fmt: skip

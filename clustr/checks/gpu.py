"""GPUs and their driver on one node: that they are there, that the driver is one, and that it stays so."""

from __future__ import annotations

import re
from collections import Counter

from clustr.checks.backend import Host
from clustr.checks.check import Check, CouldNotLook, DoesNotApply, check, must
from clustr.checks.gpu_node import gpu_node, machine, may_have_gpus, with_clustrs_driver
from clustr.inventory.gpu import ClusterGpu
from clustr.inventory.model import Cluster, Node

AGAIN = "clustr bootstrap --limit {node}"
DRIVER_GUIDE = "https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/"
SMI = "https://docs.nvidia.com/deploy/nvidia-smi/"
LOG = "clustr exec --limit {node} -- dmesg | grep -i nvrm"


@check(
    "gpu.count",
    says="all GPUs are on the PCI bus",
    on=may_have_gpus,
    fix=f"{LOG}; power {{node}} off and on; if it stays away, reseat or replace it",
    source="https://docs.nvidia.com/deploy/xid-errors (79)",
)
def gpus_are_on_the_bus(host: Host, node: Node, cluster: Cluster) -> str:
    found, wanted = machine(host).gpus, node.expects.gpus
    if not found and wanted is None:
        raise DoesNotApply("it has no GPU")
    here = [gpu.device.slot for gpu in found]
    away = [slot for slot in node.expects.gpu_slots if slot not in here]
    missing = f"missing: {', '.join(away)}" if away else ""
    count = f"{len(here)} GPUs"
    must(wanted in (None, len(here)) and not away, found=count, wanted=str(wanted or len(here)), evidence=missing)
    return f"{count}: {', '.join(here)}"


@check(
    "gpu.model",
    says="GPUs are of the model that the class names",
    on=may_have_gpus,
    fix="give {node} another class in the inventory, or correct the model there",
    source="https://github.com/NVIDIA/open-gpu-kernel-modules (README, compatible GPUs)",
)
def gpus_are_of_the_model(host: Host, node: Node, cluster: Cluster) -> str:
    found, wanted = gpu_node(host).gpus, node.expects.model
    kinds = Counter(gpu.chip.model if gpu.chip else f"{gpu.device.device} (unknown)" for gpu in found)
    told = ", ".join(f"{count} {model}" for model, count in kinds.items())
    if wanted:
        must(all(gpu.chip and gpu.chip.is_a(wanted) for gpu in found), found=told, wanted=wanted)
    return told


@check(
    "gpu.nouveau",
    says="nouveau has none of the GPUs",
    on=with_clustrs_driver,
    fix=AGAIN,
    gates=("nvidia_driver",),
    source=DRIVER_GUIDE,
)
def nouveau_is_away(host: Host, node: Node, cluster: Cluster) -> str:
    found = gpu_node(host)
    bound = [gpu.device.slot for gpu in found.gpus if gpu.device.driver == "nouveau"]
    must(not found.nouveau, found="nouveau is loaded", wanted="not loaded", evidence=", ".join(bound))
    must(not bound, found=f"nouveau is bound to {', '.join(bound)}", wanted="nvidia")
    return "it is not loaded"


@check(
    "gpu.driver-loaded",
    says="NVIDIA's driver is loaded, and is the one on disk",
    on=may_have_gpus,
    fix=f"{AGAIN}; if it stays so: {LOG}",
    gates=("nvidia_driver",),
    returns=True,
    source=DRIVER_GUIDE,
)
def driver_is_loaded(host: Host, node: Node, cluster: Cluster) -> str:
    found = gpu_node(host)
    must(bool(found.loaded), found="no driver is loaded", wanted="NVIDIA's")
    if not found.modules:
        raise CouldNotLook(f"{found.loaded} is loaded, and no kernel has a module of it in its list")
    on_disk = ", ".join(f"{version} for {kernel}" for kernel, version in found.modules.items())
    must(found.loaded in found.modules.values(), found=f"{found.loaded} is loaded", wanted=on_disk)
    return found.loaded


@check(
    "gpu.next-kernel",
    says="the kernel that the next boot starts has the driver's module",
    on=may_have_gpus,
    fix=f"{AGAIN}; clustr exec --limit {{node}} -- dkms status",
    gates=("nvidia_driver",),
    source="dkms(8)",
)
def next_kernel_has_the_module(host: Host, node: Node, cluster: Cluster) -> str:
    found = gpu_node(host)
    if not found.next_kernel:
        raise CouldNotLook("no kernel is to be seen in /boot")
    version = found.modules.get(found.next_kernel, "")
    others = ", ".join(f"{kernel} has {there}" for kernel, there in found.modules.items())
    must(bool(version), found=f"{found.next_kernel} has none", wanted="a module", evidence=others)
    return f"{version} for {found.next_kernel}"


@check(
    "gpu.libraries",
    says="the driver's libraries and the loaded module have one version",
    on=may_have_gpus,
    fix=f"{AGAIN}; reboot {{node}} if an update came by the way",
    gates=("nvidia_driver",),
    returns=True,
    source="https://github.com/NVIDIA/nvidia-container-toolkit/issues/394",
)
def libraries_fit(host: Host, node: Node, cluster: Cluster) -> str:
    found = gpu_node(host)
    must(bool(found.libraries), found="no libnvidia-ml is installed", wanted=found.loaded or "one")
    must(set(found.libraries) == {found.loaded}, found=", ".join(found.libraries), wanted=found.loaded or "a driver")
    return f"libnvidia-ml {found.loaded}"


@check(
    "gpu.packages-held",
    says="packages of the driver are held: no upgrade moves them by the way",
    on=with_clustrs_driver,
    fix=AGAIN,
    source="https://github.com/NVIDIA/ubuntu-packaging-nvidia-driver/issues/3",
)
def packages_are_held(host: Host, node: Node, cluster: Cluster) -> str:
    found = gpu_node(host)
    must(bool(found.packages), found="no package of a driver is installed", wanted="some")
    must(not found.free, found=f"not held: {', '.join(sorted(found.free))}", wanted="held")
    return f"{len(found.packages)} packages are held"


@check(
    "gpu.device-files",
    says="device files of the GPUs are there, and those of unified memory",
    on=may_have_gpus,
    fix=AGAIN,
    gates=("container_toolkit",),
    returns=True,
    source="https://github.com/NVIDIA/gpu-operator/issues/2685",
)
def device_files_are_there(host: Host, node: Node, cluster: Cluster) -> str:
    """nvidia-uvm comes by no module alone: a node without it looks ready, and CUDA fails there."""
    found = gpu_node(host)
    named = [name for name in found.files if re.fullmatch(r"nvidia\d+", name)]
    must(len(named) == len(found.gpus), found=f"{len(named)} of /dev/nvidia*", wanted=str(len(found.gpus)))
    wanted = {"nvidiactl"} if cluster.cluster_gpu is ClusterGpu.NONE else {"nvidiactl", "nvidia-uvm"}
    missing = ", ".join(f"/dev/{name}" for name in sorted(wanted - found.files))
    must(not missing, found=f"no {missing}", wanted="there")
    return f"{len(named)} GPUs, {', '.join(sorted(wanted))}"


@check(
    "gpu.answers",
    says="nvidia-smi sees every GPU",
    on=may_have_gpus,
    fix=f"{LOG}; {AGAIN}",
    gates=("nvidia_driver",),
    returns=True,
    source=SMI,
)
def gpus_answer(host: Host, node: Node, cluster: Cluster) -> str:
    found = gpu_node(host)
    lines = smi(host, "--query-gpu=index,name,pci.bus_id,driver_version --format=csv,noheader")
    rows = [[cell.strip() for cell in line.split(",")] for line in lines if line.count(",") == 3]
    wanted = len(found.gpus)  # of those on the bus: whether they are all is told by gpu.count
    # It writes places on the bus with a domain of eight digits.
    seen = {row[2].lower()[-12:] for row in rows}
    silent = [gpu.device.slot for gpu in found.gpus if gpu.device.slot not in seen]
    names = ", ".join(f"{count} {name}" for name, count in Counter(row[1] for row in rows).items())
    evidence = f"silent: {', '.join(silent)}" if silent else ""
    must(len(rows) == wanted and not silent, found=names or "none", wanted=f"{wanted} GPUs", evidence=evidence)
    versions = {row[3] for row in rows}
    must(versions == {found.loaded}, found=f"driver {', '.join(versions)}", wanted=found.loaded)
    return f"{names}, driver {found.loaded}"


def smi(host: Host, arguments: str) -> list[str]:
    """What nvidia-smi prints; raises CheckFailed where it does not get on with the driver, and says so."""
    asked = host.run(f"nvidia-smi {arguments}", may_fail=True, timeout=60)
    if "is not a valid field" in asked.stdout:  # it is of an older branch than any that clustr installs
        raise CouldNotLook(asked.stdout.strip())
    must(asked.rc == 0, found=f"nvidia-smi ends with {asked.rc}: {complaint(asked.stdout + asked.stderr)}", wanted="0")
    return [line for line in asked.stdout.splitlines() if line.strip()]


def complaint(said: str) -> str:
    """The line with which nvidia-smi says what is wrong, which stands among what it says of other GPUs."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    about = (line for line in lines if re.search(r"unable|failed|is lost|no devices|insufficient", line, re.IGNORECASE))
    return next(about, " ".join(lines))[:300]


CHECKS: tuple[Check, ...] = (
    gpus_are_on_the_bus,
    gpus_are_of_the_model,
    nouveau_is_away,
    driver_is_loaded,
    next_kernel_has_the_module,
    libraries_fit,
    packages_are_held,
    device_files_are_there,
    gpus_answer,
)

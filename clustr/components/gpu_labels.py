"""Part of node_object: what a node's GPUs are, as labels by the names and values that GPU feature discovery gives them.

Only what PCI ids and the inventory tell, so that they are in the plan and no pod has to look: the discovery itself
needs node feature discovery beside it. What NVML alone tells (memory, versions, sizes of MIG devices) is left out.
Names and values: internal/lm of https://github.com/NVIDIA/k8s-device-plugin (resource.go, nvml.go), and #1237 there.
"""

from __future__ import annotations

import re

from clustr.components.container_toolkit import serves_gpus
from clustr.components.device_plugin import dra
from clustr.inventory.gpu import ClusterGpu
from clustr.inventory.model import Cluster, Node
from clustr.nvidia.chips import Architecture, Gpu, gpus
from clustr.nvidia.nvml import compute_capability, product_name
from clustr.nvidia.sharing import Sharing, sharing
from clustr.remote.facts import Seen

PRESENT = "nvidia.com/gpu.present"
CONFIGURATION = "nvidia.com/device-plugin.config"  # which of the device plugin's configurations is the node's
FAMILIES = {Architecture.ADA: "ada-lovelace"}  # what is called otherwise than the chips' table does
MODES = {"0300": "graphics", "0302": "compute"}  # by PCI class


def gpu_labels(cluster: Cluster, node: Node, seen: Seen) -> dict[str, str]:
    """None where another hands GPUs out: GPU Operator labels nodes by itself, but for the plugin's configuration."""
    if not seen.answered(node.name) or not serves_gpus(node, seen[node.name]):
        return {}
    way = sharing(node.expects)
    if cluster.cluster_gpu is ClusterGpu.GPU_OPERATOR:
        return {CONFIGURATION: way.name}
    if cluster.cluster_gpu is ClusterGpu.NONE or dra(cluster, seen):
        return {}
    found = gpus(seen[node.name])
    return {PRESENT: "true", CONFIGURATION: way.name, **_of_node(found), **_of_sharing(way), **_of_kind(found)}


def _of_node(found: tuple[Gpu, ...]) -> dict[str, str]:
    labels = {
        "nvidia.com/gpu.count": str(len(found)),
        "nvidia.com/gpu.mode": MODES[found[0].device.kind[:4]],
        "nvidia.com/mps.capable": "false",  # no class of an inventory shares GPUs so
    }
    if all(gpu.chip for gpu in found):
        labels["nvidia.com/mig.capable"] = str(any(gpu.chip and gpu.chip.mig for gpu in found)).lower()
    return labels


def _of_sharing(way: Sharing) -> dict[str, str]:
    """A GPU that is divided is none that could be had whole: the discovery gives it 0 replicas."""
    return {
        "nvidia.com/gpu.replicas": "0" if way.mig else str(way.replicas),
        "nvidia.com/gpu.sharing-strategy": "time-slicing" if way.replicas > 1 else "none",
        "nvidia.com/mig.strategy": "mixed",
    }


def _of_kind(found: tuple[Gpu, ...]) -> dict[str, str]:
    """None where GPUs are of several kinds: the discovery then tells of any one of them."""
    first = found[0]
    capability = compute_capability(first)
    if not first.chip or not capability or any(gpu.chip != first.chip for gpu in found):
        return {}
    labels = {
        "nvidia.com/gpu.family": FAMILIES.get(first.chip.architecture, first.chip.architecture.name.lower()),
        "nvidia.com/gpu.compute.major": str(capability[0]),
        "nvidia.com/gpu.compute.minor": str(capability[1]),
    }
    names = {product_name(gpu) for gpu in found}
    if len(names) == 1 and "" not in names:
        # No -SHARED: GPUs that take turns have a resource of their own (renameByDefault), so whole ones are not shared.
        labels["nvidia.com/gpu.product"] = product(*names)
    return labels


def product(name: str) -> str:
    """As a label's value may be written: NVIDIA-H100-80GB-HBM3."""
    return "-".join(re.sub(r"[^A-Za-z0-9-_. ]", "", name).split())

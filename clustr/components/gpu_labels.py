"""Part of node_object: what a node's GPUs are, as labels by the names that GPU feature discovery gives them.

Only what PCI ids and the inventory tell, so that they are in the plan and no pod has to look: the discovery itself
needs node feature discovery beside it. Names and values: docs/gpu-feature-discovery of NVIDIA/k8s-device-plugin.
"""

from __future__ import annotations

import re

from clustr.components.container_toolkit import serves_gpus
from clustr.components.device_plugin import dra
from clustr.inventory.gpu import ClusterGpu
from clustr.inventory.model import Cluster, Node
from clustr.nvidia.chips import gpus
from clustr.nvidia.sharing import sharing
from clustr.remote.facts import Seen

PRESENT = "nvidia.com/gpu.present"
CONFIGURATION = "nvidia.com/device-plugin.config"  # which of the device plugin's configurations is the node's


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
    labels = {
        PRESENT: "true",
        CONFIGURATION: way.name,
        "nvidia.com/gpu.count": str(len(found)),
        "nvidia.com/gpu.replicas": str(way.replicas),
        "nvidia.com/mig.strategy": "mixed",
    }
    chip = found[0].chip
    if chip and all(gpu.chip == chip for gpu in found):
        labels["nvidia.com/gpu.product"] = product(chip.name) + ("-SHARED" if way.replicas > 1 else "")
        labels["nvidia.com/gpu.family"] = chip.architecture.name.lower()
        labels["nvidia.com/mig.capable"] = str(chip.mig).lower()
    return labels


def product(name: str) -> str:
    """As a label's value may be written: NVIDIA-H100-80GB-HBM3."""
    whole = name if name.startswith(("NVIDIA", "Tesla")) else f"NVIDIA {name}"
    return re.sub(r"[^A-Za-z0-9._-]+", "-", whole).strip("-._")[:56]

"""GPUs in the cluster by NVIDIA's GPU Operator: its chart, with the parts off that are the host's.

k3s installs it from a HelmChart object (docs.k3s.io/add-ons/helm). Driver and toolkit are the host's, and so is DCGM's
exporter where clustr runs it, and MIG where a class divides GPUs: then its manager would undo what the host did.
Values: docs.nvidia.com/datacenter/cloud-native/gpu-operator, "Common chart customization options"; CDI is on
by default since 25.10.
"""

from __future__ import annotations

from collections.abc import Iterable

import yaml

from clustr.artifacts import chart_source
from clustr.components.device_plugin import configuration, dra, sharings
from clustr.engine.goal import Goal
from clustr.engine.makers import manifest
from clustr.inventory.gpu import ClusterGpu
from clustr.inventory.model import Cluster, Node
from clustr.nvidia.sharing import WHOLE, Sharing
from clustr.remote.facts import Seen
from clustr.templates import render, text
from clustr.versions import GPU_OPERATOR

CHARTS = "https://helm.ngc.nvidia.com/nvidia"
CONFIGURATIONS = "clustr-device-plugin"  # the ConfigMap; nodes are labelled with the name of theirs


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    """For the first server. None where GPUs are DRA's: the operator's device plugin would hand out the same ones."""
    ways = sharings(cluster, seen)
    if cluster.cluster_gpu is not ClusterGpu.GPU_OPERATOR or not ways or dra(cluster, seen):
        return
    # A file of its own, taken away after the chart's: helm keeps in the namespace what it needs to uninstall.
    yield manifest("clustr-gpu-operator-namespace", text("gpu_operator/namespace.yaml"))
    content = render(
        "gpu_operator/gpu-operator.yaml",
        chart=chart_source(cluster, node, CHARTS),
        version=GPU_OPERATOR,
        values=yaml.safe_dump(values(cluster, ways), sort_keys=False, width=1000),
    )
    yield manifest("clustr-gpu-operator", content)


def values(cluster: Cluster, ways: tuple[Sharing, ...]) -> dict[str, object]:
    divided = any(way.mig for way in ways)
    plugin = {
        "create": True,
        "name": CONFIGURATIONS,
        "default": WHOLE.name if WHOLE in ways else ways[0].name,
        "data": {way.name: configuration(way) for way in ways},
    }
    return {
        "driver": {"enabled": False},
        "toolkit": {"enabled": False},
        "dcgmExporter": {"enabled": not cluster.dcgm.enabled},
        "migManager": {"enabled": not divided},
        "mig": {"strategy": "mixed"},
        "devicePlugin": {"config": plugin},
    }

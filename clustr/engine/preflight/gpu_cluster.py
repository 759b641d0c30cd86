"""Who hands GPUs out to pods, and whether the runtime can take them in."""

from __future__ import annotations

import re
from collections.abc import Iterator

from clustr.components.device_plugin import operators
from clustr.engine.preflight.findings import Finding, Name, answered
from clustr.engine.preflight.gpu import candidate_versions, with_gpus
from clustr.inventory.gpu import ClusterGpu, Source
from clustr.inventory.model import Cluster
from clustr.remote.facts import Former, Seen

OURS = re.compile(r"kube-system/nvidia-device-plugin-(whole|mig|shared-\d+)")  # components/device_plugin.py
# Since these a runtime takes devices in by their CDI spec (NVIDIA Container Toolkit, "Support for Container Device
# Interface"; Docker Engine 26.1 release notes).
RUNTIMES = {"containerd": ("containerd", (1, 7, 16)), "docker": ("docker.io", (26, 1))}


def device_plugins(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """Two device plugins hand each GPU out twice. With cluster_gpu: none whoever hands them out is left alone."""
    if cluster.cluster_gpu is ClusterGpu.NONE:
        return
    wanted = cluster.cluster_gpu is ClusterGpu.GPU_OPERATOR or _takes_operator_away(cluster, seen)
    for node, facts in answered(cluster, seen):
        for plugin in facts.k3s.gpu.device_plugins:
            if OURS.fullmatch(plugin) or (wanted and operators(plugin)):
                continue
            problem = f"the cluster's DaemonSet {plugin} hands GPUs out, and cluster_gpu is {cluster.cluster_gpu}"
            yield Finding(Name.GPU_DEVICE_PLUGIN, node.name, problem, _way_out(plugin))
        if facts.k3s.nodes:
            return  # one server knows all of it


def _takes_operator_away(cluster: Cluster, seen: Seen) -> bool:
    """Whether the GPU Operator is clustr's own, by its record on a server: no goal wants it any more, so the plan has
    its removal, and clustr's device plugin waits for that (components/device_plugin.py)."""
    servers = [seen[node.name] for node in cluster.servers if seen.answered(node.name)]
    return any(record.component == "gpu_operator" for facts in servers for record in facts.records)


def _way_out(plugin: str) -> str:
    """An operator makes its DaemonSet again."""
    namespace, _, name = plugin.partition("/")
    if operators(plugin):
        return f"uninstall the GPU Operator (helm -n {namespace} list names it); or set cluster_gpu: gpu-operator"
    way = f"k3s kubectl -n {namespace} delete daemonset {name} there, or uninstall the chart that it is of"
    return f"{way}; or set cluster_gpu: none"


def operator_driver(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """Its driver container unloads the host's modules (GPU Operator, "Pre-Installed NVIDIA GPU Drivers")."""
    if all(node.driver.source is Source.PREINSTALLED for node in cluster.nodes):
        return
    for node, facts in answered(cluster, seen):
        if facts.k3s.gpu.operator_driver:
            problem = "a ClusterPolicy of the GPU Operator has its driver on, and the host's driver is clustr's"
            patch = '{"spec":{"driver":{"enabled":false}}}'
            remedy = (
                f"k3s kubectl patch clusterpolicy cluster-policy --type merge -p '{patch}' there; or set "
                "driver.source: preinstalled on its nodes"
            )
            yield Finding(Name.GPU_OPERATOR_DRIVER, node.name, problem, remedy)
            return


def runtimes(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    chosen = RUNTIMES.get(cluster.runtime.engine)
    if chosen is None or cluster.cluster_gpu is ClusterGpu.NONE:
        return
    package, needed = chosen
    for node, facts in with_gpus(cluster, seen):
        offered = candidate_versions(facts).get(package, "")
        version = tuple(int(part) for part in re.findall(r"\d+", offered)[: len(needed)])
        if node.in_cluster and version and version < needed:
            least = ".".join(str(part) for part in needed)
            problem = f"{facts.os.name} has {package} {offered}; GPUs get into containers by CDI, which needs {least}"
            yield Finding(
                Name.GPU_RUNTIME, node.name, problem, "set runtime.engine: k3s, which brings its own containerd"
            )


def toolkit_left(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """k3s looks for NVIDIA's runtimes there before the system's PATH (k3s, pkg/agent/containerd/runtimes.go)."""
    if cluster.cluster_gpu is ClusterGpu.NONE:
        return
    for node, facts in with_gpus(cluster, seen):
        told = any(each.of is Former.GPU_OPERATOR for each in facts.remains)  # remains.gpu-operator says it
        if facts.gpu.toolkit_left and node.in_cluster and not told:
            problem = "/usr/local/nvidia/toolkit is there: k3s takes its programs before those of the packages"
            remedy = "uninstall the GPU Operator that put it there, then rm -rf /usr/local/nvidia/toolkit"
            yield Finding(Name.GPU_TOOLKIT_LEFT, node.name, problem, remedy)

"""GPUs in the cluster as clustr's own part of it: NVIDIA's device plugin, one DaemonSet for each way in which GPUs are
shared, on the nodes that clustr labels so (components/gpu_labels.py).

The RuntimeClass `nvidia` is k3s's own (its packaged component `runtimes`), written here only where the inventory
switches that off. The plugin itself runs in it, or it sees no GPU (k3s#4391). Settings: README and Helm chart of
https://github.com/NVIDIA/k8s-device-plugin.
"""

from __future__ import annotations

from collections.abc import Iterable
from shlex import quote

import yaml

from clustr.components.container_toolkit import serves_gpus
from clustr.engine.goal import Goal
from clustr.engine.makers import manifest, sha256, step
from clustr.inventory.gpu import ClusterGpu
from clustr.inventory.model import Cluster, Node
from clustr.nvidia.sharing import GPU, Sharing, sharing
from clustr.remote.facts import Seen
from clustr.templates import render
from clustr.versions import DEVICE_PLUGIN

# The DaemonSet of GPU Operator, and its pods' label `app` (its assets/state-device-plugin).
OPERATORS = "nvidia-device-plugin-daemonset"
IMAGE = f"nvcr.io/nvidia/k8s-device-plugin:{DEVICE_PLUGIN}"


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    """For the first server. None where GPUs are DRA's (ResourceSlices tell), which hands them out alone."""
    ways = sharings(cluster, seen)
    if cluster.cluster_gpu is not ClusterGpu.CLUSTR or not ways or dra(cluster, seen):
        return
    content = render(
        "device_plugin/nvidia-device-plugin.yaml",
        image=IMAGE,
        ways=[(way, configuration(way), sha256(configuration(way))[:16]) for way in ways],
        runtime_class="runtimes" in disabled(cluster),
    )
    for namespace in operator_namespaces(cluster, seen):
        yield _gone(namespace)
    yield manifest("clustr-nvidia-device-plugin", content)


def operators(plugin: str) -> bool:
    """Whether a DaemonSet, by its namespace/name, is a GPU Operator's. The manifest of NVIDIA's that anybody can apply
    has the same name, in kube-system."""
    namespace, _, name = plugin.partition("/")
    return name == OPERATORS and namespace != "kube-system"


def operator_namespaces(cluster: Cluster, seen: Seen) -> tuple[str, ...]:
    """Namespaces where a GPU Operator's device plugin is, as a live server's API says."""
    servers = [seen[server.name].k3s.gpu for server in cluster.servers if seen.answered(server.name)]
    found = {plugin.partition("/")[0] for gpu in servers for plugin in gpu.device_plugins if operators(plugin)}
    return tuple(sorted(found))


def _gone(namespace: str) -> Goal:
    """Its operator is taken away before, and the DaemonSet goes after it. Two plugins have one socket in the kubelet's
    folder, which the one that ends takes away from the other."""
    return step(
        f"no device plugin of the GPU Operator in {namespace}",
        probe=f"device_plugin_probe_operators {quote(namespace)} {OPERATORS}",
        wanted="none",
        apply=f"device_plugin_await_operators {quote(namespace)} {OPERATORS}",
        uses=("node_object/functions.sh",),
    )


def sharings(cluster: Cluster, seen: Seen) -> tuple[Sharing, ...]:
    """The ways in which GPUs are shared on nodes that have some, each once."""
    answered = [node for node in cluster.nodes if seen.answered(node.name)]
    found = {sharing(node.expects) for node in answered if serves_gpus(node, seen[node.name])}
    return tuple(sorted(found, key=lambda way: way.name))


def dra(cluster: Cluster, seen: Seen) -> bool:
    """Whether GPUs are handed out by dynamic resource allocation, as a live server's API says."""
    return any(seen[server.name].k3s.gpu.dra for server in cluster.servers if seen.answered(server.name))


def disabled(cluster: Cluster) -> tuple[str, ...]:
    """Packaged components that the inventory switches off besides its `addons`."""
    written = cluster.k3s.server_config.get("disable", ())
    return tuple(str(name) for name in written) if isinstance(written, tuple | list) else (str(written),)


def configuration(way: Sharing) -> str:
    """The plugin's configuration file, version v1.

    MIG devices always have names of their own: a GPU that was just divided is no GPU from the plugin's next start on.
    """
    settings: dict[str, object] = {"version": "v1", "flags": {"migStrategy": "mixed"}}
    if way.replicas > 1:
        resources = [{"name": GPU, "replicas": way.replicas}]
        # More than one turn would be no more of the GPU.
        turns = {"renameByDefault": True, "failRequestsGreaterThanOne": True, "resources": resources}
        settings["sharing"] = {"timeSlicing": turns}
    return yaml.safe_dump(settings, sort_keys=False)

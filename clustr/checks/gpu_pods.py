"""GPUs on their way into pods: CDI spec, runtime, device plugin, and pods that wait for some."""

from __future__ import annotations

import re
from collections.abc import Iterable

from clustr.checks.backend import Host
from clustr.checks.check import Check, CheckFailed, CouldNotLook, DoesNotApply, Severity, check, must
from clustr.checks.gpu import complaint
from clustr.checks.gpu_node import VERSION, GpuNode, gpu_node, may_have_gpus
from clustr.checks.kubernetes import KUBELET, kube_node
from clustr.checks.where import embedded_runtime, in_cluster, servers
from clustr.inventory.gpu import ClusterGpu
from clustr.inventory.model import Cluster, Node
from clustr.nvidia.sharing import sharing

AGAIN = "clustr bootstrap --limit {node}"
CONFIG = "/var/lib/rancher/k3s/agent/etc/containerd/config.toml"
PLUGIN = "nvidia-device-plugin"  # the container's name, here and in GPU Operator's DaemonSet
UNREADABLE = 2  # grep(1), EXIT STATUS
SCHEDULING = "https://kubernetes.io/docs/tasks/manage-gpus/scheduling-gpus/"
TOOLKIT = "https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/"
# A line for each pod: its name, what its containers ask for, what the scheduler says, with tabs between; then how many.
PENDING = (
    '{{range .items}}{{.metadata.namespace}}/{{.metadata.name}}{{"\\t"}}'
    "{{range .spec.containers}}{{range $name, $count := .resources.requests}}{{$name}}={{$count}} {{end}}{{end}}"
    '{{"\\t"}}{{range .status.conditions}}{{if eq .type "PodScheduled"}}{{.reason}}: {{.message}}{{end}}{{end}}'
    '{{"\\n"}}{{end}}{{len .items}} pods{{"\\n"}}'
)
ALLOCATABLE = (
    "{{range .items}}{{.metadata.name}}"
    '{{range $name, $count := .status.allocatable}} {{$name}}={{$count}}{{end}}{{"\\n"}}{{end}}'
)


def with_gpu_pods(cluster: Cluster, node: Node) -> str | None:
    if node.in_cluster and cluster.cluster_gpu is ClusterGpu.NONE:
        return "nobody is asked to hand GPUs out (cluster_gpu: none)"
    return in_cluster(cluster, node) or may_have_gpus(cluster, node)


def with_k3s_runtime(cluster: Cluster, node: Node) -> str | None:
    return embedded_runtime(cluster, node) or with_gpu_pods(cluster, node)


@check(
    "gpu.cdi",
    says="the CDI spec is of the driver that is loaded, and has every GPU",
    on=with_gpu_pods,
    fix="clustr exec --limit {node} -- systemctl restart nvidia-cdi-refresh.service; " + AGAIN,
    gates=("container_toolkit",),
    returns=True,
    source=f"{TOOLKIT}cdi-support.html",
)
def cdi_spec_fits(host: Host, node: Node, cluster: Cluster) -> str:
    found = gpu_node(host)
    wanted = found.loaded or "a driver that is loaded"
    must(bool(found.cdi), found="no CDI spec of NVIDIA's in /var/run/cdi or /etc/cdi", wanted=f"one of {wanted}")
    named = [(each, spec) for spec, names in found.cdi.items() for each in names]
    libraries = sorted((each, spec) for each, spec in named if VERSION.fullmatch(each))
    told = ", ".join(f"{version} in {spec}" for version, spec in libraries)
    must({version for version, _ in libraries} == {found.loaded}, found=f"libraries of {told or 'none'}", wanted=wanted)
    devices = {each for each, _ in named if re.fullmatch(r"/dev/nvidia\d+", each)}
    count = str(len(found.gpus))
    must(str(len(devices)) == count, found=f"{len(devices)} GPUs", wanted=count, evidence=", ".join(sorted(devices)))
    return f"{len(devices)} GPUs, libraries of {found.loaded}"


@check(
    "gpu.runtime",
    says="k3s's containerd knows NVIDIA's runtime",
    on=with_k3s_runtime,
    fix="clustr exec --limit {node} -- systemctl restart 'k3s*': it looks for the runtime at start; " + AGAIN,
    gates=("k3s_server", "k3s_agent"),
    returns=True,
    source="https://docs.k3s.io/advanced#alternative-container-runtime-support",
)
def runtime_is_known(host: Host, node: Node, cluster: Cluster) -> str:
    gpu_node(host)
    asked = host.run(f"grep -c . {CONFIG}; grep nvidia-container-runtime {CONFIG}", may_fail=True)
    lines = asked.stdout.splitlines()
    if asked.rc == UNREADABLE or not lines or not lines[0].isdigit():
        raise CouldNotLook(f"{CONFIG} cannot be read: {asked.stderr.strip()}")
    must(len(lines) > 1, found=f"no nvidia-container-runtime in {CONFIG}", wanted="one")
    path = re.search(r"/[^'\" ]+", lines[1])
    must(path is not None, found=lines[1].strip(), wanted="the path of a runtime")
    leftover = "/usr/local/nvidia/toolkit" in lines[1]
    must(not leftover, found=lines[1].strip(), wanted="the packages', not what a GPU Operator left there")
    return path[0] if path else ""


@check(
    "gpu.runtime-class",
    says="pods can ask for NVIDIA's runtime: the RuntimeClass is there",
    on=with_k3s_runtime,
    fix="take runtimes out of `disable` in k3s.server_config; clustr bootstrap",
    source="https://docs.k3s.io/advanced#alternative-container-runtime-support",
)
def runtime_class_is_there(host: Host, node: Node, cluster: Cluster) -> str:
    gpu_node(host)
    command = f"k3s kubectl --kubeconfig={KUBELET} --request-timeout=10s get runtimeclass nvidia -o name"
    asked = host.run(command, may_fail=True)
    must("NotFound" not in asked.stderr, found="there is none", wanted="nvidia")
    if asked.rc != 0 or not asked.stdout.strip().endswith("/nvidia"):
        raise CouldNotLook(asked.stderr.strip() or f"kubectl says {asked.stdout.strip()[:100]!r}")
    return "nvidia"


@check(
    "gpu.device-plugin",
    says="a device plugin has told the kubelet of GPUs",
    on=with_gpu_pods,
    fix="clustr bootstrap; k3s kubectl get daemonsets,pods -A | grep device-plugin, on a server",
    source="https://kubernetes.io/docs/concepts/extend-kubernetes/compute-storage-net/device-plugins/",
)
def device_plugin_has_registered(host: Host, node: Node, cluster: Cluster) -> str:
    """In no gate: on the first run it comes after everything that a gate guards."""
    found, resource = _not_by_dra(host), sharing(node.expects).resource
    count = kube_node(host, node).capacity.get(resource, "")
    must(bool(count), found=f"the node has no {resource}", wanted=f"{len(found.gpus)} GPUs' worth")
    return f"{resource}: {count}"


@check(
    "gpu.allocatable",
    says="Kubernetes can hand out every GPU of the node",
    on=with_gpu_pods,
    fix="clustr doctor --only 'gpu.*' --limit {node}; k3s kubectl -n kube-system get pods -o wide, on a server",
    returns=True,
    source=SCHEDULING,
)
def gpus_are_allocatable(host: Host, node: Node, cluster: Cluster) -> str:
    found, way = _not_by_dra(host), sharing(node.expects)
    kube = kube_node(host, node)
    count = _allocatable(kube.capacity, kube.allocatable, way.resource)
    wanted = (node.expects.gpus or len(found.gpus)) * way.replicas
    # How many parts a GPU makes depends on the chip and the profile; one at least.
    enough = count >= wanted if way.mig else count == wanted
    must(enough, found=f"{count} {way.resource}", wanted=f"at least {wanted}" if way.mig else str(wanted))
    return f"{count} {way.resource}"


@check(
    "gpu.pod-answers",
    says="the driver answers in a pod",
    on=with_gpu_pods,
    fix="clustr exec --limit {node} -- k3s crictl ps -a --name " + PLUGIN + "; clustr doctor --only gpu.cdi",
    returns=True,
    source="https://docs.nvidia.com/deploy/nvml-api/",
)
def driver_answers_in_a_pod(host: Host, node: Node, cluster: Cluster) -> str:
    """In that of the device plugin, which is on every node with GPUs."""
    found, kube = _not_by_dra(host), kube_node(host, node)
    _allocatable(kube.capacity, kube.allocatable, sharing(node.expects).resource)
    id_of = f"$(k3s crictl ps --quiet --state Running --name {PLUGIN} | head -n 1)"
    asked = host.run(f'k3s crictl exec "{id_of}" nvidia-smi -L', may_fail=True, timeout=60)
    lines = [line for line in asked.stdout.splitlines() if line.startswith("GPU ")]
    must(asked.rc == 0, found=f"nvidia-smi ends with {asked.rc}: {complaint(asked.stdout + asked.stderr)}", wanted="0")
    must(len(lines) == len(found.gpus), found=f"{len(lines)} GPUs in the pod", wanted=str(len(found.gpus)))
    return f"{len(lines)} GPUs"


@check(
    "gpu.pods-pending",
    says="no pod waits for GPUs that it cannot get",
    on=servers,
    fix="let it ask for no more GPUs than a node has, wait until some are free, or add nodes",
    severity=Severity.WARNING,
    source=SCHEDULING,
)
def no_pod_waits_for_gpus(host: Host, node: Node, cluster: Cluster) -> str:
    kubectl = "k3s kubectl --request-timeout=10s get"
    asked = f"{kubectl} pods -A --field-selector=status.phase=Pending -o go-template='{PENDING}'"
    lines = host.check_output(asked).splitlines()
    if not lines or not re.fullmatch(r"\d+ pods", lines[-1]):
        raise CouldNotLook("the API did not tell of its pods")
    waiting = [each for line in lines[:-1] if (each := _waiting(line))]
    if not waiting:
        return f"none of {lines[-1]} that are pending"
    most = _most(host.check_output(f"{kubectl} nodes -o go-template='{ALLOCATABLE}'").splitlines())
    told = [f"{pod} asks for {count} {name}; {_room(most.get(name, 0))}: {why}" for pod, name, count, why in waiting]
    raise CheckFailed("\n".join(told))


def _waiting(line: str) -> tuple[str, str, int, str] | None:
    """Of a pod that the scheduler can place nowhere: its name, a resource of GPUs, how many of it, and why."""
    pod, requests, why = [*line.split("\t"), "", ""][:3]
    asked = [found for word in requests.split() if (found := re.fullmatch(r"(nvidia\.com/[^=]+)=(\d+)", word))]
    if not asked or not why.startswith("Unschedulable"):
        return None
    count = sum(int(each[2]) for each in asked if each[1] == asked[0][1])
    return pod, asked[0][1], count, why.partition(": ")[2]


def _most(nodes: Iterable[str]) -> dict[str, int]:
    """Of each resource of GPUs the most that one node has."""
    most: dict[str, int] = {}
    for word in (word for line in nodes for word in line.split()[1:]):
        if found := re.fullmatch(r"(nvidia\.com/[^=]+)=(\d+)", word):
            most[found[1]] = max(most.get(found[1], 0), int(found[2]))
    return most


def _room(most: int) -> str:
    return f"the most that a node has is {most}" if most else "no node has any"


def _not_by_dra(host: Host) -> GpuNode:
    found = gpu_node(host)
    if found.dra:
        raise DoesNotApply("GPUs are handed out by dynamic resource allocation")
    return found


def _allocatable(capacity: dict[str, str], allocatable: dict[str, str], resource: str) -> int:
    """Raises DoesNotApply where no device plugin has come to the node yet: that is told by gpu.device-plugin."""
    if resource not in capacity:
        raise DoesNotApply(f"no device plugin has registered {resource} yet")
    return int(allocatable.get(resource, "0"))


CHECKS: tuple[Check, ...] = (
    cdi_spec_fits,
    runtime_is_known,
    runtime_class_is_there,
    device_plugin_has_registered,
    gpus_are_allocatable,
    driver_answers_in_a_pod,
    no_pod_waits_for_gpus,
)

"""Pods and their GPUs: through NVIDIA's real container toolkit and its CDI spec, whole, in turns and as MIG devices."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from clustr.remote.waits import wait_until
from tests.lab.gpu_lab import AGENTS, GPUS, GpuLab
from tests.lab.workload import IMAGE

TURNS, DIVIDED = "agent2", "agent3"


def pod(name: str, resource: str, count: int, **spec: Any) -> str:
    """A pod that sleeps and may have so many of them."""
    container = {
        "name": "main",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sleep", "infinity"],
        "resources": {"limits": {resource: count}} if count else {},
    }
    further = {"tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}], "terminationGracePeriodSeconds": 0}
    document = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"test": "gpu-pods"}},
        "spec": {"runtimeClassName": "nvidia", **further, **spec, "containers": [container]},
    }
    return yaml.safe_dump(document)


def running(gpu: GpuLab, *manifests: str) -> None:
    gpu.apply("\n---\n".join(manifests))
    for manifest in manifests:
        gpu.cluster.kubectl(
            f"wait --for=condition=Ready pod/{yaml.safe_load(manifest)['metadata']['name']} --timeout=90s"
        )


def in_pod(gpu: GpuLab, name: str, command: str) -> str:
    return gpu.cluster.kubectl(f"exec {name} -- sh -c '{command}'")


def device_files(gpu: GpuLab, name: str) -> list[str]:
    return re.findall(r"^/dev/nvidia\d+$", in_pod(gpu, name, 'find /dev -name "nvidia*"'), re.M)


def node_of(gpu: GpuLab, name: str) -> str:
    return gpu.cluster.kubectl(f"get pod {name} -o jsonpath='{{.spec.nodeName}}'").strip()


def allocatable(gpu: GpuLab, node: str) -> dict[str, str]:
    """What of NVIDIA's pods can have there; what there is none of is left out."""
    told = json.loads(gpu.cluster.kubectl(f"get node {node} -o jsonpath='{{.status.allocatable}}'"))
    return {name: count for name, count in told.items() if name.startswith("nvidia.com/") and count != "0"}


def eventually(look: Callable[[], object], wanted: object) -> None:
    """The kubelet tells the API of its devices when it likes."""
    assert wait_until(lambda: look() == wanted, every=1.0, within=90.0), f"{look()} is not {wanted}"


@pytest.fixture(scope="module")
def gpu(gpu_lab: GpuLab) -> Iterator[GpuLab]:
    for node in AGENTS:
        eventually(lambda node=node: allocatable(gpu_lab, node), {"nvidia.com/gpu": str(GPUS)})  # type: ignore[misc]
    yield gpu_lab
    gpu_lab.cluster.kubectl("delete pod -l test=gpu-pods --now --ignore-not-found")


def test_every_gpu_can_be_had_and_one_plugin_a_node_hands_them_out(gpu: GpuLab) -> None:
    template = '\'{range .items[*]}{.spec.nodeName}{" "}{.status.phase}{"\\n"}{end}\''
    pods = gpu.cluster.kubectl(
        f"-n kube-system get pods -l app.kubernetes.io/name=nvidia-device-plugin -o jsonpath={template}"
    )
    assert sorted(pods.splitlines()) == [f"{node} Running" for node in AGENTS]
    labels = json.loads(gpu.cluster.kubectl("get node agent1 -o jsonpath='{.metadata.labels}'"))
    assert labels["nvidia.com/gpu.product"] == "NVIDIA-H100-80GB-HBM3"
    assert labels["nvidia.com/gpu.count"] == str(GPUS)


def test_a_pod_with_two_gpus_sees_two_device_files_those_of_the_cdi_spec(gpu: GpuLab) -> None:
    running(gpu, pod("two", "nvidia.com/gpu", 2))
    node = node_of(gpu, "two")
    given = in_pod(gpu, "two", "echo $NVIDIA_VISIBLE_DEVICES").strip().split(",")
    spec = yaml.safe_load(gpu.cluster.on(node, "cat /var/run/cdi/nvidia.yaml"))
    by_name = {each["name"]: each["containerEdits"]["deviceNodes"] for each in spec["devices"]}
    wanted = {file["path"] for uuid in given for file in by_name[uuid]}
    found = device_files(gpu, "two")
    assert len(given) == len(found) == 2
    assert set(found) == {path for path in wanted if re.fullmatch(r"/dev/nvidia\d+", path)}
    listed = in_pod(gpu, "two", "/usr/bin/nvidia-smi -L")
    assert re.findall(r"UUID: (GPU-[^)]+)", listed) == sorted(given, key=listed.index)


def test_what_gives_them_to_pods_is_nvidias_own_runtime(gpu: GpuLab) -> None:
    """Kubernetes was told no more than a variable: without the runtime class the same pod sees nothing."""
    running(gpu, pod("plain", "nvidia.com/gpu", 1, runtimeClassName=None))
    assert in_pod(gpu, "plain", "echo $NVIDIA_VISIBLE_DEVICES").startswith("GPU-")
    assert device_files(gpu, "plain") == []
    node = node_of(gpu, "two")
    said = gpu.cluster.on(node, "nvidia-container-runtime --version; dpkg -S /usr/bin/nvidia-container-runtime")
    assert "nvidia-container-toolkit-base: /usr/bin/nvidia-container-runtime" in said
    assert "1.20.1" in said
    held = gpu.cluster.on(node, "apt-mark showhold")
    assert {"nvidia-container-toolkit", "libnvidia-container1"} <= set(held.split())


def test_nine_gpus_on_nodes_of_eight_are_waited_for_and_the_doctor_says_why(gpu: GpuLab) -> None:
    gpu.apply(pod("nine", "nvidia.com/gpu", 9))
    conditions = "get pod nine -o jsonpath='{.status.phase} {.status.conditions[0].reason}'"
    eventually(lambda: gpu.cluster.kubectl(conditions).strip(), "Pending Unschedulable")
    doctor = gpu.cluster.clustr("doctor", str(current(gpu, "doctor")), "--output", "json", "--limit", "cp1")
    said = [each for each in doctor.json["findings"] if "default/nine" in each["evidence"]]
    gpu.cluster.kubectl("delete pod nine --now")
    assert len(said) == 1, doctor.stdout
    assert "asks for 9 nvidia.com/gpu; the most that a node has is 8" in said[0]["evidence"]
    assert said[0]["fix"]


def current(gpu: GpuLab, name: str, edit: Callable[[dict[str, Any]], None] = lambda _: None) -> Path:
    """The inventory of the branch that the agents run now, whichever test came before."""
    version, flavour = gpu.driver(AGENTS[0]).split()
    return gpu.inventory(name, int(version.partition(".")[0]), flavour, edit)


def classes_of_their_own(document: dict[str, Any]) -> None:
    """One agent's GPUs take turns, another's are divided."""
    nodes = {each["name"]: each for each in document["nodes"]}
    usual = nodes[DIVIDED]["class"]
    for node, further in ((TURNS, {"time_slicing": 2}), (DIVIDED, {"mig": "1g.10gb"})):
        document["classes"][node] = {**document["classes"][usual], **further}
        nodes[node]["class"] = node


def test_gpus_in_turns_and_in_parts_have_names_of_their_own(gpu: GpuLab) -> None:
    gpu.cluster.kubectl("delete pod -l test=gpu-pods --now")
    shared = current(gpu, "shared", classes_of_their_own)
    planned = gpu.cluster.plan(shared)
    drained = {(each["node"], each["goal"]) for each in planned if each["disrupts"] != "nothing"}
    assert drained == {(DIVIDED, "MIG devices")}
    gpu.bootstrap(shared).expect()
    eventually(lambda: allocatable(gpu, TURNS), {"nvidia.com/gpu.shared": str(2 * GPUS)})
    eventually(lambda: allocatable(gpu, DIVIDED), {"nvidia.com/mig-1g.10gb": str(7 * GPUS)})
    eventually(lambda: allocatable(gpu, "agent1"), {"nvidia.com/gpu": str(GPUS)})
    running(gpu, pod("turn", "nvidia.com/gpu.shared", 1), pod("part", "nvidia.com/mig-1g.10gb", 1))
    assert (node_of(gpu, "turn"), node_of(gpu, "part")) == (TURNS, DIVIDED)
    assert in_pod(gpu, "part", "echo $NVIDIA_VISIBLE_DEVICES").startswith("MIG-")
    assert len(device_files(gpu, "turn")) == len(device_files(gpu, "part")) == 1
    assert gpu.cluster.plan(shared) == []


def test_divided_gpus_are_divided_again_after_a_boot(gpu: GpuLab) -> None:
    before = gpu.boot_id(DIVIDED)
    gpu.cluster.kubectl("delete pod -l test=gpu-pods --now")
    gpu.cluster.on(DIVIDED, "systemctl reboot")
    up = "systemctl is-active clustr-mig.service nvidia-cdi-refresh.path k3s-agent.service"

    def booted() -> bool:
        try:
            return gpu.boot_id(DIVIDED) != before and gpu.cluster.on(DIVIDED, up).split() == ["active"] * 3
        except AssertionError:
            return False  # it is not up yet

    assert wait_until(booted, every=2.0, within=180.0)
    assert gpu.cluster.on(DIVIDED, "nvidia-smi -L").count("MIG 1g.10gb") == 7 * GPUS
    eventually(lambda: allocatable(gpu, DIVIDED), {"nvidia.com/mig-1g.10gb": str(7 * GPUS)})


# What the chart would make, by GPU Operator's assets/state-device-plugin; no node of a lab has the label that it wants.
BY_THE_CHART = """
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: nvidia-device-plugin-daemonset
  namespace: gpu-operator
  labels: {app: nvidia-device-plugin-daemonset}
spec:
  selector: {matchLabels: {app: nvidia-device-plugin-daemonset}}
  template:
    metadata: {labels: {app: nvidia-device-plugin-daemonset}}
    spec:
      nodeSelector: {nvidia.com/gpu.deploy.device-plugin: "true"}
      containers: [{name: nvidia-device-plugin, image: "nvcr.io/nvidia/k8s-device-plugin:v0.20.1"}]
"""


def test_gpu_operator_takes_the_place_of_the_plugin_and_gives_it_back(gpu: GpuLab) -> None:
    """Its chart is an object that k3s carries out; here it is kept as one, beside the DaemonSet that it stands for. Of
    device plugins there are never two."""
    plugins = "-n kube-system get daemonsets -l app.kubernetes.io/name=nvidia-device-plugin -o name"
    charts = "-n kube-system get helmcharts.helm.cattle.io -o jsonpath='{.items[*].spec.chart}'"

    def by_the_operator(document: dict[str, Any]) -> None:
        classes_of_their_own(document)
        document["cluster_gpu"] = "gpu-operator"

    assert gpu.cluster.kubectl(plugins)
    gpu.bootstrap(current(gpu, "operator", by_the_operator)).expect()
    assert gpu.cluster.kubectl(plugins) == ""
    eventually(lambda: gpu.cluster.kubectl(charts).strip(), "gpu-operator")
    gpu.apply(BY_THE_CHART)
    assert gpu.cluster.plan(current(gpu, "operator", by_the_operator)) == []
    back = current(gpu, "shared", classes_of_their_own)
    waits = "no device plugin of the GPU Operator in gpu-operator"
    assert waits in [each["goal"] for each in gpu.cluster.plan(back)]
    gpu.bootstrap(back).expect()
    assert gpu.cluster.kubectl(charts).strip() == ""
    assert "gpu-operator" not in gpu.cluster.kubectl("get namespaces -o name")
    eventually(lambda: allocatable(gpu, TURNS), {"nvidia.com/gpu.shared": str(2 * GPUS)})
    assert gpu.cluster.plan(back) == []


def test_whole_gpus_come_back(gpu: GpuLab) -> None:
    def whole(document: dict[str, Any]) -> None:
        for each in document["classes"].values():
            each["mig"] = "off"

    gpu.bootstrap(current(gpu, "whole", whole)).expect()
    for node in AGENTS:
        eventually(lambda node=node: allocatable(gpu, node), {"nvidia.com/gpu": str(GPUS)})  # type: ignore[misc]
    # A class that says nothing of MIG wants nothing of it: the unit goes, and the GPUs stay as they are.
    gpu.bootstrap(current(gpu, "first")).expect()
    assert gpu.cluster.plan(current(gpu, "first")) == []

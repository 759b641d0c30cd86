"""RDMA ends in the pod: what one without root may lock in memory, and the doctor where that is not all of it.

A machine whose root lacks CAP_SYS_RESOURCE, as root in a container does, can raise no limit above its own: there a pod
reads what the machine itself has, and the doctor tells that. `make test-vm` has a container with nothing in the way.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

import pytest

from tests.lab.gpu_lab import AGENTS, GPUS, GpuLab
from tests.lab.workload import IMAGE

NODE = "agent1"
LOW = "/etc/systemd/system/k3s-agent.service.d/zz-low.conf"
POD = f"""\
apiVersion: v1
kind: Pod
metadata: {{name: locks}}
spec:
  nodeName: {NODE}
  terminationGracePeriodSeconds: 0
  securityContext: {{runAsUser: 65534, runAsNonRoot: true}}
  containers:
    - name: shell
      image: {IMAGE}
      command: [sh, -c, "id -u; ulimit -l; exec sleep 3600"]
"""


@dataclass(frozen=True)
class Fabric:
    gpu: GpuLab
    inventory: Path

    def most(self) -> str:
        """What the node can give at most, as `ulimit -l` says it: unlimited, or KiB."""
        limit = self.gpu.cluster.on(NODE, "awk '/^Max locked memory/ { print $5 }' /proc/1/limits").strip()
        return limit if limit == "unlimited" else str(int(limit) // 1024)

    def said_in_a_pod(self) -> list[str]:
        """Who it is and what it may lock, in a pod that is made for it."""
        self.gpu.cluster.kubectl("delete pod locks --ignore-not-found --wait")
        self.gpu.apply(POD)
        self.gpu.cluster.kubectl("wait pod locks --for=condition=Ready --timeout=120s")
        return self.gpu.cluster.kubectl("logs locks").split()

    def findings(self) -> dict[str, tuple[str, str]]:
        """State and evidence of the doctor's checks of locked memory."""
        words = ("--only", "fabric.*memlock", "--limit", NODE, "--output", "json")
        done = self.gpu.cluster.clustr("doctor", str(self.inventory), *words)
        return {each["check"]: (each["state"], each["evidence"]) for each in done.json["findings"]}

    def limit(self, line: str) -> None:
        """k3s with this line for its unit ("": as clustr has it), until its node is ready again."""
        script = f"mkdir -p {LOW.rpartition('/')[0]}; printf '[Service]\\n{line}\\n' >{LOW}" if line else f"rm -f {LOW}"
        self.gpu.cluster.on(NODE, f"{script}; systemctl daemon-reload; systemctl restart k3s-agent")
        self.gpu.cluster.kubectl(f"wait node {NODE} --for=condition=Ready --timeout=120s")


@pytest.fixture(scope="module")
def fabric(gpu_lab: GpuLab) -> Iterator[Fabric]:
    """One of the nodes with RDMA, by a class of its own; the driver stays what it is."""
    version, modules = gpu_lab.driver(NODE).split()
    branch = int(version.partition(".")[0])

    def with_rdma(document: dict[str, Any]) -> None:
        (node,) = (each for each in document["nodes"] if each["name"] == NODE)
        # Without nvidia_peermem, which proprietary modules, where they are those of the tests before, would want.
        rdma = {"stack": "inbox", "peermem": "off"}
        document["classes"]["fabric"] = {**document["classes"][node["class"]], "rdma": rdma}
        node["class"] = "fabric"

    inventory = gpu_lab.inventory("fabric", branch, modules, with_rdma)
    gpu_lab.bootstrap(inventory).expect()
    yield Fabric(gpu_lab, inventory)
    gpu_lab.cluster.kubectl("delete pod locks --ignore-not-found")
    gpu_lab.bootstrap(gpu_lab.inventory("no-fabric", branch, modules)).expect()


def test_prometheus_hears_of_every_gpu(gpu_lab: GpuLab) -> None:
    """From the exporters on the nodes, in the one vocabulary that its rules for them know."""
    monitor = gpu_lab.cluster.lab.nodes[-1]
    query = 'count by (node) (DCGM_FI_DEV_GPU_TEMP{job="gpu"} and on (node) up{job="gpu"} == 1)'
    asked = f"curl -sfG --data-urlencode {quote('query=' + query)} http://{monitor.address}:9090/api/v1/query"
    deadline = time.monotonic() + 120
    while True:
        found = json.loads(gpu_lab.cluster.on(monitor.name, asked))["data"]["result"]
        told = {each["metric"]["node"]: int(each["value"][1]) for each in found}
        if told == dict.fromkeys(AGENTS, GPUS):
            return
        assert time.monotonic() < deadline, told
        time.sleep(5)


def test_the_fabrics_plugin_is_wanted_on_that_node_alone(fabric: Fabric) -> None:
    labelled = fabric.gpu.cluster.kubectl("get nodes -l clustr.io/fabric.infiniband=true -o name").split()
    assert labelled == [f"node/{NODE}"]
    deadline = time.monotonic() + 60
    while True:
        found = json.loads(fabric.gpu.cluster.kubectl("get daemonsets -n kube-system -o json"))["items"]
        wanted = {each["metadata"]["name"]: each["status"].get("desiredNumberScheduled") for each in found}
        if wanted.get("rdma-infiniband") == 1:
            return
        assert time.monotonic() < deadline, wanted
        time.sleep(2)


def test_a_pod_without_root_may_lock_all_memory_and_the_doctor_tells_where_it_may_not(fabric: Fabric) -> None:
    most = fabric.most()
    in_pods = "ok" if most == "unlimited" else "failed"
    assert fabric.said_in_a_pod() == ["65534", most]
    found = fabric.findings()
    assert {name: state for name, (state, _) in found.items()} == {
        "fabric.memlock": "ok",
        "fabric.pods-memlock": in_pods,
    }

    fabric.limit("LimitMEMLOCK=4M")
    try:
        assert fabric.said_in_a_pod() == ["65534", "4096"]
        found = fabric.findings()
        assert {state for state, _ in found.values()} == {"failed"}
        assert "LimitMEMLOCK=4194304" in found["fabric.memlock"][1]
        assert "may lock 4194304 bytes" in found["fabric.pods-memlock"][1]
    finally:
        fabric.limit("")
    assert fabric.said_in_a_pod() == ["65534", most]
    assert fabric.findings()["fabric.memlock"][0] == "ok"

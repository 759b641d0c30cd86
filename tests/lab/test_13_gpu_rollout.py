"""A driver's branch is changed on three nodes that work: one at a time, and nobody who asks a Service notices."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.lab.gpu_lab import AGENTS, GpuLab
from tests.lab.rollout_watch import watched
from tests.lab.workload import IMAGE
from tests.vendor.catalogue import NEW, OLD

MANIFEST = (Path(__file__).parent / "rollout.yaml").read_text().replace("IMAGE", IMAGE)
# One pod that nothing may evict.
STUCK = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: stuck-on-NODE, labels: {{app: stuck}}}}
spec:
  selector: {{matchLabels: {{app: stuck, on: NODE}}}}
  template:
    metadata: {{labels: {{app: stuck, on: NODE}}}}
    spec:
      nodeSelector: {{kubernetes.io/hostname: NODE}}
      tolerations: [{{key: nvidia.com/gpu, operator: Exists}}]
      terminationGracePeriodSeconds: 1
      containers: [{{name: stays, image: '{IMAGE}', imagePullPolicy: IfNotPresent, command: [sleep, infinity]}}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: stuck}}
spec: {{maxUnavailable: 0, selector: {{matchLabels: {{app: stuck}}}}}}
"""


@pytest.fixture(scope="module")
def served(gpu_lab: GpuLab) -> GpuLab:
    gpu_lab.apply(MANIFEST)
    gpu_lab.cluster.kubectl("rollout status deployment/served --timeout=180s")
    return gpu_lab


def test_the_first_bootstrap_put_the_branch_on_every_agent_and_nothing_is_left_to_do(served: GpuLab) -> None:
    assert {node: served.driver(node) for node in AGENTS} == dict.fromkeys(AGENTS, f"{OLD} open")
    assert served.cluster.plan(served.inventory("first", 580)) == []


def stuck(gpu: GpuLab, *nodes: str) -> None:
    gpu.apply("\n---\n".join(STUCK.replace("NODE", node) for node in nodes))
    for node in nodes:
        gpu.cluster.kubectl(f"rollout status deployment/stuck-on-{node} --timeout=120s")


def let_go(gpu: GpuLab) -> None:
    gpu.cluster.kubectl("delete deployment -l app=stuck --ignore-not-found")
    gpu.cluster.kubectl("delete poddisruptionbudget stuck --ignore-not-found")


def test_a_pod_that_refuses_stops_the_rollout_before_anything_is_changed(served: GpuLab) -> None:
    stuck(served, *AGENTS)
    before = {node: (served.packages(node), served.boot_id(node), served.driver(node)) for node in AGENTS}

    def strict(document: dict[str, object]) -> None:
        document["rollout"] = {"max_failures": 0, "drain_seconds": 15}

    served.bootstrap(served.inventory("strict", 595, edit=strict)).expect(6)
    after = {node: (served.packages(node), served.boot_id(node), served.driver(node)) for node in AGENTS}
    let_go(served)
    assert after == before
    assert not any(served.unschedulable(node) for node in AGENTS)
    events = served.cluster.events()
    (told,) = [event for event in events if event["event"] == "NodeFailed"]
    failed = told["node"]
    assert told["problem"].startswith(f"{failed} could not be drained within 15 s: ")
    assert f"default/stuck-on-{failed}-" in told["problem"]
    skipped = {event["node"]: event["reason"] for event in events if event["event"] == "NodeSkipped"}
    assert {node: skipped.get(node) for node in AGENTS if node != failed} == dict.fromkeys(
        set(AGENTS) - {failed}, "1 node failed, rollout.max_failures is 0"
    )


def test_three_nodes_are_drained_changed_rebooted_and_given_back_one_at_a_time(served: GpuLab) -> None:
    """Somebody's job holds a GPU on each, so that it takes a boot, and the plan says so before."""
    inventory = served.inventory("upgrade", 595)
    jobs = {node: served.held_by_a_stranger(node) for node in AGENTS}
    before = {node: served.boot_id(node) for node in AGENTS}
    shown = served.cluster.clustr("plan", str(inventory)).expect().stdout
    for node, pid in jobs.items():
        assert f"{node}: reboots: somebodys-job (pid {pid}) holds /dev/nvidia0" in " ".join(shown.split())
    assert "3 nodes are drained and rebooted, 1 at a time." in " ".join(shown.split())
    with watched(served.cluster, "served") as seen:
        served.bootstrap(inventory).expect()
    assert {node: served.driver(node) for node in AGENTS} == dict.fromkeys(AGENTS, f"{NEW} open")
    assert all(served.boot_id(node) != before[node] for node in AGENTS)
    assert sorted(node for node, _, _ in seen.spans) == sorted(AGENTS)
    assert seen.overlapping() == []
    assert len(seen.answers) > 100
    assert seen.failed == [], f"{len(seen.failed)} of {len(seen.answers)} questions failed"
    print(f"\nthe Service was asked {len(seen.answers)} times during the rollout; none failed; spans: {seen.spans}")
    events = json.loads(served.cluster.kubectl("get events --field-selector reason=Rebooted -o json"))["items"]
    assert {event["involvedObject"]["name"] for event in events} >= set(AGENTS)
    assert served.cluster.plan(inventory) == []


def test_with_one_failure_allowed_the_others_are_done(served: GpuLab) -> None:
    """A change of flavour: nobody's job is in its way, so that the modules are reloaded without a boot."""
    stuck(served, "agent2")
    before = {node: (served.packages(node), served.boot_id(node)) for node in AGENTS}

    def lenient(document: dict[str, object]) -> None:
        document["rollout"] = {"max_failures": 1, "drain_seconds": 60}

    inventory = served.inventory("lenient", 595, "proprietary", edit=lenient)
    served.bootstrap(inventory).expect(6)
    let_go(served)
    flavours = {"agent1": "proprietary", "agent2": "open", "agent3": "proprietary"}
    assert {node: served.driver(node) for node in AGENTS} == {node: f"{NEW} {each}" for node, each in flavours.items()}
    assert {node: served.boot_id(node) for node in AGENTS} == {node: boot for node, (_, boot) in before.items()}
    assert served.packages("agent2") == before["agent2"][0]
    assert not any(served.unschedulable(node) for node in AGENTS)
    served.bootstrap(inventory).expect()
    assert served.driver("agent2") == f"{NEW} proprietary"

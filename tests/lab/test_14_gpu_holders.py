"""Who holds a GPU when its driver changes: a pod's and a host's service are brought back, a stranger takes a boot.

All on agent1, whose modules go from one flavour to the other and back.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.gpu_lab import GpuLab
from tests.lab.test_04_changes import wait_for
from tests.lab.workload import IMAGE
from tests.vendor.catalogue import NEW

NODE = "agent1"
SERVICE = "nvidia-persistenced.service"
# As device plugins and exporters do: a pod of a DaemonSet, which a drain leaves where it is, with a device open.
HOLDER = f"""
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: holder, namespace: kube-system}}
spec:
  selector: {{matchLabels: {{app: holder}}}}
  template:
    metadata: {{labels: {{app: holder}}}}
    spec:
      nodeSelector: {{kubernetes.io/hostname: {NODE}}}
      tolerations: [{{operator: Exists}}]
      terminationGracePeriodSeconds: 1
      containers:
        - name: holds
          image: '{IMAGE}'
          imagePullPolicy: IfNotPresent
          command: [sh, -c, 'exec 9</dev/nvidia0 && exec sleep infinity']
          securityContext: {{privileged: true}}
          volumeMounts: [{{name: gpu, mountPath: /dev/nvidia0}}]
      volumes: [{{name: gpu, hostPath: {{path: /dev/nvidia0, type: CharDevice}}}}]
"""
# A program that stands in front of the real one, so that an apply can be killed while the units stand still.
SLOW = """cat >/usr/local/sbin/rmmod <<'END'
#!/bin/bash
touch /run/at-rmmod
sleep 60
END
chmod 755 /usr/local/sbin/rmmod; rm -f /run/at-rmmod
"""
# A service of somebody's, started just when clustr has begun to stop what it may.
LATE = """cat >/usr/local/sbin/systemctl <<'END'
#!/bin/bash
case "$*" in
  "stop -- k3s-agent.service")
    rm -f /usr/local/sbin/systemctl
    systemd-run --quiet --unit=somebodys bash -c 'exec 9</dev/nvidia0; exec sleep infinity'
    sleep 1
    ;;
esac
exec /usr/bin/systemctl "$@"
END
chmod 755 /usr/local/sbin/systemctl
"""


@pytest.fixture(scope="module")
def held(gpu_lab: GpuLab) -> Iterator[GpuLab]:
    """Branch 595 with proprietary modules, a GPU held by a pod and by the driver's own service."""
    gpu_lab.bootstrap(gpu_lab.inventory("proprietary", 595, "proprietary")).expect()  # as the rollout has left it
    gpu_lab.apply(HOLDER)
    gpu_lab.cluster.kubectl("-n kube-system rollout status daemonset/holder --timeout=120s")
    yield gpu_lab
    gpu_lab.cluster.kubectl("-n kube-system delete daemonset holder")


def pod(gpu: GpuLab) -> dict[str, Any]:
    (found,) = json.loads(gpu.cluster.kubectl("-n kube-system get pods -l app=holder -o json"))["items"]
    return dict(found)


def name(gpu: GpuLab) -> str:
    return f"kube-system/{pod(gpu)['metadata']['name']}"


def restarts(gpu: GpuLab) -> int:
    return int(pod(gpu)["status"]["containerStatuses"][0]["restartCount"])


def main_pid(gpu: GpuLab) -> int:
    return int(gpu.cluster.on(NODE, f"systemctl show -p MainPID --value {SERVICE}"))


def is_back(gpu: GpuLab, restarts_before: int, within: float = 60) -> None:
    """The service runs, and the pod is ready again after a start of its container."""
    deadline = time.monotonic() + within
    while restarts(gpu) == restarts_before or not pod(gpu)["status"]["containerStatuses"][0]["ready"]:
        assert time.monotonic() < deadline, "the pod did not come back"
        time.sleep(1)
    assert main_pid(gpu) > 0
    assert gpu.cluster.on(NODE, "systemctl is-active k3s-agent.service").strip() == "active"


def planned(gpu: GpuLab, modules: str) -> dict[str, Any]:
    """The change of the driver in the kernel, as the plan tells it."""
    inventory = gpu.inventory(modules, 595, modules)
    found = gpu.cluster.plan(inventory, "--limit", NODE)
    (change,) = [change for change in found if change["goal"] == "driver in the kernel"]
    return change


def change(gpu: GpuLab, modules: str) -> str:
    """Makes it; returns what the node's log says."""
    gpu.bootstrap(gpu.inventory(modules, 595, modules), "--limit", NODE).expect()
    assert gpu.driver(NODE) == f"{NEW} {modules}"
    return (gpu.cluster.runs[-1] / f"{NODE}.log").read_text()


def test_a_pod_and_a_service_are_named_stopped_and_brought_back(held: GpuLab) -> None:
    boot, pid, ended = held.boot_id(NODE), main_pid(held), restarts(held)
    told = planned(held, "open")
    assert told["disrupts"] == "workloads"
    assert told["note"].startswith("stops and starts again: ")
    assert SERVICE in told["note"]
    assert f"pod {name(held)}" in told["note"]
    log = change(held, "open")
    assert f"stopping {SERVICE}" in log
    assert f"ending pod {name(held)}, whose pid " in log
    assert f"starting {SERVICE}" in log
    is_back(held, ended)
    assert main_pid(held) != pid
    assert held.boot_id(NODE) == boot


def test_a_stranger_turns_the_change_into_a_boot_that_the_plan_says(held: GpuLab) -> None:
    boot, ended = held.boot_id(NODE), restarts(held)
    stranger = held.held_by_a_stranger(NODE)
    told = planned(held, "proprietary")
    assert told["disrupts"] == "reboot"
    assert f"reboots: somebodys-job (pid {stranger}) holds /dev/nvidia0; starts again: " in told["note"]
    assert SERVICE in told["note"]
    assert f"pod {name(held)}" in told["note"]
    change(held, "proprietary")
    assert held.boot_id(NODE) != boot
    is_back(held, ended)
    assert not held.unschedulable(NODE)


def test_a_stranger_that_comes_after_the_plan_is_left_alone_and_the_rest_is_brought_back(held: GpuLab) -> None:
    """What the plan did not say is not done: no boot. The next plan says it."""
    ended, boot = restarts(held), held.boot_id(NODE)
    held.cluster.on(NODE, LATE)
    try:
        done = held.bootstrap(held.inventory("open", 595, "open"), "--limit", NODE).expect(6)
    finally:
        held.cluster.on(NODE, "rm -f /usr/local/sbin/systemctl")
    assert "somebodys.service (pid " in done.stdout + done.stderr
    assert (held.boot_id(NODE), held.driver(NODE), held.unschedulable(NODE)) == (boot, f"{NEW} proprietary", True)
    is_back(held, ended)
    assert planned(held, "open")["disrupts"] == "reboot"
    held.cluster.on(NODE, "systemctl stop somebodys.service")
    assert planned(held, "open")["disrupts"] == "workloads"
    change(held, "open")
    assert (held.boot_id(NODE), held.unschedulable(NODE)) == (boot, False)


def test_a_change_that_is_cut_while_all_stands_still_is_finished_by_the_next_run(held: GpuLab) -> None:
    ended = restarts(held)
    held.cluster.on(NODE, SLOW)
    inventory = held.inventory("proprietary", 595, "proprietary")
    run = held.cluster.start("bootstrap", str(inventory), "--yes", "--limit", NODE)
    try:
        wait_for(held.cluster, NODE, "/run/at-rmmod")
        held.cluster.on(NODE, "systemctl kill --signal=KILL clustr-apply.service")
        output, _ = run.communicate(timeout=120)
    finally:
        run.kill()
        held.cluster.on(NODE, "rm -f /usr/local/sbin/rmmod")
    assert run.returncode == 6, output
    assert "stands still" in planned(held, "proprietary")["before"]
    change(held, "proprietary")
    is_back(held, ended)

"""What is told of GPUs under Kubernetes: by the doctor that all is well, and each fault by what it shows; by preflight
what stands in the way of a run, on the node and in the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.gpu_lab import GpuLab

NODE = "agent1"
ONLY = ("--only", "gpu.*", "--only", "fabric.*", "--only", "dcgm.*")
# Faults that are on at once, each of another GPU or port (`ecc 1`), and what the doctor says of them.
FAULTS = {
    ("gpu-lost", "ecc 1", "nvlink-down 2", "ib-down", "ib-slow 1"): {
        "gpu.count": "7 GPUs; wanted: 8",
        "gpu.ecc": ": 2; wanted: 0",
        "gpu.remapped-rows": ": pending; wanted: none",
        "gpu.xid": "Xid 48 (double bit ECC error)",
        "fabric.nvlink": ": 16; wanted: 18",
        "fabric.ports": "mlx5_1/1 has 100 Gbit/s; wanted: 8 ACTIVE at 400 Gbit/s",
    },
    ("xid-79",): {"gpu.xid": "Xid 79 (GPU has fallen off the bus)", "gpu.answers": "GPU is lost"},
    ("driver-mismatch",): {
        "gpu.answers": "Driver/library version mismatch",
        "gpu.pod-answers": "Driver/library version mismatch",
    },
}


SECOND = """\
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: nvidia-device-plugin-daemonset, namespace: default}
spec:
  selector: {matchLabels: {app: second}}
  template:
    metadata: {labels: {app: second}}
    spec:
      nodeSelector: {nobody: has-this}
      containers: [{name: plugin, image: "nvcr.io/nvidia/k8s-device-plugin:v0.14.0"}]
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: clusterpolicies.nvidia.com}
spec:
  group: nvidia.com
  scope: Cluster
  names: {plural: clusterpolicies, singular: clusterpolicy, kind: ClusterPolicy}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""
POLICY = """\
apiVersion: nvidia.com/v1
kind: ClusterPolicy
metadata: {name: cluster-policy}
spec: {driver: {enabled: true}}
"""
IN_THE_WAY = {
    "gpu.count": f"{NODE}  gpu.count  has 7 GPUs, its class h100x8 says 8; missing: 0000:61:00.0",
    "gpu.runfile": "has a driver of NVIDIA's .run installer",
    "gpu.toolkit-left": "/usr/local/nvidia/toolkit is there",
    "gpu.device-plugin": "cp1  gpu.device-plugin  the cluster's DaemonSet default/nvidia-device-plugin-daemonset hands",
    "gpu.operator-driver": "a ClusterPolicy of the GPU Operator has its driver on",
}


class Doctor:
    """Asks of one node with GPUs."""

    def __init__(self, gpu: GpuLab, inventory: Path) -> None:
        self.gpu, self.inventory = gpu, inventory

    def bad(self) -> dict[str, str]:
        """The evidence of each check that does not hold, or that could not look."""
        words = ("doctor", str(self.inventory), "--limit", NODE, *ONLY, "--output", "json")
        findings: list[dict[str, Any]] = self.gpu.cluster.clustr(*words).json["findings"]
        assert len([each for each in findings if each["state"] == "ok"]) > 5
        return {each["check"]: each["evidence"] for each in findings if each["state"] not in ("ok", "skipped")}

    def fault(self, *words: str) -> None:
        self.gpu.cluster.clustr("lab", "fault", f"{self.gpu.cluster.lab.name}/{NODE}", *words).expect()


@pytest.fixture(scope="module")
def doctor(gpu_lab: GpuLab) -> Iterator[Doctor]:
    version, modules = gpu_lab.driver(NODE).split()
    found = Doctor(gpu_lab, gpu_lab.inventory("doctor", int(version.partition(".")[0]), modules))
    yield found
    found.fault("--clear")


def test_gpus_that_are_well_and_then_have_faults(doctor: Doctor) -> None:
    assert doctor.bad() == {}
    for faults, wanted in FAULTS.items():
        for name, *index in map(str.split, faults):
            doctor.fault(name, *(word for each in index for word in ("--index", each)))
        bad = doctor.bad()
        doctor.fault("--clear")
        assert {check: said for check, said in wanted.items() if said not in bad.get(check, "it holds")} == {}


def test_a_package_that_is_held_no_more_and_a_service_that_is_down(doctor: Doctor) -> None:
    on = doctor.gpu.cluster.on
    on(NODE, "apt-mark unhold libnvidia-ml1; systemctl stop nvidia-persistenced; mv /var/run/cdi/nvidia.yaml /root/")
    try:
        bad = doctor.bad()
    finally:
        on(NODE, "apt-mark hold libnvidia-ml1; systemctl start nvidia-persistenced; mv /root/nvidia.yaml /var/run/cdi/")
    assert bad.keys() == {"gpu.packages-held", "gpu.persistenced", "gpu.cdi"}
    assert "not held: libnvidia-ml1" in bad["gpu.packages-held"]


def test_what_stands_in_the_way_of_a_run(doctor: Doctor) -> None:
    """Others of the class tell where the GPU was that is gone; the API tells who else is about to hand GPUs out."""
    on, kubectl = doctor.gpu.cluster.on, doctor.gpu.cluster.kubectl
    on(NODE, "touch /usr/bin/nvidia-uninstall; mkdir -p /usr/local/nvidia/toolkit")
    doctor.gpu.apply(SECOND)
    kubectl("wait crd clusterpolicies.nvidia.com --for=condition=Established --timeout=60s")
    doctor.gpu.apply(POLICY)
    doctor.fault("gpu-lost", "--index", "3")
    try:
        said = doctor.gpu.cluster.clustr("plan", str(doctor.inventory)).expect(5)
    finally:
        on(NODE, "rm -r /usr/bin/nvidia-uninstall /usr/local/nvidia")
        kubectl("delete crd clusterpolicies.nvidia.com")
        kubectl("delete daemonset nvidia-device-plugin-daemonset")
        doctor.fault("--clear")
    told = said.stdout + said.stderr
    assert {name for name, words in IN_THE_WAY.items() if words not in told} == set(), told
    assert "5 things stand in the way" in told

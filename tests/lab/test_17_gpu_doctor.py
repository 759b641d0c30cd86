"""What the doctor says of GPUs under Kubernetes: that all is well, and each fault by what it shows."""

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
        "gpu.xid": "Xid 48 (double bit ECC error)",
        "fabric.nvlink": ": 16; wanted: 18",
        "fabric.ports": "mlx5_1/1 has 100 Gbit/s; wanted: ACTIVE at 400 Gbit/s",
    },
    ("xid-79",): {"gpu.xid": "Xid 79 (GPU has fallen off the bus)", "gpu.answers": "GPU is lost"},
    ("driver-mismatch",): {
        "gpu.answers": "Driver/library version mismatch",
        "gpu.pod-answers": "Driver/library version mismatch",
    },
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

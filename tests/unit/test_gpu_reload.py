"""What a change of the driver does to a node, by who holds its GPUs."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from clustr.components.gpu_reload import UNITS, disturbance, driver_in_kernel
from clustr.engine.goal import Disrupts
from clustr.remote.gpu_facts import GpuFacts, Holder, HolderKind, Loaded
from clustr.templates import folder, text
from tests.components.scripts import shellcheck
from tests.unit.engine.things import facts

POD = Holder(HolderKind.POD, "kube-system/plugin-x2x4z", 700, "/dev/nvidiactl")
SERVICE = Holder(HolderKind.SERVICE, "nvidia-persistenced.service", 411, "/dev/nvidia0")
THEIRS = Holder(HolderKind.SERVICE, "jupyter.service", 512, "/dev/nvidia1")
PROCESS = Holder(HolderKind.PROCESS, "python3", 812, "/dev/nvidia0")
OLD = Loaded("580.105.08", open=True)


@pytest.mark.parametrize(
    ("gpu", "disrupts", "note"),
    [
        (GpuFacts(holders=()), Disrupts.NOTHING, ""),
        (GpuFacts(nouveau=True, holders=()), Disrupts.REBOOT, "reboots: nouveau drives the GPUs"),
        (GpuFacts(OLD, holders=()), Disrupts.WORKLOADS, ""),
        (GpuFacts(OLD), Disrupts.REBOOT, "reboots: who holds the GPUs could not be told"),
        (
            GpuFacts(OLD, holders=(SERVICE, POD, replace(POD, pid=701))),
            Disrupts.WORKLOADS,
            "stops and starts again: nvidia-persistenced.service, pod kube-system/plugin-x2x4z",
        ),
        (
            GpuFacts(OLD, holders=(SERVICE, PROCESS)),
            Disrupts.REBOOT,
            "reboots: python3 (pid 812) holds /dev/nvidia0; starts again: nvidia-persistenced.service",
        ),
        (
            GpuFacts(OLD, holders=(THEIRS,)),
            Disrupts.REBOOT,
            "reboots: jupyter.service (pid 512) holds /dev/nvidia1",
        ),
        (
            GpuFacts(OLD, holders=(Holder(HolderKind.MODULE, "gdrdrv", 0, "nvidia"),)),
            Disrupts.REBOOT,
            "reboots: the module gdrdrv uses nvidia",
        ),
    ],
)
def test_what_holds_the_gpus_decides(gpu: GpuFacts, disrupts: Disrupts, note: str) -> None:
    assert disturbance(gpu) == (disrupts, note)
    goal = driver_in_kernel(replace(facts("n1"), gpu=gpu), version="595", open=True)
    assert (goal.disrupts, goal.note, goal.wanted) == (disrupts, note, "595 open")


def test_before_a_boot_nothing_is_unloaded() -> None:
    goal = driver_in_kernel(replace(facts("n1"), gpu=GpuFacts(OLD, holders=(PROCESS,))), version="595", open=False)
    assert goal.apply == "gpu_module_fits 595 proprietary 6.1.0"


def test_a_new_kernel_takes_a_boot_whoever_holds_what() -> None:
    goal = driver_in_kernel(facts("n1"), version="595", open=True, boot_for="the kernel 6.1.0-42 comes with it")
    assert (goal.disrupts, goal.note) == (Disrupts.REBOOT, "reboots: the kernel 6.1.0-42 comes with it")


def test_the_units_of_the_stack_are_the_same_in_shell() -> None:
    listed = text("engine/gpu_holders.sh").partition("gpu_units=(")[2].partition(")")[0].split()
    assert frozenset(listed) == UNITS


def test_the_scripts_are_sound(tmp_path: Path) -> None:
    reloads = replace(facts("n1"), gpu=GpuFacts(OLD, holders=()))
    boots = replace(facts("n1"), gpu=GpuFacts(nouveau=True))
    goals = [driver_in_kernel(each, version="595", open=True) for each in (reloads, boots)]
    assert shellcheck(goals, tmp_path) == ""
    reboot = ["shellcheck", "--shell=bash", str(folder() / "engine/reboot.sh")]
    done = subprocess.run(reboot, capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""

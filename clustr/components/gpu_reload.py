"""A change of the driver on a node that works: who holds the GPUs, whether they can be made idle, or it takes a boot.

A boot ends whatever holds a device; what is ours or a pod's is stopped and started again without one. The shell of it
is in templates/engine/gpu_holders.sh and gpu_reload.sh: with_idle_gpus COMMAND serves any change that wants them idle.
"""

from __future__ import annotations

from collections.abc import Iterable
from shlex import quote

from clustr.engine.goal import Disrupts, Goal
from clustr.remote.facts import Facts
from clustr.remote.gpu_facts import GpuFacts, Holder, HolderKind

USES = ("engine/gpu_holders.sh", "engine/gpu_reload.sh")

# The driver's own stack on a host, whoever has installed it; the same list is in gpu_holders.sh.
UNITS = frozenset(
    {
        "nvidia-persistenced.service",
        "nvidia-fabricmanager.service",
        "nvidia-imex.service",
        "nvidia-cdi-refresh.service",
        "nvidia-cdi-refresh.path",
        "nvidia-dcgm.service",
        "nvidia-dcgm-exporter.service",
    }
)


def driver_in_kernel(facts: Facts, *, version: str, open: bool, boot_for: str = "") -> Goal:
    """The kernel runs the driver that is on disk for the kernel that boots next; `version` is a branch or a whole one.

    `boot_for` is another reason why it takes a boot: "the kernel 6.1.0-42 comes with it".
    """
    disrupts, note = (Disrupts.REBOOT, f"reboots: {boot_for}") if boot_for else disturbance(facts.gpu)
    flavour = "open" if open else "proprietary"
    words = f"{quote(version)} {flavour} {quote(facts.next_kernel or facts.kernel)}"
    apply = f"gpu_module_fits {words}" if disrupts is Disrupts.REBOOT else f"reload_gpu_driver {words}"
    probe, wanted = f"probe_gpu_driver {words}", f"{version} {flavour}"
    return Goal("driver in the kernel", probe, wanted, apply, disrupts, uses=USES, note=note)


def disturbance(gpu: GpuFacts) -> tuple[Disrupts, str]:
    """What a change that wants the GPUs idle does to the node's work, and what the plan says of it."""
    if gpu.nouveau:
        return Disrupts.REBOOT, "reboots: nouveau drives the GPUs"
    if gpu.loaded is None:
        return Disrupts.NOTHING, ""
    if gpu.holders is None:
        return Disrupts.REBOOT, "reboots: who holds the GPUs could not be told"
    strangers = [holder for holder in gpu.holders if not _can_be_stopped(holder)]
    others = _names(holder for holder in gpu.holders if _can_be_stopped(holder))
    if strangers:
        held = ", ".join(_in_the_way(holder) for holder in strangers)
        return Disrupts.REBOOT, f"reboots: {held}" + (f"; starts again: {others}" if others else "")
    return Disrupts.WORKLOADS, f"stops and starts again: {others}" if others else ""


def _can_be_stopped(holder: Holder) -> bool:
    return holder.kind is HolderKind.POD or (holder.kind is HolderKind.SERVICE and holder.name in UNITS)


def _in_the_way(holder: Holder) -> str:
    if holder.kind is HolderKind.MODULE:
        return f"the module {holder.name} uses {holder.device}"
    return f"{holder.name} (pid {holder.pid}) holds {holder.device}"


def _names(holders: Iterable[Holder]) -> str:
    """Each once: a pod has many processes."""
    named = (f"pod {holder.name}" if holder.kind is HolderKind.POD else holder.name for holder in holders)
    return ", ".join(dict.fromkeys(named))

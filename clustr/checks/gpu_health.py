"""How GPUs are: what their driver has met, and what one call of nvidia-smi tells of each."""

from __future__ import annotations

import re
from collections.abc import Mapping

from clustr.checks.backend import Host
from clustr.checks.check import Check, CouldNotLook, DoesNotApply, Severity, check, must
from clustr.checks.gpu import AGAIN, LOG, SMI, smi
from clustr.checks.gpu_node import gpu_node, may_have_gpus, with_clustrs_driver
from clustr.checks.units import must_run
from clustr.inventory.model import Cluster, Node
from clustr.nvidia import xids

ECC = "ecc.errors.uncorrected.volatile.total"
PERSISTENCE = "persistence_mode"
PENDING, FAILURE = "remapped_rows.pending", "remapped_rows.failure"
WIDTH, WIDEST = "pcie.link.width.current", "pcie.link.width.max"
# From 535 on by these names (nvidia-smi --help-query-gpu; utkuozdemir/nvidia_gpu_exporter#123). hw_slowdown, which is
# either of them, also shows while a clock is changed.
HOT, BRAKED = "clocks_event_reasons.hw_thermal_slowdown", "clocks_event_reasons.hw_power_brake_slowdown"
KNOWN: Mapping[str, str] = {  # what each field may say
    "pci.bus_id": r"[0-9A-Fa-f:.]+",
    ECC: r"\d+",
    PERSISTENCE: "Enabled|Disabled",
    PENDING: "Yes|No",
    FAILURE: "Yes|No",
    WIDTH: r"\d+",
    WIDEST: r"\d+",
    HOT: "Active|Not Active",
    BRAKED: "Active|Not Active",
}
NONE = ("[N/A]", "N/A", "[Not Supported]")  # the GPU has nothing of the kind

Values = Mapping[str, str]  # by field, as nvidia-smi writes them


@check(
    "gpu.persistenced",
    says="nvidia-persistenced runs, and GPUs stay initialized while nobody uses them",
    on=with_clustrs_driver,
    fix=AGAIN + "; clustr exec --limit {node} -- nvidia-smi --persistence-mode=1",
    gates=("nvidia_driver",),
    source="https://docs.nvidia.com/deploy/driver-persistence/",
)
def persistenced_runs(host: Host, node: Node, cluster: Cluster) -> str:
    gpu_node(host)
    state = must_run(host, "nvidia-persistenced.service")
    found = _gpus(host)
    off = [slot for slot, values in found.items() if values[PERSISTENCE] == "Disabled"]
    must(not off, found=f"persistence mode is off: {', '.join(off)}", wanted="on", evidence=state)
    _must_tell(found, PERSISTENCE)
    return state


@check(
    "gpu.ecc",
    says="no GPU has uncorrected memory errors",
    on=may_have_gpus,
    fix="drain {node} and reboot it; if they come back, replace the GPU",
    source="https://docs.nvidia.com/deploy/a100-gpu-mem-error-mgmt/",
)
def memory_is_sound(host: Host, node: Node, cluster: Cluster) -> str:
    gpu_node(host)
    found = _gpus(host)
    bad = [f"{slot}: {count}" for slot, values in found.items() if (count := values[ECC]).isdigit() and count != "0"]
    must(not bad, found=", ".join(bad), wanted="0")
    _must_tell(found, ECC)
    return f"none on {len(found)} GPUs"


@check(
    "gpu.remapped-rows",
    says="no GPU waits for bad memory rows to be replaced, or has no spare ones left",
    on=may_have_gpus,
    fix="pending: drain {node} and reboot it; failed: replace the GPU",
    source="https://docs.nvidia.com/deploy/a100-gpu-mem-error-mgmt/ (row-remapping)",
)
def rows_are_remapped(host: Host, node: Node, cluster: Cluster) -> str:
    gpu_node(host)
    found = _gpus(host)
    bad = [f"{slot}: failed" for slot, values in found.items() if values[FAILURE] == "Yes"]
    bad += [f"{slot}: pending" for slot, values in found.items() if values[PENDING] == "Yes"]
    must(not bad, found=", ".join(bad), wanted="none")
    _must_tell(found, PENDING, FAILURE)
    able = [slot for slot, values in found.items() if values[PENDING] not in NONE]
    if not able:
        raise DoesNotApply("its GPUs remap no rows")
    return f"none pending and none failed on {len(able)} GPUs"


@check(
    "gpu.pcie",
    says="GPUs have as many lanes of PCIe as they and their slots have",
    on=may_have_gpus,
    fix=f"power {{node}} off, reseat the GPU, and power it on; if it stays so, replace the GPU or its riser. {LOG}",
    source=SMI,
)
def lanes_are_all_there(host: Host, node: Node, cluster: Cluster) -> str:
    """Width alone: an idle link is slower by design."""
    gpu_node(host)
    found = _gpus(host)
    lanes = {slot: (values[WIDTH], values[WIDEST]) for slot, values in found.items()}
    told = {slot: (int(now), int(most)) for slot, (now, most) in lanes.items() if now.isdigit() and most.isdigit()}
    bad = [f"{slot}: x{now} of x{most}" for slot, (now, most) in told.items() if now < most]
    must(not bad, found=", ".join(bad), wanted="all lanes")
    _must_tell(found, WIDTH, WIDEST)
    if not told:
        raise DoesNotApply("its GPUs tell of no PCIe link")
    return ", ".join(dict.fromkeys(f"x{now}" for now, _ in told.values()))


@check(
    "gpu.slowdown",
    says="nothing of the hardware slows a GPU down",
    on=may_have_gpus,
    severity=Severity.WARNING,
    fix="heat: look after {node}'s cooling; brake: its power supplies. clustr exec --limit {node} -- "
    "nvidia-smi -q -d PERFORMANCE,TEMPERATURE,POWER",
    source=SMI,
)
def nothing_slows_them_down(host: Host, node: Node, cluster: Cluster) -> str:
    """At this moment: whether it was so before is Prometheus's to tell."""
    gpu_node(host)
    found = _gpus(host)
    bad = [f"{slot}: heat" for slot, values in found.items() if values[HOT] == "Active"]
    bad += [f"{slot}: power brake" for slot, values in found.items() if values[BRAKED] == "Active"]
    must(not bad, found=", ".join(bad), wanted="none")
    _must_tell(found, HOT, BRAKED)
    return f"none of {len(found)} GPUs is slowed down"


@check(
    "gpu.xid",
    says="the driver has reported no error that a GPU does not recover from",
    on=may_have_gpus,
    fix=f"{LOG}; drain {{node}} and reboot it; if it comes back, replace the GPU",
    source="https://docs.nvidia.com/deploy/xid-errors",
)
def no_fatal_xid(host: Host, node: Node, cluster: Cluster) -> str:
    gpu_node(host)
    lines = host.check_output("dmesg | awk '/NVRM: Xid/ { print } END { print NR \" lines\" }'").splitlines()
    if not lines or not re.fullmatch(r"[1-9]\d* lines", lines[-1]):
        raise CouldNotLook("the kernel's log has no lines")
    found = xids.read(lines)
    must(not found.fatal, found="; ".join(found.fatal), wanted="none since the boot")
    return f"none in the kernel's log; {sum(found.met.values())} of programs"


def _gpus(host: Host) -> Mapping[str, Values]:
    """What nvidia-smi tells of each GPU, by its place on the bus: one question for all of these checks."""
    lines = smi(host, f"--query-gpu={','.join(KNOWN)} --format=csv,noheader")
    rows = [[cell.strip() for cell in line.split(",")] for line in lines]
    found = {row[0].lower()[-12:]: dict(zip(KNOWN, row, strict=True)) for row in rows if len(row) == len(KNOWN)}
    if not found:
        raise CouldNotLook("nvidia-smi tells of no GPU")
    return found


def _must_tell(found: Mapping[str, Values], *fields: str) -> None:
    """Raises CouldNotLook where a GPU says something else than these fields may say."""
    for slot, values in found.items():
        for field in fields:
            if values[field] not in NONE and not re.fullmatch(KNOWN[field], values[field]):
                raise CouldNotLook(f"nvidia-smi says {values[field]!r} of {slot} ({field})")


CHECKS: tuple[Check, ...] = (
    persistenced_runs,
    memory_is_sound,
    rows_are_remapped,
    lanes_are_all_there,
    nothing_slows_them_down,
    no_fatal_xid,
)

"""GPUs divided into MIG devices: one profile for every GPU of a class, as often as it fits.

A change wants the GPUs idle, so the node is drained; then the CDI spec and the device plugin see the new devices. GPUs
do not remember them over a boot, so a unit of clustr's divides them again, before anything asks for them. Source:
NVIDIA's MIG user guide (docs.nvidia.com/datacenter/tesla/mig-user-guide), "Getting started".
"""

from __future__ import annotations

from collections.abc import Iterable
from shlex import quote

from clustr.components.container_toolkit import serves_gpus
from clustr.components.gpu_reload import USES, disturbance
from clustr.engine.goal import Disrupts, Goal
from clustr.engine.makers import file, step
from clustr.inventory.model import Cluster, Node
from clustr.nvidia.chips import gpus
from clustr.nvidia.mig import profiles
from clustr.remote.facts import Facts, Seen
from clustr.templates import render, text

UNIT = "clustr-mig.service"


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    """None where the class says nothing of MIG: what is there stays as it is."""
    profile, facts = node.expects.mig, seen[node.name]
    if profile is None or not serves_gpus(node, facts):
        return
    script = render("mig/clustr-mig", functions=text("mig/functions.sh"), profile=quote(profile))
    yield file("/usr/local/lib/clustr/mig", script, mode=0o755)
    yield file(f"/etc/systemd/system/{UNIT}", text("mig/clustr-mig.service"))
    yield step(
        f"{UNIT} at boot",
        probe=f"probe_enabled {UNIT}",
        wanted="enabled",
        apply=f"systemctl daemon-reload\napply_enabled {UNIT} enabled",
        undo=f"undo_enabled {UNIT}",
    )
    yield _divided(profile, facts)


def _divided(profile: str, facts: Facts) -> Goal:
    """Where a stranger holds a GPU it takes a boot, at which the unit does it."""
    disrupts, note = disturbance(facts.gpu)
    change = f"with_idle_gpus mig_change {quote(profile)}"
    apply = "systemctl daemon-reload" if disrupts is Disrupts.REBOOT else change
    wanted = f"{profile} on every GPU"
    uses = (*USES, "container_toolkit/functions.sh")
    return Goal("MIG devices", f"mig_probe {quote(profile)}", wanted, apply, disrupts, uses=uses, note=note)


def refusal(node: Node, facts: Facts) -> tuple[str, str] | None:
    """Why a GPU cannot be divided as the class says, by its chip, and the way out."""
    profile = node.expects.mig
    if profile in (None, "off") or not serves_gpus(node, facts):
        return None
    for gpu in gpus(facts):
        if gpu.chip is None:
            continue
        where = f"the {gpu.chip.name} at {gpu.device.slot}"
        if not gpu.chip.mig:
            problem = f"its class divides GPUs by MIG, and {where} has none"
            return problem, "take mig out of the class, or give the node another"
        has = profiles(gpu.chip)
        if has and profile not in has:
            problem = f"its class divides GPUs by mig: {profile}, which {where} does not have"
            return problem, f"set mig to one that it has: {', '.join(has)}; or give the node another class"
    return None

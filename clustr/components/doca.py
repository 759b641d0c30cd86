"""Part of rdma: DOCA-OFED in place of the kernel's own modules for the fabric. It takes a boot.

Nobody has published the fingerprint of the key that signs it where it could be checked, so the site says which key it
trusts (`artifacts.keys.doca`). Sources: DOCA installation guide for Linux (docs.nvidia.com/doca/sdk); DOCA 3.2.1
release notes, "DKMS only" and "Secure Boot".
"""

from __future__ import annotations

from collections.abc import Iterator

from clustr.components import vendor
from clustr.engine.goal import Disrupts, Goal
from clustr.engine.makers import packages, step
from clustr.families import family
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Facts, OperatingSystem, Seen

SITE = vendor.DOCA.site
# The repository of a system, by ID and VERSION_ID: each was read in somebody's working installation.
_UBUNTU_2204 = f"{SITE}/3.2.1/ubuntu22.04/x86_64"
_UBUNTU_2404 = f"{SITE}/3.2.1/ubuntu24.04/x86_64"
_EL9 = f"{SITE}/3.3.0/rhel9/x86_64"
_EL10 = f"{SITE}/3.2.1/rhel10/x86_64"
PLACES = {
    ("ubuntu", "22.04"): _UBUNTU_2204,
    ("ubuntu", "24.04"): _UBUNTU_2404,
    **{(name, "9"): _EL9 for name in ("rhel", "rocky", "almalinux")},
    **{(name, "10"): _EL10 for name in ("rhel", "rocky", "almalinux")},
}


def place(facts: Facts) -> str:
    """The repository for this machine, "" where none is known."""
    return PLACES.get(_release(facts.os), "") if facts.architecture == "x86_64" else ""


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterator[Goal]:
    facts = seen[node.name]
    # On Enterprise Linux its rdma-core and mft have to win over those of the system and of NVIDIA's CUDA repository.
    wanted = vendor.Repository(
        vendor.DOCA, f"{place(facts)}/", f"{SITE}/GPG-KEY-Mellanox.pub", fingerprint="", title="DOCA", priority=10
    )
    yield from vendor.goals(cluster, node, seen, wanted)
    yield packages(family(facts).manager, ("doca-ofed",), hold=True, label="DOCA-OFED")
    yield step(
        "mlx5_core in the kernel",
        probe="rdma_probe_stack",
        wanted="loaded",
        apply=":",
        disrupts=Disrupts.REBOOT,
    )


def refusal(node: Node, facts: Facts) -> tuple[str, str] | None:
    """Why DOCA-OFED cannot be had here, and the way out. That it cannot be loaded is preflight's (secure_fabric)."""
    if not place(facts):
        return f"no repository of DOCA-OFED is known for {facts.os.name}", "set rdma.stack: inbox"
    if "doca" not in node.artifacts.keys:
        problem = "no fingerprint of the key that signs DOCA-OFED is known"
        return problem, f"fetch {SITE}/GPG-KEY-Mellanox.pub, check it, and name the file in artifacts.keys.doca"
    return None


def _release(system: OperatingSystem) -> tuple[str, str]:
    """EL's minor release does not matter here: one build serves an OS major (DOCA 3.2.1 release notes)."""
    return system.id, system.version if system.id == "ubuntu" else system.version.partition(".")[0]

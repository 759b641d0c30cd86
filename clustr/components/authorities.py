"""Part of base_os: the site's CA, as a file and in the system's trust, for all that asks it: curl, k3s, containerd."""

from __future__ import annotations

from collections.abc import Iterator

from clustr.artifacts import ca_text
from clustr.engine.goal import Goal
from clustr.engine.makers import sha256, step
from clustr.families import Manager
from clustr.inventory.model import Cluster, Node


def trusted(cluster: Cluster, node: Node, manager: Manager) -> Iterator[Goal]:
    """Each certificate of the file in the bundle that programs read; the file stays where the inventory put it."""
    if node.artifacts.ca is None:
        return
    text = f"{ca_text(cluster, node.artifacts).rstrip()}\n"
    yield step(
        "the CA of artifacts in the system's trust",
        probe=f"base_os_probe_trust {manager} {sha256(text)}",
        wanted="trusted",
        apply=f"base_os_apply_trust {manager} <<'END_OF_CA'\n{text}END_OF_CA",
        undo=f"base_os_undo_trust {manager}",
    )

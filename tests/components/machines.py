"""Clusters and facts for the tests of what every node gets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from clustr.engine.goal import Goal
from clustr.engine.stage import Component, name_of
from clustr.families import FAMILIES, Daemon, Family, Upstream
from clustr.inventory.model import Cluster, K3s, Node, Role
from clustr.remote.facts import Facts, Firewall, Interface, OperatingSystem, Seen

BOOKWORM = OperatingSystem("debian", "12", "bookworm", "Debian GNU/Linux 12 (bookworm)")


def node(name: str, *roles: Role, internal: str = "") -> Node:
    """cp1 is 10.0.0.11, gpu1 10.0.0.21, mon1 10.0.0.31."""
    tens = {"cp": 1, "gpu": 2, "mon": 3}[name.rstrip("0123456789")]
    address = f"10.0.0.{tens * 10 + int(name.lstrip('cpgumon'))}"
    return Node(name=name, address=address, internal_address=internal or address, roles=frozenset(roles))


CP1, CP2, CP3 = (node(f"cp{number}", Role.SERVER) for number in (1, 2, 3))
GPU1, GPU2 = (node(f"gpu{number}", Role.AGENT) for number in (1, 2))
MON1, MON2 = (node(f"mon{number}", Role.MONITOR) for number in (1, 2))


def cluster_of(*nodes: Node, **further: object) -> Cluster:
    values = {"name": "test", "nodes": nodes, "k3s": K3s(version="v1.36.5+k3s1"), "source": Path("/x/inventory.yaml")}
    return Cluster.model_validate({**values, **further})


def facts(node: Node, **further: object) -> Facts:
    addresses = dict.fromkeys((node.address, node.internal_address))
    interfaces = tuple(Interface(f"eth{place}", (f"{each}/24",), 1500) for place, each in enumerate(addresses))
    known = Facts(
        hostname=node.name,
        machine_id=node.address,
        boot_id="boot",
        os=BOOKWORM,
        architecture="x86_64",
        kernel="6.1.0",
        next_kernel="6.1.0",
        cpus=4,
        memory_mb=8000,
        disk_free_mb=50_000,
        clock=1000.0,
        cgroup=2,
        systemd=True,
        firewall=Firewall.NONE,
        interfaces=interfaces,
    )
    return replace(known, **further)  # type: ignore[arg-type]


def seen(cluster: Cluster, silent: tuple[str, ...] = (), **further: object) -> Seen:
    return Seen({node.name: facts(node, **further) for node in cluster.nodes if node.name not in silent})


def goals(component: Component, cluster: Cluster, node: Node, found: Seen) -> dict[str, Goal]:
    listed = [goal.of(name_of(component)) for goal in component.goals(cluster, node, found)]
    named = {goal.name: goal for goal in listed}
    assert len(named) == len(listed), "two goals of one component have one name: their records would be one"
    return named


def wanted(goal: Goal) -> str:
    assert isinstance(goal.wanted, str)
    return goal.wanted


def without_packages() -> Family:
    """Debian 12, as if it had no packages of the monitoring."""
    family = FAMILIES["debian", "12"]
    return replace(
        family,
        node_exporter=_released(family.node_exporter, Upstream("node_exporter", "1.9.1", ("node_exporter",))),
        prometheus=_released(family.prometheus, Upstream("prometheus", "3.5.0", ("prometheus", "promtool"))),
        alertmanager=_released(family.alertmanager, Upstream("alertmanager", "0.28.1", ("alertmanager", "amtool"))),
    )


def _released(daemon: Daemon, upstream: Upstream) -> Daemon:
    return replace(daemon, package="", upstream=upstream)

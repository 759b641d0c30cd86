"""Small clusters, facts and components for the tests of the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from clustr.engine.goal import Goal
from clustr.engine.stage import Component
from clustr.inventory.model import Cluster, K3s, Node, Role, Rollout
from clustr.remote.facts import Facts, Firewall, K3sFacts, KubeNode, OperatingSystem

DEBIAN = OperatingSystem("debian", "12", "bookworm", "Debian GNU/Linux 12 (bookworm)")


def node(name: str, number: int) -> Node:
    role = Role.SERVER if name.startswith("cp") else Role.AGENT
    return Node(name=name, address=f"10.0.0.{number}", internal_address=f"10.0.0.{number}", roles=frozenset({role}))


def cluster_of(*names: str, rollout: Rollout = Rollout()) -> Cluster:  # noqa: B008 - frozen
    nodes = tuple(node(name, number) for number, name in enumerate(names, 1))
    return Cluster(name="test", nodes=nodes, k3s=K3s(version="v1.36.5+k3s1"), rollout=rollout, source=Path("x.yaml"))


def facts(name: str, *, knows: Iterable[str] = ()) -> Facts:
    """A Debian 12 machine; `knows` are the nodes that its API tells, where it is a live server."""
    kube = tuple(KubeNode(known, ready=True, unschedulable=False, version="v1.36.5+k3s1") for known in knows)
    return Facts(
        hostname=name,
        machine_id=name,
        boot_id=f"boot-of-{name}",
        os=DEBIAN,
        architecture="x86_64",
        kernel="6.1.0",
        next_kernel="6.1.0",
        cpus=8,
        memory_mb=32000,
        disk_free_mb=100000,
        clock=0.0,
        cgroup=2,
        systemd=True,
        firewall=Firewall.NONE,
        k3s=K3sFacts(api_ready=bool(kube), nodes=kube),
    )


def component(name: str, goals: Callable[..., Iterable[Goal]]) -> Component:
    return cast(Component, SimpleNamespace(__name__=name, goals=goals))

"""Clusters and facts for the tests of k3s."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from clustr.inventory.model import Artifacts, Cluster, Effect, K3s, Node, Role, Taint
from clustr.inventory.secrets import Secret
from clustr.remote.facts import (
    Controllers,
    Datastore,
    Facts,
    Firewall,
    Interface,
    K3sFacts,
    Kernel,
    KubeNode,
    Listener,
    OperatingSystem,
    Resolver,
    Seen,
)

VERSION = "v1.36.5+k3s1"
SUMS = {f"k3s-io/k3s/releases/download/{VERSION}/k3s": "5" * 64}
CA = "c" * 64
PASSWORD = "made-for-this-test"
TOKEN = Secret(f"K10{CA}::server:{PASSWORD}")
SERVERS = ("cp1", "cp2", "cp3")


def node(name: str, number: int) -> Node:
    server = name.startswith("cp")
    address = f"10.0.0.{number}"
    return Node(
        name=name,
        address=address,
        internal_address=address,
        roles=frozenset({Role.SERVER if server else Role.AGENT}),
        labels={} if server else {"tier": "training", "example.com/empty": ""},
        taints=() if server else (Taint(key="gpu", value="h100", effect=Effect.NO_SCHEDULE),),
    )


def cluster_of(*names: str, artifacts: Artifacts | None = None, **further: object) -> Cluster:
    values: dict[str, object] = {"k3s": K3s(version=VERSION), **further}
    plain = (node(name, number) for number, name in enumerate(names, 1))
    nodes = tuple(each.model_copy(update={"artifacts": artifacts or Artifacts()}) for each in plain)
    return Cluster.model_validate({"name": "test", "nodes": nodes, "source": Path("/x/inventory.yaml"), **values})


def facts(cluster: Cluster, name: str, k3s: K3sFacts | None = None) -> Facts:
    number = [each.name for each in cluster.nodes].index(name)
    return Facts(
        hostname=name,
        machine_id=f"{number:032x}",
        boot_id=f"boot-{number}",
        os=OperatingSystem("debian", "12", "bookworm", "Debian GNU/Linux 12 (bookworm)"),
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
        memory_free_mb=6000,
        controllers=Controllers(frozenset(("cpu", "cpuset", "io", "memory", "pids"))),
        kernels=(Kernel("6.1.0", frozenset(("overlay", "br_netfilter", "nf_conntrack", "vxlan"))),),
        listeners=(Listener(22, "tcp", "sshd", "ssh.service"),),
        resolvers=(Resolver("/etc/resolv.conf", ("10.0.0.2",)),),
        interfaces=(Interface("eth0", (f"10.0.0.{number + 1}/24",), 1500),),
        k3s=k3s or K3sFacts(),
    )


def bare(cluster: Cluster, *silent: str) -> Seen:
    """Machines that hold nothing yet."""
    names = [each.name for each in cluster.nodes if each.name not in silent]
    return Seen({name: facts(cluster, name) for name in names}, sums=SUMS)


def server_of(cluster: Cluster, store: Datastore = Datastore.ETCD, ca: str = CA) -> K3sFacts:
    """A server that runs and tells all the cluster's nodes."""
    nodes = tuple(KubeNode(each.name, ready=True, unschedulable=False, version=VERSION) for each in cluster.nodes)
    token = Secret(f"K10{ca}::server:{PASSWORD}")
    return K3sFacts(VERSION, datastore=store, token=token, ca_hash=ca, api_ready=True, nodes=nodes, agent_data=True)


def running(cluster: Cluster, *emptied: str) -> Seen:
    """A cluster at work; `emptied` are nodes whose disks hold nothing any more."""
    seen = bare(cluster)
    agent = K3sFacts(VERSION, agent_data=True)
    found = {
        each.name: facts(cluster, each.name, server_of(cluster) if each.has(Role.SERVER) else agent)
        for each in cluster.nodes
        if each.name not in emptied
    }
    return replace(seen, facts={**seen.facts, **found})


def with_facts(seen: Seen, name: str, **changes: object) -> Seen:
    changed = replace(seen[name], **changes)  # type: ignore[arg-type]
    return replace(seen, facts={**seen.facts, name: changed})

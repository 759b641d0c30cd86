"""The container runtime, whichever the inventory chose."""

from __future__ import annotations

import json

from clustr.checks.backend import Host
from clustr.checks.check import Check, CouldNotLook, check, must
from clustr.checks.units import must_run
from clustr.checks.where import docker, embedded_runtime, own_containerd
from clustr.inventory.model import Cluster, Node

LOGS = "clustr exec --limit {node} -- tail /var/lib/rancher/k3s/agent/containerd/containerd.log"


@check(
    "runtime.ready",
    says="k3s's containerd is ready, and so is its network",
    on=embedded_runtime,
    fix=LOGS,
    gates=("k3s_server", "k3s_agent"),
    source="https://github.com/kubernetes/cri-api (Status, RuntimeCondition)",
)
def runtime_is_ready(host: Host, node: Node, cluster: Cluster) -> str:
    conditions = json.loads(host.check_output("k3s crictl --timeout=10s info"))["status"]["conditions"]
    wanted = {"RuntimeReady", "NetworkReady"} if cluster.network.cni == "flannel" else {"RuntimeReady"}
    seen = {each["type"]: each for each in conditions if each["type"] in wanted}
    if seen.keys() != wanted:
        raise CouldNotLook(f"crictl info tells of {', '.join(seen) or 'no condition'} alone")
    bad = [
        f"{name}: {each.get('reason', '')} {each.get('message', '')}"
        for name, each in seen.items()
        if not each["status"]
    ]
    must(not bad, found="; ".join(bad), wanted=" and ".join(sorted(wanted)))
    return ", ".join(sorted(seen))


@check(
    "runtime.containerd",
    says="containerd runs and answers",
    on=own_containerd,
    fix="clustr bootstrap --limit {node}",
    gates=("container_runtime",),
)
def containerd_answers(host: Host, node: Node, cluster: Cluster) -> str:
    state = must_run(host, "containerd.service")
    version = host.check_output("ctr --connect-timeout=5s --timeout=10s version").partition("Server:")[2].split()
    if version[:1] != ["Version:"]:
        raise CouldNotLook("ctr names no server's version")
    return f"{version[1]}; {state}"


@check(
    "runtime.docker",
    says="docker runs and answers",
    on=docker,
    fix="clustr bootstrap --limit {node}",
    gates=("container_runtime",),
)
def docker_answers(host: Host, node: Node, cluster: Cluster) -> str:
    state = must_run(host, "docker.service")
    version = host.check_output("docker info --format='{{.ServerVersion}}'").strip()
    if not version:
        raise CouldNotLook("docker info names no server's version")
    return f"{version}; {state}"


CHECKS: tuple[Check, ...] = (containerd_answers, docker_answers, runtime_is_ready)

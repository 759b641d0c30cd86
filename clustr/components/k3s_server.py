"""k3s servers: three or more with embedded etcd, or one with sqlite.

One cluster, never two: every server of several has the same `server:` line, which k3s ignores once etcd's data is on
its disk, and `cluster-init` is in force for one start only, on the first server, where all answered and none holds
data. Source: docs.k3s.io, "High Availability Embedded etcd".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from clustr.components import container_toolkit, registries
from clustr.components.k3s import (
    SERVER,
    TOKEN,
    cluster_token,
    config,
    datastore,
    first_server,
    node_settings,
    program,
    running,
    token_goal,
    unit,
    with_further,
)
from clustr.engine.goal import Goal
from clustr.engine.makers import absent, step
from clustr.inventory.model import Addons, Cluster, Node
from clustr.remote.facts import Datastore, Seen

AGENT_TOKEN = "/etc/rancher/k3s/agent-token"  # noqa: S105 - a path
FOUNDING = "/etc/rancher/k3s/config.yaml.d/00-clustr-founding.yaml"


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    yield from program(cluster, node, seen, SERVER)
    yield from tokens(cluster, node, seen)
    settings = with_further(server_settings(cluster, node, seen), cluster.k3s.server_config)
    reads = (
        config(SERVER, settings),
        *registries.of_k3s(cluster, node),
        *unit(cluster, node, SERVER),
        *container_toolkit.before(node, seen[node.name], SERVER.unit),
    )
    yield from reads
    *enabled, runs = running(cluster, node, seen, SERVER, reads)
    yield from enabled
    yield from founding(cluster, node, seen)
    yield runs
    yield from container_toolkit.known_to_k3s(cluster, node, seen[node.name], SERVER.unit)


def tokens(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    """The servers' token, and the one that admits agents only. A joining server waits for the CA that it pins."""
    token = cluster_token(cluster, seen)
    joins = first_server(cluster, seen) != node
    if token and joins and not token.ca:
        token = None
    yield token_goal("join token", TOKEN, token)
    # k3s takes an agent token's file as the password itself, whatever its form.
    yield token_goal("agents' token", AGENT_TOKEN, token and replace(token.for_agents(), ca=""))


def founding(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    if len(cluster.servers) == 1:
        return
    if first_server(cluster, seen) != node:
        yield absent(FOUNDING)
        return
    # A sqlite cluster that grows is founded as well: k3s takes its data into etcd.
    how = "finish" if datastore(seen, node) is Datastore.ETCD else "new"
    probe, found = f"k3s_probe_founded {FOUNDING}", f"k3s_found {FOUNDING} {how}"
    yield step("cluster founded", probe=probe, wanted="founded", apply=found)


def server_settings(cluster: Cluster, node: Node, seen: Seen) -> dict[str, object]:
    """config.yaml of a server. What k3s wants equal on all servers depends on the cluster alone."""
    network = cluster.network
    settings: dict[str, object] = {
        **node_settings(cluster, node, seen),
        "advertise-address": node.internal_address,
        "token-file": TOKEN,
        "agent-token-file": AGENT_TOKEN,
        "tls-san": names_of_api(cluster),
        "cluster-cidr": str(network.cluster_cidr),
        "service-cidr": str(network.service_cidr),
        "write-kubeconfig-mode": "0600",
    }
    if network.cni == "none":
        settings |= {"flannel-backend": "none", "disable-network-policy": True}
    if disabled := disabled_addons(cluster.addons):
        settings["disable"] = disabled
    if len(cluster.servers) > 1:
        settings |= {
            "server": f"https://{cluster.registration}:6443",
            "etcd-snapshot-schedule-cron": cluster.k3s.snapshots.schedule,
            "etcd-snapshot-retention": cluster.k3s.snapshots.keep,
        }
    return settings


def names_of_api(cluster: Cluster) -> list[str]:
    """All names and addresses under which anything may call the API, for its certificate."""
    network = cluster.network
    named = {cluster.registration, network.vip, network.api_address}
    named |= {name for node in cluster.servers for name in (node.name, node.address, node.internal_address)}
    return sorted(name for name in named if name)


def disabled_addons(addons: Addons) -> list[str]:
    chosen = {
        "local-storage": addons.local_storage,
        "metrics-server": addons.metrics_server,
        "servicelb": addons.servicelb,
        "traefik": addons.traefik,
    }
    return [name for name, on in chosen.items() if not on]

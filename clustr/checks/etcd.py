"""The servers' data: etcd's quorum and members, as its metrics port on the loopback tells them.

k3s opens http://127.0.0.1:2381 on every server with embedded etcd (k3s, pkg/etcd/etcd.go, listenMetricsURLs).
"""

from __future__ import annotations

from clustr.checks.backend import Host
from clustr.checks.check import Check, CouldNotLook, check, must
from clustr.checks.http import fetch, fetch_json, metrics
from clustr.checks.where import etcd_members
from clustr.inventory.model import Cluster, Node

METRICS = "http://127.0.0.1:2381"


@check(
    "k3s.etcd-health",
    says="etcd has a quorum and answers this server",
    on=etcd_members,
    fix="start the servers that are down; clustr doctor --only 'k3s.service-active'",
    gates=("k3s_server",),
    source="https://etcd.io/docs/v3.6/op-guide/monitoring/#health-check",
)
def etcd_is_healthy(host: Host, node: Node, cluster: Cluster) -> str:
    answer = fetch_json(host, f"{METRICS}/health")
    must(str(answer["health"]) == "true", found=str(answer.get("reason") or answer), wanted="health true")
    return "health is true"


@check(
    "k3s.etcd-members",
    says="etcd has a leader, and this member is connected to all other servers",
    on=etcd_members,
    fix="start the servers that are down; remove members of servers that are gone: etcdctl member list, member remove",
    source="https://etcd.io/docs/v3.6/metrics/etcd-metrics-latest.txt (etcd_network_active_peers)",
)
def etcd_members_are_connected(host: Host, node: Node, cluster: Cluster) -> str:
    page = fetch(host, f"{METRICS}/metrics")
    leader, learner = metrics(page, "etcd_server_has_leader"), metrics(page, "etcd_server_is_learner")
    if not leader or not learner:
        raise CouldNotLook(f"{METRICS}/metrics says nothing of a leader")
    must(leader[0][1] == 1, found="no leader", wanted="a leader")
    must(learner[0][1] == 0, found="a learner", wanted="a voting member")
    # A count of activations less deactivations: a peer that came twice at once stays at 2.
    peers = sum(value >= 1 for _, value in metrics(page, "etcd_network_active_peers"))
    wanted = len(cluster.servers) - 1
    must(peers == wanted, found=f"{peers} other members connected", wanted=str(wanted))
    return f"a voting member with a leader and {peers} others"


CHECKS: tuple[Check, ...] = (etcd_is_healthy, etcd_members_are_connected)

"""k3s on one node: its unit, its kubelet, and the node as Kubernetes knows it."""

from __future__ import annotations

from clustr.checks.backend import Host
from clustr.checks.check import Check, CouldNotLook, Severity, check, must
from clustr.checks.http import fetch
from clustr.checks.kubernetes import kube_node
from clustr.checks.system import room
from clustr.checks.units import must_run
from clustr.checks.where import in_cluster, servers, with_flannel, with_own_plugin
from clustr.inventory.model import Cluster, Node, Role

BOTH = ("k3s_server", "k3s_agent")
PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")
NODE_STATUS = "https://kubernetes.io/docs/reference/node/node-status/#condition"
SECRETS = ("/etc/rancher/k3s/config.yaml", "/etc/rancher/k3s/token")
SERVER_SECRETS = (
    "/etc/rancher/k3s/agent-token",
    "/etc/rancher/k3s/k3s.yaml",
    "/var/lib/rancher/k3s/server/token",
)


@check(
    "k3s.service-active",
    says="k3s runs",
    on=in_cluster,
    fix="clustr exec --limit {node} -- journalctl -eu 'k3s*'; clustr bootstrap --limit {node}",
    gates=BOTH,
)
def k3s_runs(host: Host, node: Node, cluster: Cluster) -> str:
    return must_run(host, "k3s.service" if node.has(Role.SERVER) else "k3s-agent.service")


@check(
    "k3s.api-ready",
    says="the server's own API is ready",
    on=servers,
    fix="clustr exec --limit {node} -- journalctl -eu k3s",
    gates=("k3s_server",),
    source="https://kubernetes.io/docs/reference/using-api/health-checks/",
)
def api_is_ready(host: Host, node: Node, cluster: Cluster) -> str:
    asked = host.run("k3s kubectl --request-timeout=10s get --raw '/readyz?verbose'", may_fail=True)
    said = (asked.stdout + asked.stderr).strip()
    bad = [line for line in said.splitlines() if line.startswith("[-]")]
    must(asked.rc == 0, found=", ".join(bad) or said[-300:], wanted="readyz check passed")
    if "readyz check passed" not in said:
        raise CouldNotLook(f"/readyz?verbose says: {said[-300:]}")
    return f"readyz passed ({said.count('[+]')} checks)"


@check(
    "k3s.kubelet",
    says="the kubelet is healthy",
    on=in_cluster,
    fix="clustr exec --limit {node} -- journalctl -eu 'k3s*'",
    gates=BOTH,
    source="https://kubernetes.io/docs/reference/command-line-tools-reference/kubelet/ (--healthz-port)",
)
def kubelet_is_healthy(host: Host, node: Node, cluster: Cluster) -> str:
    page = fetch(host, "http://127.0.0.1:10248/healthz").strip()
    must(page == "ok", found=page[:200], wanted="ok")
    return "healthz is ok"


@check(
    "k3s.node-ready",
    says="the node is Ready",
    on=with_flannel,
    fix="clustr exec --limit {node} -- journalctl -eu 'k3s*'",
    gates=BOTH,
    source=NODE_STATUS,
)
def node_is_ready(host: Host, node: Node, cluster: Cluster) -> str:
    return ready(host, node)


@check(
    "k3s.node-ready-own-cni",
    says="the node is Ready, with the cluster's own network plugin",
    on=with_own_plugin,
    fix="install the network plugin that network.cni: none leaves to you",
    source=NODE_STATUS,
)
def node_is_ready_with_own_plugin(host: Host, node: Node, cluster: Cluster) -> str:
    """In no gate: the plugin comes after bootstrap, and no node is Ready before."""
    return ready(host, node)


def ready(host: Host, node: Node) -> str:
    ready = kube_node(host, node).conditions["Ready"]
    must(ready.status == "True", found=f"Ready is {ready.status}", wanted="True", evidence=ready.message)
    return f"Ready since {ready.since}"


@check(
    "k3s.node-pressure",
    says="the node is not short of memory, disk, processes or network",
    on=in_cluster,
    fix="clustr doctor --only 'os.*' --limit {node}",
    source=NODE_STATUS,
)
def node_has_no_pressure(host: Host, node: Node, cluster: Cluster) -> str:
    conditions = kube_node(host, node).conditions
    seen = [(name, conditions[name]) for name in PRESSURES if name in conditions]
    if not seen:
        raise CouldNotLook("the kubelet reports none of its conditions")
    bad = [f"{name} is {each.status}: {each.message}" for name, each in seen if each.status != "False"]
    must(not bad, found="; ".join(bad), wanted="False")
    return ", ".join(f"{name} is False" for name, _ in seen)


@check(
    "k3s.node-address",
    says="Kubernetes knows the node by its internal address",
    on=in_cluster,
    fix="clustr bootstrap --limit {node}",
    gates=BOTH,
    source="https://docs.k3s.io/cli/agent#networking (--node-ip)",
)
def node_has_its_address(host: Host, node: Node, cluster: Cluster) -> str:
    found = kube_node(host, node).internal_address
    must(found == node.internal_address, found=found or "none", wanted=node.internal_address)
    return found


@check(
    "k3s.node-schedulable",
    says="the node takes new pods",
    on=in_cluster,
    fix="k3s kubectl uncordon {node}, when whoever cordoned it is done",
    severity=Severity.WARNING,
)
def node_takes_pods(host: Host, node: Node, cluster: Cluster) -> str:
    must(not kube_node(host, node).unschedulable, found="cordoned", wanted="not cordoned")
    return "not cordoned"


@check(
    "k3s.version",
    says="the inventory's version of k3s runs",
    on=in_cluster,
    fix="clustr bootstrap --limit {node}",
    gates=BOTH,
)
def version_is_the_inventorys(host: Host, node: Node, cluster: Cluster) -> str:
    running = kube_node(host, node).version
    must(running == cluster.k3s.version, found=f"kubelet {running}", wanted=cluster.k3s.version)
    return running


@check(
    "k3s.disk",
    says="k3s's data and images have 5 % of space and inodes left",
    on=in_cluster,
    fix="clustr exec --limit {node} -- k3s crictl rmi --prune",
    source="https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/ (k3s evicts at 5 %)",
)
def data_has_room(host: Host, node: Node, cluster: Cluster) -> str:
    return room(host, "/var/lib/rancher/k3s /var/lib/kubelet", 5)


@check(
    "k3s.secret-files",
    says="files that hold a token or a key are root's alone",
    on=in_cluster,
    fix="clustr exec --limit {node} -- chmod 0600 FILE",
    source="https://docs.k3s.io/security/self-assessment (permissions of files)",
)
def secrets_are_roots(host: Host, node: Node, cluster: Cluster) -> str:
    paths = [*SECRETS, *(SERVER_SECRETS if node.has(Role.SERVER) else ())]
    files = [
        line.split(" ", 2) for line in host.check_output(f"stat -L -c '%a %U %n' -- {' '.join(paths)}").splitlines()
    ]
    if len(files) != len(paths):
        raise CouldNotLook(f"stat told of {len(files)} of {len(paths)} files")
    open_ones = [f"{path} is {mode} {owner}" for mode, owner, path in files if int(mode, 8) & 0o077 or owner != "root"]
    must(not open_ones, found=", ".join(open_ones), wanted="600 root")
    return f"{len(files)} files, 600 root"


CHECKS: tuple[Check, ...] = (
    k3s_runs,
    api_is_ready,
    kubelet_is_healthy,
    node_is_ready,
    node_is_ready_with_own_plugin,
    node_has_no_pressure,
    node_has_its_address,
    node_takes_pods,
    version_is_the_inventorys,
    data_has_room,
    secrets_are_roots,
)

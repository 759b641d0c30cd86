"""The network: whether nodes have the addresses that they should have and reach each other at them."""

from __future__ import annotations

from shlex import quote

from clustr.checks.backend import Host
from clustr.checks.check import Check, CouldNotLook, check, must
from clustr.checks.http import fetch
from clustr.checks.where import in_cluster
from clustr.inventory.model import Cluster, Node, Role

AGENT_CA = "/var/lib/rancher/k3s/agent/server-ca.crt"
REQUIREMENTS = "https://docs.k3s.io/installation/requirements#networking"
FORWARDING = ("/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/bridge/bridge-nf-call-iptables")
UNKNOWN_NAME = 2  # getent(1)


@check(
    "network.internal-address",
    says="an interface has the node's internal address",
    fix="correct internal_address of {node} in the inventory, or the address on {node}",
    gates=("base_os",),
)
def has_its_address(host: Host, node: Node, cluster: Cluster) -> str:
    rows = [line.split() for line in host.check_output("ip -oneline -4 address show").splitlines()]
    addresses = {row[3].partition("/")[0]: row[1] for row in rows}
    must(
        node.internal_address in addresses,
        found=", ".join(f"{address} on {name}" for address, name in addresses.items()),
        wanted=node.internal_address,
    )
    return f"{node.internal_address} on {addresses[node.internal_address]}"


@check(
    "network.servers-resolve",
    says="the name of the servers resolves to their addresses",
    on=in_cluster,
    fix="clustr bootstrap --limit {node}",
    gates=("base_os",),
)
def servers_resolve(host: Host, node: Node, cluster: Cluster) -> str:
    asked = host.run("getent ahostsv4 %s", cluster.registration, may_fail=True)
    if asked.rc not in (0, UNKNOWN_NAME):
        raise CouldNotLook(f"getent ended with {asked.rc}: {asked.stderr.strip()}")
    found = list(dict.fromkeys(line.split()[0] for line in asked.stdout.splitlines()))
    wanted = [cluster.network.vip] if cluster.network.vip else [server.internal_address for server in cluster.servers]
    known = bool(found) and set(found) <= set(wanted)
    must(
        known, found=f"{cluster.registration} is {', '.join(found) or 'unknown'}", wanted=f"one of {', '.join(wanted)}"
    )
    return f"{cluster.registration} is {', '.join(found)}"


@check(
    "network.forwarding",
    says="the kernel forwards packets of pods, and filters bridged ones",
    on=in_cluster,
    fix="clustr bootstrap --limit {node}",
    gates=("base_os",),
    source="https://kubernetes.io/docs/setup/production-environment/container-runtimes/#network-configuration",
)
def packets_are_forwarded(host: Host, node: Node, cluster: Cluster) -> str:
    values = host.check_output(f"cat {' '.join(FORWARDING)}").split()
    found = ", ".join(f"{path} is {value}" for path, value in zip(FORWARDING, values, strict=True))
    must(set(values) == {"1"}, found=found, wanted="1")
    return found


@check(
    "network.ports",
    says="the ports of Kubernetes are listened on at the internal address",
    on=in_cluster,
    fix="clustr doctor --only 'k3s.*' --limit {node}",
    source=REQUIREMENTS,
)
def ports_are_open(host: Host, node: Node, cluster: Cluster) -> str:
    wanted = {10250: "kubelet"}
    if node.has(Role.SERVER):
        wanted |= {6443: "API"}
    if node.has(Role.SERVER) and len(cluster.servers) > 1:
        wanted |= {2379: "etcd", 2380: "etcd's peers"}
    heard = _listening(host.check_output("ss --no-header --listening --tcp --numeric"), node.internal_address)
    missing = [f"{port} ({what})" for port, what in wanted.items() if port not in heard]
    must(not missing, found=f"nothing listens on {', '.join(missing)}", wanted=f"a listener at {node.internal_address}")
    return ", ".join(f"{port} ({what})" for port, what in wanted.items())


@check(
    "network.api-port",
    says="every server's API is reached at its internal address",
    on=in_cluster,
    fix="let {node} reach port 6443 of the servers; clustr doctor --only 'k3s.*' where a server is down",
    source=REQUIREMENTS,
)
def api_is_reached(host: Host, node: Node, cluster: Cluster) -> str:
    for server in cluster.servers:
        # Not an argument: that would be taken for the address of whichever node is asked.
        page = fetch(host, f"https://{quote(server.internal_address)}:6443/ping", options=f"--cacert {AGENT_CA}")
        must(page.strip() == "pong", found=f"{server.name} answers {page.strip()[:80]!r}", wanted="pong")
    return f"{', '.join(server.name for server in cluster.servers)} answer"


def _listening(table: str, address: str) -> set[int]:
    """Ports that are listened on at this address, in ss's table."""
    local = [line.split()[3].rpartition(":") for line in table.splitlines()]
    return {int(port) for at, _, port in local if at.partition("%")[0] in ("*", "0.0.0.0", "[::]", address)}  # noqa: S104


CHECKS: tuple[Check, ...] = (has_its_address, servers_resolve, packets_are_forwarded, ports_are_open, api_is_reached)

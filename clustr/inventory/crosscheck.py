"""What no field can tell alone: names that repeat, networks that overlap, an agent with no server."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network

from clustr.inventory.fields import is_ipv4
from clustr.inventory.findings import Findings
from clustr.inventory.model import K3s, Network, Role
from clustr.inventory.ranges import fold
from clustr.inventory.resolve import Placed

# The controller manager gives each node a /24 unless node-cidr-mask-size says otherwise,
# https://kubernetes.io/docs/reference/command-line-tools-reference/kube-controller-manager/.
NODE_PREFIX = 24
# The API server refuses a service network of more than 20 bits (pkg/controlplane/apiserver/options/validation.go);
# k3s gives DNS the tenth address.
SERVICE_PREFIXES = range(12, 29)


def crosscheck(placed: Sequence[Placed], network: Network, k3s: K3s, findings: Findings) -> None:
    """Adds what is wrong to the findings; what depends on a part that could not be read is left for the next run."""
    networks_known = findings.sound("network")
    if findings.sound("nodes", "defaults"):
        _servers(placed, findings)
        _shared_gpus(placed, findings)
        if networks_known:
            _room_for_pods(placed, network, k3s, findings)
    if networks_known:
        _service_network(network, findings)
        _networks(placed, network, findings)
    told: set[tuple[int, str]] = set()
    for field in ("name", "address", "internal_address"):
        _unique(placed, field, findings, told)


def _unique(placed: Sequence[Placed], field: str, findings: Findings, told: set[tuple[int, str]]) -> None:
    """Each value once. What `told` holds was said of another field: an internal address is the address by default."""
    first: dict[str, int] = {}
    again: dict[tuple[int, int], list[str]] = {}
    for each in placed:
        value = _told_apart_by(each, field)
        if value not in first:
            first[value] = each.entry
        elif (each.entry, value) not in told:
            again.setdefault((each.entry, first[value]), []).append(value)
    for (entry, other), values in again.items():
        told.update((entry, value) for value in values)
        line = findings.source.mistake(("nodes", other, field), "").line
        where = "is given twice here" if entry == other else f"is already given on line {line}"
        findings.mistake(("nodes", entry, field), f"{fold(values)} {where}: give each node its own")


def _told_apart_by(each: Placed, field: str) -> str:
    node = each.node
    if field == "address" and node.ssh.port != 22:
        return f"{node.address}:{node.ssh.port}"  # forwarded ports, as Vagrant makes them
    return {"name": node.name, "address": node.address, "internal_address": node.internal_address}[field]


def _shared_gpus(placed: Sequence[Placed], findings: Findings) -> None:
    """GPUs are divided or take turns; of both at once pods could not tell what they have."""
    both = {each.node.class_name for each in placed if _is_divided(each) and each.node.expects.time_slicing}
    for name in sorted(filter(None, both)):
        findings.mistake(
            ("classes", name, "time_slicing"), "GPUs that MIG divides take no turns: write mig or time_slicing"
        )


def _is_divided(each: Placed) -> bool:
    return each.node.expects.mig not in (None, "off")


def _networks(placed: Sequence[Placed], network: Network, findings: Findings) -> None:
    both = {"cluster_cidr": network.cluster_cidr, "service_cidr": network.service_cidr}
    if network.cluster_cidr.overlaps(network.service_cidr):
        findings.mistake(
            ("network", _written_last(findings)),
            f"pods ({network.cluster_cidr}) and services ({network.service_cidr}) overlap: write networks apart",
        )
    for field, cidr in both.items():
        _keep_nodes_out(placed, cidr, field, findings)
        if network.vip and IPv4Address(network.vip) in cidr:
            findings.mistake(("network", "vip"), f"{network.vip} lies in network.{field} ({cidr}): write another")


def _written_last(findings: Findings) -> str:
    """The network to blame for an overlap: that of the services, unless only the pods' was written."""
    places = {each: findings.source.mistake(("network", each), "") for each in ("service_cidr", "cluster_cidr")}
    return max(places, key=lambda each: (places[each].line, places[each].column))


def _keep_nodes_out(placed: Sequence[Placed], cidr: IPv4Network, field: str, findings: Findings) -> None:
    low, high = int(cidr.network_address), int(cidr.broadcast_address)
    inside: dict[tuple[int, str], list[str]] = {}
    for each in placed:
        for own in ("address", "internal_address"):
            address = getattr(each.node, own)
            if is_ipv4(address) and low <= int(IPv4Address(address)) <= high:
                inside.setdefault((each.entry, address), []).append(own)
    entries: dict[tuple[int, str], list[str]] = {}
    for (entry, address), owns in inside.items():
        entries.setdefault((entry, owns[0]), []).append(address)
    for (entry, own), addresses in entries.items():
        what = "the pods' network" if field == "cluster_cidr" else "the services' network"
        findings.mistake(
            ("nodes", entry, own),
            f"{fold(addresses)} inside {what} {cidr}: write another network.{field}, apart from the nodes",
        )


def _service_network(network: Network, findings: Findings) -> None:
    if network.service_cidr.prefixlen not in SERVICE_PREFIXES:
        low, high = SERVICE_PREFIXES[0], SERVICE_PREFIXES[-1]
        findings.mistake(
            ("network", "service_cidr"), f"{network.service_cidr} does not serve: write one from /{low} to /{high}"
        )


def _servers(placed: Sequence[Placed], findings: Findings) -> None:
    count = sum(each.node.has(Role.SERVER) for each in placed)
    agent = next((each for each in placed if each.node.has(Role.AGENT)), None)
    if count == 0:
        steps = ("nodes", agent.entry) if agent else ("nodes",)
        what = "is an agent, and no node is a server" if agent else "no node is a server"
        findings.mistake(steps, f"{what}: write roles: [server] at one, three or five nodes")
    elif count % 2 == 0:
        findings.warning(
            ("nodes",),
            f"{count} servers stand no more failures than {count - 1}: write {count - 1} or {count + 1}",
        )


def _room_for_pods(placed: Sequence[Placed], network: Network, k3s: K3s, findings: Findings) -> None:
    cidr = network.cluster_cidr
    count = sum(each.node.in_cluster for each in placed)
    prefix = _node_prefix(k3s)
    room = 2 ** (prefix - cidr.prefixlen) if cidr.prefixlen <= prefix else 0
    if count > room:
        needed = prefix - (count - 1).bit_length()
        findings.mistake(
            ("network", "cluster_cidr"),
            f"{cidr} has room for {room} nodes (a /{prefix} each), and there are {count}: write a /{needed} or larger",
        )


def _node_prefix(k3s: K3s) -> int:
    arguments = k3s.server_config.get("kube-controller-manager-arg", ())
    for argument in arguments if isinstance(arguments, tuple) else (arguments,):
        name, _, value = str(argument).partition("=")
        if name.startswith("node-cidr-mask-size") and value.isdigit():
            return int(value)
    return NODE_PREFIX

"""Differences between nodes that no node can see by itself. Pure: facts in, findings out."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median

from clustr.checks.check import Finding, Severity, State
from clustr.inventory.model import Cluster, Node, Role
from clustr.remote.facts import Facts, Seen

SKEW = 30.0  # seconds: facts are read one node after another, so less says nothing; os.clock is the exact check


@dataclass(frozen=True)
class Trait:
    """Something that should be equal on all nodes of a group, and unlike on none."""

    check: str
    says: str
    fix: str
    value: Callable[[Node, Facts], str]  # "" where the node has none
    group: Callable[[Node], str]


def drift(cluster: Cluster, seen: Seen) -> list[Finding]:
    """A warning for each node that differs from most of its group, shares what must be its own, or is off in time."""
    nodes = [node for node in cluster.nodes if seen.answered(node.name)]
    found = [finding for trait in TRAITS for finding in _odd_ones(trait, nodes, seen)]
    found += _shared("drift.hostname", "host names are unique", nodes, lambda node: seen[node.name].hostname)
    found += _shared("drift.machine-id", "machine ids are unique", nodes, lambda node: seen[node.name].machine_id)
    return found + _skewed(nodes, seen)


def _odd_ones(trait: Trait, nodes: Iterable[Node], seen: Seen) -> list[Finding]:
    groups: dict[str, dict[str, str]] = defaultdict(dict)
    for node in nodes:
        value = trait.value(node, seen[node.name])
        if value:
            groups[trait.group(node)][node.name] = value
    findings = []
    for group, values in groups.items():
        usual, count = Counter(values.values()).most_common(1)[0]
        others = f"{usual} on {count} of {len(values)} {group}"
        findings += [
            _warning(trait.check, trait.says, name, f"{value}; {others}", trait.fix)
            for name, value in values.items()
            if value != usual
        ]
    return findings


def _shared(check: str, says: str, nodes: Iterable[Node], value: Callable[[Node], str]) -> list[Finding]:
    owners: dict[str, list[str]] = defaultdict(list)
    for node in nodes:
        owners[value(node)].append(node.name)
    fix = "give each node its own: systemd-firstboot --force --setup-machine-id, hostnamectl set-hostname; then reboot"
    return [
        _warning(check, says, name, f"{shared} on {', '.join(names)}", fix)
        for shared, names in owners.items()
        if shared and len(names) > 1
        for name in names
    ]


def _skewed(nodes: Iterable[Node], seen: Seen) -> list[Finding]:
    clocks = {node.name: seen[node.name].clock for node in nodes}
    middle = median(clocks.values()) if clocks else 0.0
    says, fix = f"clocks are within {SKEW:g} s of each other", "clustr doctor --only os.clock --limit {node}"
    return [
        _warning("drift.clock", says, name, f"{clock - middle:+.0f} s from the median of {len(clocks)} nodes", fix)
        for name, clock in clocks.items()
        if abs(clock - middle) > SKEW
    ]


def _warning(check: str, says: str, node: str, evidence: str, fix: str) -> Finding:
    fix = fix.replace("{node}", node)
    return Finding(check, says, node, State.WARNING, evidence, fix, Severity.WARNING, "")


def _class(node: Node) -> str:
    return f"nodes of class {node.class_name}" if node.class_name else "nodes without a class"


def _all(node: Node) -> str:
    return "nodes"


def _role(node: Node) -> str:
    return "servers" if node.has(Role.SERVER) else "agents"


def _mtu(node: Node, facts: Facts) -> str:
    at = node.internal_address
    mtus = [each.mtu for each in facts.interfaces if at in (address.partition("/")[0] for address in each.addresses)]
    return f"MTU {mtus[0]}" if mtus and node.in_cluster else ""


TRAITS = (
    Trait(
        "drift.k3s-version",
        "servers, and agents, have one version of k3s",
        "clustr bootstrap --limit {node}",
        lambda node, facts: facts.k3s.version if node.in_cluster else "",
        _role,
    ),
    Trait(
        "drift.os",
        "nodes of a class have one operating system",
        "reinstall {node}, or give it a class of its own in the inventory",
        lambda node, facts: f"{facts.os.id} {facts.os.version}",
        _class,
    ),
    Trait(
        "drift.kernel",
        "nodes of a class run one kernel",
        "update {node} as the others are, and reboot it",
        lambda node, facts: facts.kernel,
        _class,
    ),
    Trait(
        "drift.driver",
        "GPUs of a class have one driver",
        "clustr bootstrap --limit {node}, or give it a class of its own in the inventory",
        lambda node, facts: facts.gpu.loaded.version if facts.gpu.loaded else "",
        _class,
    ),
    Trait(
        "drift.mtu",
        "the cluster's network has one MTU",
        "set the MTU of {node}'s interface to that of the others, or pods' large packets are lost",
        _mtu,
        _all,
    ),
)

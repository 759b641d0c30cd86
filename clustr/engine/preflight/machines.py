"""Which machine is which, by what it says of itself, and what time it is there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from statistics import median_low

from clustr.engine.preflight.findings import Finding, Name, answered
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Facts, Seen

CLOCKS_APART = 30  # seconds from the median; certificates and etcd's leases need clocks that agree
UNNAMED = ("", "(none)", "localhost", "localhost.localdomain")  # of machines that nobody has given a name


def twins(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """One machine under two names, and machines copied with their machine-id."""
    by_id: dict[str, list[Node]] = defaultdict(list)
    for node, facts in answered(cluster, seen):
        by_id[facts.machine_id].append(node)
    for machine_id, (first, *others) in by_id.items():
        if machine_id in ("", "uninitialized"):  # machine-id(5)
            for node in (first, *others):
                yield Finding(Name.NODE_MACHINE_ID, node.name, "has no machine-id", "systemd-machine-id-setup there")
            continue
        for node in others:
            if seen[node.name].boot_id == seen[first.name].boot_id:
                problem, remedy = f"is the same machine as {first.name}", "correct its address in the inventory"
                yield Finding(Name.NODE_SAME_MACHINE, node.name, problem, remedy)
            else:
                problem = f"has the machine-id of {first.name}; it is a copy"
                remedy = "rm /etc/machine-id /var/lib/dbus/machine-id; systemd-machine-id-setup; reboot"
                yield Finding(Name.NODE_MACHINE_ID, node.name, problem, remedy)


def hostnames(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """Two machines of one name: copies, or one by mistake. Names of other nodes are told by `names`."""
    first: dict[str, Node] = {}
    known = {node.name for node in cluster.nodes}
    for node, facts in answered(cluster, seen):
        name = facts.hostname.lower()
        if name in UNNAMED:
            continue
        other = first.setdefault(name, node)
        if other is not node and name not in known and seen[other.name].boot_id != facts.boot_id:
            problem = f"its machine has the name of {other.name}'s, {facts.hostname}"
            remedy = f"look whether its address is right, then: hostnamectl set-hostname {node.name}"
            yield Finding(Name.NODE_HOSTNAME, node.name, problem, remedy)


def names(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """Names of the inventory that are not the machine's.

    clustr names the machine after its node (a line of the plan), so a fresh machine may be called anything. Two names
    tell of a mistake: that of another node, since then addresses are swapped and what one machine holds is taken for
    the other's; and the one under which the cluster knows the machine, since it would join a second time under another.
    """
    known = {node.name for node in cluster.nodes}
    for node, facts in answered(cluster, seen):
        own = {facts.hostname.lower(), facts.hostname.lower().partition(".")[0]}
        if node.name in own:
            continue
        if others := sorted(own & known):
            problem = f"its machine calls itself {others[0]}, as another node of the inventory is called"
            remedy = f"correct the addresses; if it is to be {node.name}: hostnamectl set-hostname {node.name}"
            yield Finding(Name.NODE_NAME, node.name, problem, remedy)
        elif _at_work_as(facts, seen) and not seen.knows(node.name):
            problem = f"the cluster knows its machine as {facts.hostname}"
            yield Finding(Name.NODE_NAME, node.name, problem, f"write name: {facts.hostname} in the inventory")


def _at_work_as(facts: Facts, seen: Seen) -> bool:
    return facts.k3s.agent_data and seen.knows(facts.hostname.lower())


def clocks(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """Nodes are asked one after another, so each clock is compared with this machine's at the same moment."""
    ahead = {node.name: facts.clock - facts.asked for node, facts in answered(cluster, seen)}
    middle = median_low(ahead.values()) if ahead else 0.0
    for name, seconds in ahead.items():
        apart = seconds - middle
        if abs(apart) > CLOCKS_APART:
            problem = f"its clock is {abs(apart):.0f} s {'ahead' if apart > 0 else 'behind'} of the others'"
            yield Finding(Name.TIME_CLOCK, name, problem, "set it: date -u -s '...', or chronyc makestep")

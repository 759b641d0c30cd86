"""Which machine is which, and what time it is there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from statistics import median_low

from clustr.engine.preflight.findings import Finding, Name, answered
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Seen

CLOCKS_APART = 30  # seconds from the median; certificates and etcd's leases need clocks that agree


def twins(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """One machine under two names, and machines copied with their machine-id."""
    by_id: dict[str, list[Node]] = defaultdict(list)
    for node, facts in answered(cluster, seen):
        by_id[facts.machine_id].append(node)
    for machine_id, (first, *others) in by_id.items():
        for node in others if machine_id else ():
            if seen[node.name].boot_id == seen[first.name].boot_id:
                problem, remedy = f"is the same machine as {first.name}", "correct its address in the inventory"
                yield Finding(Name.NODE_SAME_MACHINE, node.name, problem, remedy)
            else:
                problem = f"has the machine-id of {first.name}; it is a copy"
                remedy = "rm /etc/machine-id /var/lib/dbus/machine-id; systemd-machine-id-setup; reboot"
                yield Finding(Name.NODE_MACHINE_ID, node.name, problem, remedy)


def clocks(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    told = list(answered(cluster, seen))
    if not told:
        return
    middle = median_low(facts.clock for _, facts in told)
    for node, facts in told:
        apart = facts.clock - middle
        if abs(apart) > CLOCKS_APART:
            problem = f"its clock is {abs(apart):.0f} s {'ahead' if apart > 0 else 'behind'} of the others'"
            yield Finding(Name.TIME_CLOCK, node.name, problem, "set it: date -u -s '...', or chronyc makestep")

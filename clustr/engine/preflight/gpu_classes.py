"""Whether machines are what their class says, by the PCI bus alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from clustr.engine.preflight.findings import Finding, Name, answered
from clustr.inventory.model import Cluster, Node
from clustr.nvidia.chips import fabric_ports, gpus, ports_of_class
from clustr.remote.facts import Facts, Seen

Slots = Callable[[Node, Facts], tuple[str, ...]]


def gpu_slots(node: Node, facts: Facts) -> tuple[str, ...]:
    return tuple(gpu.device.slot for gpu in gpus(facts))


def port_slots(node: Node, facts: Facts) -> tuple[str, ...]:
    """Of the ports that the class means, as the doctor counts them. Names tell nothing before a driver made them."""
    ports = fabric_ports(facts)
    named = node.rdma_ports if any(port.rdma for port in ports) else ()
    return tuple(port.slot for port in ports_of_class(ports, named))


def counts(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """A GPU that has fallen off the bus leaves no trace there: where it was is known to its class or its siblings."""
    for node, facts in answered(cluster, seen):
        wanted, here = node.expects.gpus or 0, gpu_slots(node, facts)
        if len(here) < wanted:
            usual = node.expects.gpu_slots or _siblings(cluster, seen, node, gpu_slots, wanted)
            problem = f"has {len(here)} GPUs, {_says(node, wanted)}{_missing(usual, here)}"
            remedy = f"power {node.name} off and on; if they stay away, reseat or replace them, or correct its class"
            yield Finding(Name.GPU_COUNT, node.name, problem, remedy)
        wanted, here = node.expects.ib_ports or 0, port_slots(node, facts)
        if len(here) < wanted:
            usual = _siblings(cluster, seen, node, port_slots, wanted)
            problem = f"has {len(here)} ports of the fabric, {_says(node, wanted)}{_missing(usual, here)}"
            remedy = f"power {node.name} off and on; if they stay away, reseat the adapters, or correct its class"
            yield Finding(Name.FABRIC_PORTS, node.name, problem, remedy)


def _says(node: Node, wanted: object) -> str:
    return f"its class {node.class_name} says {wanted}"


def _siblings(cluster: Cluster, seen: Seen, node: Node, slots: Slots, wanted: int) -> Sequence[str]:
    """Where most other nodes of the class have theirs, of those that have all."""
    others = ((other, facts) for other, facts in answered(cluster, seen) if other.class_name == node.class_name)
    whole = Counter(found for other, facts in others if len(found := slots(other, facts)) >= wanted)
    return whole.most_common(1)[0][0] if whole else ()


def _missing(usual: Sequence[str], here: Sequence[str]) -> str:
    away = [slot for slot in usual if slot not in here]
    return f"; missing: {', '.join(away)}" if away else ""


def models(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    for node, facts in answered(cluster, seen):
        wanted = node.expects.model
        odd = [gpu for gpu in gpus(facts) if wanted and gpu.chip and not gpu.chip.is_a(wanted)]
        if odd:
            kinds = Counter(gpu.chip.model for gpu in odd if gpu.chip)
            found = ", ".join(f"{count} {model}" for model, count in kinds.items())
            problem = f"has {found} ({odd[0].device.slot}), {_says(node, wanted)}"
            yield Finding(Name.GPU_MODEL, node.name, problem, f"give {node.name} another class, or correct its model")

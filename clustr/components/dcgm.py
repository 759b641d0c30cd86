"""DCGM and its exporter as services of the host: what GPUs have to tell Prometheus, on the internal address.

Where the driver's repository has no DCGM (Debian 13, Ubuntu's and Debian's own archives), a node has neither.
Sources: DCGM documentation, "Getting Started" (docs.nvidia.com/datacenter/dcgm/latest) for packages and services;
dcgm-exporter's packaging/config-files/systemd for its unit, its release notes of 4.9.0 for names and units.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from clustr.engine.goal import Goal
from clustr.engine.makers import file, packages, service, step
from clustr.families import family
from clustr.inventory.model import Cluster, Node
from clustr.nvidia.chips import gpus
from clustr.nvidia.choice import Choice, choose
from clustr.nvidia.packages import dcgm_packages
from clustr.ports import DCGM_EXPORTER
from clustr.remote.facts import Facts, Seen
from clustr.templates import render, text

UNIT = "nvidia-dcgm.service"
PARTS = "datacenter-gpu-manager-4"
EXPORTER = "datacenter-gpu-manager-exporter"
EXPORTER_UNIT = "nvidia-dcgm-exporter.service"
FOLDER = "/etc/dcgm-exporter"
COUNTERS = f"{FOLDER}/clustr.csv"  # a link to the list in the words of the exporter that is installed
SINCE = ("4.8", "4.9")  # 4.9 renamed 23 metrics and labels and changed eleven units


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    facts = seen[node.name]
    names = packages_of(node, facts)
    if not cluster.dcgm.enabled or not names:
        return
    manager = family(facts).manager
    yield step(
        "no DCGM of before version 4",
        probe="dcgm_probe_old",
        wanted="none",
        apply="dcgm_remove_old",
        manager=manager,
    )
    yield packages(manager, (*names, EXPORTER), hold=True, label="packages of DCGM")
    yield from _counters()
    content = render("dcgm/exporter.conf", counters=COUNTERS, address=f"{node.internal_address}:{DCGM_EXPORTER}")
    drop_in = file(f"/etc/systemd/system/{EXPORTER_UNIT}.d/40-clustr.conf", content)
    yield drop_in
    yield from service(UNIT)
    yield from service(EXPORTER_UNIT, [drop_in])


def runs_on(cluster: Cluster, node: Node, seen: Seen) -> bool:
    """Whether the node has an exporter; one that does not answer is taken for what its class says."""
    if not cluster.dcgm.enabled:
        return False
    if not seen.answered(node.name):
        return bool(node.expects.gpus)
    return bool(packages_of(node, seen[node.name]))


def packages_of(node: Node, facts: Facts) -> tuple[str, ...]:
    """DCGM's packages for the node's driver; () where it has no GPU, or the driver's repository has none.

    NVIDIA's guide has apt install what they recommend: the proprietary parts, without which there are no profiling
    metrics. All are named, since all are held.
    """
    chosen = choose(node, facts)
    found = dcgm_packages(chosen, gpus(facts)) if isinstance(chosen, Choice) else ()
    if not found:
        return ()
    profiling = tuple(name.replace(PARTS, f"{PARTS}-proprietary") for name in found)
    return (f"{PARTS}-core", *found, f"{PARTS}-proprietary", *profiling)


def _counters() -> Iterator[Goal]:
    """Both lists, and the one that the installed exporter understands; what it does not know it leaves out."""
    for version in SINCE:
        yield file(f"{FOLDER}/clustr-{version}.csv", text(f"dcgm/counters-{version}.csv"))
    yield step(
        "counters of the exporter's version",
        probe="dcgm_probe_counters",
        wanted="in use",
        apply="dcgm_apply_counters",
        undo=f"rm -f -- {COUNTERS}",
    )

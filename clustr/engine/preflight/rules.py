"""Every rule, in the order in which their findings are told."""

from __future__ import annotations

from clustr.engine.preflight import gpu, gpu_classes, gpu_cluster
from clustr.engine.preflight.cluster import founding, rejoining, two_clusters, versions
from clustr.engine.preflight.findings import Finding, Rule
from clustr.engine.preflight.kernel import cgroup_controllers, cgroup_version, kernel_modules, swap
from clustr.engine.preflight.machines import clocks, hostnames, names, twins
from clustr.engine.preflight.network import addresses, resolvers, same_addresses
from clustr.engine.preflight.ports import taken_ports
from clustr.engine.preflight.reach import reached
from clustr.engine.preflight.remains import remains
from clustr.engine.preflight.sources import mirrors
from clustr.engine.preflight.system import runtime, size, system
from clustr.inventory.model import Cluster
from clustr.remote.facts import Seen

RULES: tuple[Rule, ...] = (
    system,
    cgroup_version,
    cgroup_controllers,
    kernel_modules,
    swap,
    runtime,
    size,
    gpu_classes.counts,
    gpu_classes.models,
    gpu.refusals,
    gpu.preinstalled,
    gpu.signed_modules,
    gpu.headers,
    gpu.dkms,
    gpu.boot_full,
    gpu.others_driver,
    gpu.candidates,
    gpu.mixed_sources,
    gpu.mig_profiles,
    gpu.fabric_stack,
    gpu.secure_fabric,
    gpu_cluster.runtimes,
    gpu_cluster.toolkit_left,
    twins,
    hostnames,
    names,
    addresses,
    same_addresses,
    clocks,
    taken_ports,
    remains,
    resolvers,
    mirrors,
    reached,
    founding,
    rejoining,
    two_clusters,
    versions,
    gpu_cluster.device_plugins,
    gpu_cluster.operator_driver,
)


def preflight(cluster: Cluster, seen: Seen) -> tuple[Finding, ...]:
    """Everything that stands in the way, all at once. Nodes that do not answer are told by `silence`."""
    return tuple(finding for rule in RULES for finding in rule(cluster, seen))

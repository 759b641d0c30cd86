"""What the kernel has to have: cgroup controllers, modules, and memory enough to do without swap."""

from __future__ import annotations

from collections.abc import Iterator

from clustr.components.base_os import MODULES
from clustr.components.k3s import refuses_cgroup_v1
from clustr.engine.preflight.findings import Finding, Name, answered, unknown
from clustr.families import known
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Facts, Seen

# What the kubelet sets limits with, https://kubernetes.io/docs/concepts/architecture/cgroups/; without memory it does
# not start (https://docs.k3s.io/installation/requirements, "Raspberry Pi").
CONTROLLERS = frozenset(("cpu", "cpuset", "memory", "pids"))


def cgroup_version(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """KEP-5573: from Kubernetes 1.35 on a kubelet does not start on cgroup v1."""
    if cluster.k3s.allow_cgroup_v1 or not refuses_cgroup_v1(cluster):
        return
    for node, facts in answered(cluster, seen):
        if node.in_cluster and facts.cgroup == 1:
            problem = f"has cgroup v1, on which the kubelet of {cluster.k3s.version} does not start"
            remedy = "boot it with systemd.unified_cgroup_hierarchy=1, or set k3s.allow_cgroup_v1: true"
            yield Finding(Name.OS_CGROUP_V1, node.name, problem, remedy)


def cgroup_controllers(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    for node, facts in answered(cluster, seen):
        if not node.in_cluster:
            continue
        if facts.controllers is None:
            file = "/sys/fs/cgroup/cgroup.controllers" if facts.cgroup == 2 else "/proc/cgroups"
            why = f"{file} names none"
            yield unknown(node, "the cgroup controllers", why, "boot a kernel with cgroups, or mount /sys/fs/cgroup")
            continue
        missing = sorted(CONTROLLERS - facts.controllers.on)
        off = facts.controllers.switched_off & frozenset(missing)
        if missing:
            problem = f"has no cgroup controller {', '.join(missing)}"
            named = f"take cgroup_disable={','.join(sorted(off))} out of its kernel command line"
            remedy = named if off else "boot a kernel that has it; on a Raspberry Pi: cgroup_enable=memory"
            yield Finding(Name.OS_CGROUP_CONTROLLERS, node.name, problem, remedy)


def kernel_modules(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """Of the kernel that will run: the boot loader's default, which need not be the running one.

    Where clustr installs the packages that hold the rest of a kernel's modules, their goals tell what is missing.
    """
    for node, facts in answered(cluster, seen):
        names = known(facts.os)
        if names and names.kernel_packages:
            continue
        there, sure = _modules(facts)
        lacking = [name for name in _needed(cluster, node) if name not in there]
        unsure = [name for name in lacking if not sure or name in facts.unknown_modules]
        missing = [name for name in lacking if name not in unsure]
        if missing:
            problem = f"its kernel {facts.next_kernel} has no module {', '.join(missing)}, and not built in either"
            remedy = "install the package with the rest of that kernel's modules, or boot another kernel"
            yield Finding(Name.OS_KERNEL_MODULES, node.name, problem, remedy)
        if unsure:
            why = f"/lib/modules/{facts.next_kernel} has no modules.dep"
            remedy = f"run depmod {facts.next_kernel} there"
            yield unknown(node, f"whether its kernel has {', '.join(unsure)}", why, remedy)


def _needed(cluster: Cluster, node: Node) -> tuple[str, ...]:
    backend = cluster.k3s.server_config.get("flannel-backend", "vxlan")
    vxlan = node.in_cluster and cluster.network.cni == "flannel" and backend == "vxlan"
    return (*MODULES, "vxlan") if vxlan else tuple(MODULES)


def _modules(facts: Facts) -> tuple[frozenset[str], bool]:
    """What is known to be there, and whether that is all that there is.

    What works on the running kernel says nothing of another. A running kernel without a folder of modules can load
    none, so what does not work there is not there.
    """
    listed = next((kernel.modules for kernel in facts.kernels if kernel.release == facts.next_kernel), None)
    if facts.next_kernel != facts.kernel:
        return listed or frozenset(), listed is not None
    return facts.working_modules | (listed or frozenset()), True


def swap(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """clustr switches swap off, and what lies in it has to fit into memory then (swapoff(2), ENOMEM)."""
    for node, facts in answered(cluster, seen):
        used = sum(each.used for each in facts.swaps) // 1024
        if used > facts.memory_free_mb:
            problem = f"{used} MB lie in its swap and {facts.memory_free_mb} MB of memory are free: it cannot go off"
            yield Finding(Name.OS_SWAP, node.name, problem, "stop what fills the memory, or give it more")

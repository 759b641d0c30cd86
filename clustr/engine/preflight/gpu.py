"""What keeps NVIDIA's driver off a node: its chips, kernels, firmware and /boot, and a driver of somebody else's.

What can be chosen at all is decided by clustr.nvidia.choice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from clustr.components import mig, rdma
from clustr.engine.preflight.driver_makers import ANOTHER, WHOSE, branch_of, maker_of
from clustr.engine.preflight.findings import Finding, Name, answered
from clustr.families import Manager, known
from clustr.inventory.gpu import RdmaStack, Source
from clustr.inventory.model import Cluster, Node
from clustr.nvidia.chips import gpus
from clustr.nvidia.choice import Choice, Refusal, Why, choose
from clustr.nvidia.kernel import as_it_will_run, is_installed
from clustr.nvidia.packages import driver_packages, headers_packages
from clustr.remote.facts import Facts, Former, Seen
from clustr.remote.gpu_facts import Candidate, ModuleOnDisk, ModuleOwner

SHOWN = 4  # packages of a list
# update-initramfs and dracut write the new initramfs beside the old one before they put it in its place; the driver's
# modules and nouveau's absence make it another size, so some room is left for that.
INITRAMFS_GROWTH_MB = 100
# Sources of their own in distributions, which follow no branch (packages.debian.org).
TOOLS = frozenset(("nvidia-modprobe", "nvidia-persistenced"))
REFUSED = {
    Why.UNKNOWN_CHIP: Name.GPU_UNKNOWN_CHIP,
    Why.BRANCH: Name.GPU_BRANCH,
    Why.MODULES: Name.GPU_MODULES,
    Why.SECURE_BOOT: Name.GPU_SECURE_BOOT,
    Why.SYSTEM: Name.GPU_SYSTEM,
}


def with_gpus(cluster: Cluster, seen: Seen) -> Iterator[tuple[Node, Facts]]:
    """The nodes with GPUs of NVIDIA's, of systems that clustr knows: any other system is a finding of its own."""
    return ((node, facts) for node, facts in answered(cluster, seen) if known(facts.os) and gpus(facts))


def _chosen(cluster: Cluster, seen: Seen) -> Iterator[tuple[Node, Facts, Choice]]:
    """Those that clustr brings a driver to, with the kernel that they are to run."""
    for node, found in with_gpus(cluster, seen):
        facts = as_it_will_run(node, found)
        choice = choose(node, facts)
        if isinstance(choice, Choice) and choice.source is not Source.PREINSTALLED:
            yield node, facts, choice


def refusals(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """No driver can be chosen: each refusal of clustr.nvidia.choice says why, and what can be had instead."""
    for node, facts in with_gpus(cluster, seen):
        refused = choose(node, facts)
        if isinstance(refused, Refusal):
            yield Finding(REFUSED[refused.why], node.name, refused.problem, refused.remedy)


def preinstalled(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """A driver that clustr does not touch has to be there, also for the kernel that the next boot starts."""
    for node, facts in with_gpus(cluster, seen):
        if node.driver.source is not Source.PREINSTALLED:
            continue
        gpu, kernels = facts.gpu, {module.kernel for module in facts.gpu.modules}
        if gpu.loaded is None and not gpu.modules:
            problem = "driver.source is preinstalled, and no driver is there"
            remedy = "install one there, or set driver.source: nvidia and leave it to clustr"
            yield Finding(Name.GPU_MISSING_DRIVER, node.name, problem, remedy)
        elif kernels and facts.next_kernel not in kernels:
            yield _no_module(node, facts, f"dkms autoinstall -k {facts.next_kernel} there, or boot another kernel")


def signed_modules(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """Signed modules are made for one kernel each: one that is newer than they are boots without GPUs."""
    for node, facts, choice in _chosen(cluster, seen):
        if not choice.signed or any(module.kernel == facts.next_kernel for module in facts.gpu.modules):
            continue
        if not is_installed(facts):
            continue  # what there is for a kernel that the inventory brings is told by the package manager
        found = candidate_versions(facts)
        wanted = [name for name in driver_packages(choice, facts.next_kernel) if name.endswith(facts.next_kernel)]
        if found and any(name not in found for name in wanted):
            yield _no_module(
                node, facts, f"boot a kernel that {wanted[0].removesuffix(facts.next_kernel)}* is made for"
            )


def _no_module(node: Node, facts: Facts, remedy: str) -> Finding:
    problem = f"its next boot starts kernel {facts.next_kernel}, which has no module of the driver"
    return Finding(Name.GPU_KERNEL, node.name, problem, remedy)


def headers(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """DKMS builds for the kernel that will run (dkms(8)); archives drop headers of kernels that they have replaced."""
    for node, facts, choice in _chosen(cluster, seen):
        if choice.signed or facts.next_kernel in facts.gpu.headers:
            continue
        found = candidate_versions(facts)
        lacking = [name for name in headers_packages(choice, facts.next_kernel) if found.get(name) == ""]
        if lacking:
            problem = f"no headers are to be had for its kernel {facts.next_kernel} ({', '.join(lacking)})"
            remedy = f"{newest_kernel(facts)} there, then boot the kernel that this brings"
            yield Finding(Name.GPU_HEADERS, node.name, problem, remedy)


def newest_kernel(facts: Facts) -> str:
    """The command that brings the newest kernel with its headers to a node whose kernels are held. The flavour is the
    end of a release: 6.1.0-57-cloud-amd64, 6.12.41+deb13-amd64, 6.8.0-51-generic."""
    names = known(facts.os)
    if names and names.manager is Manager.DNF:
        return "dnf --disableplugin=versionlock upgrade 'kernel*'"
    found = re.fullmatch(r"[^-]+-(?:\d+-)?([a-z].*)", facts.next_kernel)
    flavour = found[1] if found else "FLAVOUR"
    install = "apt-get install --allow-change-held-packages"
    return f"apt-get update && {install} linux-image-{flavour} linux-headers-{flavour}"


def dkms(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """DKMS is in EPEL; RHEL, unlike what is built from its sources, has no package that brings EPEL
    (https://docs.fedoraproject.org/en-US/epel/getting-started/)."""
    for node, facts, _ in _chosen(cluster, seen):
        if facts.os.id != "rhel" or candidate_versions(facts).get("dkms") != "":
            continue
        version = facts.os.version.partition(".")[0]
        remedy = (
            f"subscription-manager repos --enable codeready-builder-for-rhel-{version}-{facts.architecture}-rpms; dnf "
            f"install https://dl.fedoraproject.org/pub/epel/epel-release-latest-{version}.noarch.rpm there"
        )
        yield Finding(Name.GPU_DKMS, node.name, "none of its repositories has dkms, which builds the modules", remedy)


def boot_full(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """Of nodes whose driver has still to come, or to change its branch."""
    for node, facts, choice in _chosen(cluster, seen):
        free, old = facts.gpu.boot_free_mb, facts.gpu.initrd_mb
        needed = old + INITRAMFS_GROWTH_MB
        if free is None or free >= needed or _is_there(facts, choice):
            continue
        why = f"a new initramfs is written beside the old one, which has {old} MB, and may be larger"
        problem = f"{free} MB are free in /boot; {needed} are needed: {why}"
        remedy = "remove kernels that are no longer used (apt-get autoremove --purge, dnf remove --oldinstallonly)"
        yield Finding(Name.GPU_BOOT_FULL, node.name, problem, remedy)


def _is_there(facts: Facts, choice: Choice) -> bool:
    return facts.gpu.loaded is not None and branch_of(facts.gpu.loaded.version) == choice.branch


def others_driver(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """A driver that no package manager knows would be loaded in place of the packages', or mixed with it."""
    for node, facts in with_gpus(cluster, seen):
        if node.driver.source is Source.PREINSTALLED:
            continue
        if facts.gpu.owner is ModuleOwner.RUNFILE:
            problem = "has a driver of NVIDIA's .run installer, which packages cannot replace"
            remedy = "nvidia-uninstall --silent there, then reboot it; or set driver.source: preinstalled to keep it"
            yield Finding(Name.GPU_RUNFILE, node.name, problem, remedy)
        elif unowned := [module for module in facts.gpu.modules if _is_nobodys(module, facts)]:
            problem = f"has a module of driver {unowned[0].version} that no package brought, and that none can replace"
            remedy = (
                "remove the file that modinfo -n nvidia names there (dkms remove, where dkms status has it), "
                "depmod -a, then reboot it; or set driver.source: preinstalled to keep it"
            )
            yield Finding(Name.GPU_RUNFILE, node.name, problem, remedy)
        told = any(each.of is Former.GPU_OPERATOR for each in facts.remains)  # remains.gpu-operator says it
        if facts.gpu.owner is ModuleOwner.GPU_OPERATOR and not told:
            problem = "its driver is the GPU Operator's, in a container (/run/nvidia/driver)"
            remedy = "set driver.enabled: false in the operator's ClusterPolicy, then reboot the node"
            yield Finding(Name.GPU_OPERATOR_DRIVER, node.name, problem, remedy)


def _is_nobodys(module: ModuleOnDisk, facts: Facts) -> bool:
    """Built by hand, or left by a .run installer whose uninstaller is gone; of the kernel that will run."""
    return module.owner is ModuleOwner.UNKNOWN and module.kernel == facts.next_kernel


def candidates(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """Distributions turn old branches into empty packages that bring a newer one (Canonical: nvidia-driver-550-server
    installs 570; https://github.com/dstackai/dstack/pull/3967). What is installed and held stays."""
    for node, facts, choice in _chosen(cluster, seen):
        if choice.source is not Source.DISTRO:
            continue
        here = {each.name: each.version for each in facts.gpu.packages}
        wanted = {*driver_packages(choice, facts.next_kernel)} - TOOLS
        for each in sorted(facts.gpu.candidates, key=lambda candidate: candidate.name):
            offered = branch_of(each.version)
            if each.name not in wanted or offered == 0 or branch_of(here.get(each.name, "")) == choice.branch:
                continue
            if maker_of(each.name, each.version, each.origin, facts) not in (Source.DISTRO, None):
                yield _offered_by_another(node, each)
                break
            if offered != choice.branch:
                problem = f"{facts.os.name} has {each.name} {each.version}, which is not of branch {choice.branch}"
                remedy = f'set driver.branch: "{offered}", or source: nvidia'
                yield Finding(Name.GPU_CANDIDATE, node.name, problem, remedy)
                break


def _offered_by_another(node: Node, candidate: Candidate) -> Finding:
    """A source that is there, and of which nothing is installed yet: apt would take the driver from it."""
    offer = f"{candidate.name} {candidate.version}, which its source {candidate.origin} offers"
    problem = f"would get {offer}, and driver.source is distro"
    remedy = "remove that source (apt-cache policy names it) there, apt-get update; or set driver.source: nvidia"
    return Finding(Name.GPU_MIXED_SOURCES, node.name, problem, remedy)


def mixed_sources(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """Parts of two makers overwrite each other's files and conflict at the next upgrade (DeepOps, azhpc-images and
    nvidia-converge each choose one)."""
    for node, facts, choice in _chosen(cluster, seen):
        made = {each.name: maker_of(each.name, each.version, each.origin, facts) for each in facts.gpu.packages}
        odd = {name: maker for name, maker in sorted(made.items()) if maker not in (None, choice.source)}
        if odd:
            more = f" and {len(odd) - SHOWN} more" if len(odd) > SHOWN else ""
            makers = list(dict.fromkeys(odd.values()))
            names = known(facts.os)
            purge = "dnf remove" if names and names.manager is Manager.DNF else "apt-get purge"
            whose = " and ".join(WHOSE[maker] for maker in makers if maker)
            problem = f"has {whose} packages {', '.join([*odd][:SHOWN])}{more}, and driver.source is {choice.source}"
            remedy = f"{purge} {' '.join(odd)} there, then reboot it"
            keep = f"; or set driver.source: {makers[0]}" if len(makers) == 1 and ANOTHER not in makers else ""
            yield Finding(Name.GPU_MIXED_SOURCES, node.name, problem, remedy + keep)


def mig_profiles(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """What nvidia-smi would refuse only once the node is drained and the GPU is in MIG mode."""
    for node, facts in with_gpus(cluster, seen):
        if refused := mig.refusal(node, facts):
            yield Finding(Name.GPU_MIG, node.name, *refused)


def fabric_stack(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """Whose modules drive the fabric: components/rdma.py says what cannot be had here."""
    for node, facts in answered(cluster, seen):
        if known(facts.os) and (refused := rdma.refusal(node, facts)):
            yield Finding(Name.FABRIC_STACK, node.name, *refused)


def secure_fabric(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """From DOCA 3.2 on its modules come by DKMS alone, and unsigned (support page of DOCA 3.2.1)."""
    for node, facts in answered(cluster, seen):
        if node.rdma and node.rdma.stack is RdmaStack.DOCA and facts.gpu.secure_boot:
            problem = "Secure Boot is on, and DOCA's modules are built by DKMS: none of them would be loaded"
            remedy = "set rdma.stack: inbox, whose modules come signed with the kernel; or switch Secure Boot off"
            yield Finding(Name.FABRIC_SECURE_BOOT, node.name, problem, remedy)


def candidate_versions(facts: Facts) -> dict[str, str]:
    return {candidate.name: candidate.version for candidate in facts.gpu.candidates}

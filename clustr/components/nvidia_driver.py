"""NVIDIA's driver: from its own repository, the distribution's, or there already and left alone.

What a node gets is clustr.nvidia's to choose; here it becomes goals. Sources: NVIDIA's driver installation guide
(https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/), "Version locking" for the pinning packages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from shlex import quote

from clustr.components import vendor
from clustr.components.gpu_reload import USES, driver_in_kernel
from clustr.engine.goal import Disrupts, Goal
from clustr.engine.makers import REMOVES, file, packages, service, step
from clustr.errors import PreflightError
from clustr.families import Manager, family
from clustr.inventory.gpu import Source
from clustr.inventory.model import Cluster, Node
from clustr.nvidia import packages as names
from clustr.nvidia.branches import COHERENT_MEMORY_MODE
from clustr.nvidia.chips import board, gpus
from clustr.nvidia.choice import Choice, Refusal, choose
from clustr.nvidia.kernel import as_it_will_run
from clustr.remote.facts import Facts, Seen
from clustr.templates import text

PERSISTENCED = "nvidia-persistenced.service"
# The driver's modules, or what a package of Debian's depends on, are in these
# (https://wiki.debian.org/NvidiaGraphicsDrivers; https://help.ubuntu.com/community/Repositories/Ubuntu).
DEBIAN_COMPONENTS = "contrib non-free non-free-firmware"
UBUNTU_COMPONENTS = "restricted"


@dataclass(frozen=True)
class Wanted:
    """A choice, on a machine."""

    choice: Choice
    facts: Facts
    manager: Manager

    @property
    def kernel(self) -> str:
        """The one that will run: in a machine that waits for its boot, uname names another."""
        return self.facts.next_kernel or self.facts.kernel

    @property
    def packages(self) -> tuple[str, ...]:
        """The driver's, and those of the fabric manager, which has to be of the driver's very version."""
        fabric = names.fabric_manager_packages(self.choice, board(self.facts), self.kernel)
        return (*names.driver_packages(self.choice, self.kernel), *fabric)


def chosen(node: Node, facts: Facts) -> Choice | None:
    """The driver that clustr puts on a node; None where it has no GPU, or a driver that is left alone.

    Raises PreflightError where none can be given to it.
    """
    if not gpus(facts):
        return None
    found = choose(node, facts)
    if isinstance(found, Refusal):
        raise PreflightError(found.problem, found.remedy, node=node.name)
    return None if found is None or found.source is Source.PREINSTALLED else found


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    facts = as_it_will_run(node, seen[node.name])
    choice = chosen(node, facts)
    if choice is None:
        return
    wanted = Wanted(choice, facts, family(facts).manager)
    yield from _sources(cluster, node, seen, wanted)
    yield from _kernel(node, wanted)
    yield from _without_nouveau(wanted)
    yield from _options(wanted)
    if not choice.signed:
        yield from _what_builds(wanted)
    yield _driver(wanted)
    yield from _in_kernel(wanted)
    yield from _kernel_runs(node, wanted)
    yield from _persistenced(wanted)


def _sources(cluster: Cluster, node: Node, seen: Seen, wanted: Wanted) -> Iterator[Goal]:
    components = _components(wanted)
    if components:
        yield step(
            "components of the distribution's packages",
            probe=f"nvidia_driver_probe_components {quote(components)}",
            wanted=components,
            apply=f"nvidia_driver_apply_components {quote(components)}",
            undo="rm -f -- /etc/apt/sources.list.d/clustr-components.sources",
            manager=wanted.manager,
            uses=("nvidia_driver/apt.sh",),
        )
    if wanted.choice.source is Source.NVIDIA:
        yield from vendor.goals(cluster, node, seen, repository(wanted.choice))
        if wanted.facts.os.id == "ubuntu":
            yield file("/etc/apt/preferences.d/clustr-nvidia", text("nvidia_driver/preferences"))


def _components(wanted: Wanted) -> str:
    """NVIDIA's packages for Debian depend on some of contrib (driver installation guide, "Debian")."""
    if wanted.manager is not Manager.APT:
        return ""
    if wanted.facts.os.id == "ubuntu":
        return UBUNTU_COMPONENTS if wanted.choice.source is Source.DISTRO else ""
    return DEBIAN_COMPONENTS if wanted.choice.source is Source.DISTRO else "contrib"


def repository(choice: Choice) -> vendor.Repository:
    """NVIDIA's repository for the system, by the support table."""
    cell = choice.cell
    if cell is None:
        raise ValueError("a driver that is there already has no repository")
    return vendor.Repository(vendor.NVIDIA, cell.repository, cell.key_url, cell.fingerprint, title="NVIDIA CUDA")


def _kernel(node: Node, wanted: Wanted) -> Iterator[Goal]:
    """With its headers, before anything is built for it; the driver's step then holds them with the rest."""
    if node.driver.kernel is not None:
        found = names.kernel_packages(wanted.choice, wanted.kernel)
        headers = names.headers_packages(wanted.choice, wanted.kernel)
        yield packages(wanted.manager, (*found, *headers), label=f"kernel {wanted.kernel}")


def _kernel_runs(node: Node, wanted: Wanted) -> Iterator[Goal]:
    """After its module: a boot loader that starts another kernel shows here, and the node is not given back."""
    if node.driver.kernel is not None:
        yield step(
            "kernel that runs",
            probe="uname -r",
            wanted=wanted.kernel,
            apply=":",
            disrupts=Disrupts.REBOOT,
            note=f"reboots: into the kernel {wanted.kernel}",
        )


def _without_nouveau(wanted: Wanted) -> Iterator[Goal]:
    yield file("/etc/modprobe.d/clustr-nouveau.conf", text("nvidia_driver/nouveau.conf"))
    if wanted.manager is Manager.DNF:
        yield file("/etc/dracut.conf.d/clustr-nouveau.conf", text("nvidia_driver/dracut.conf"))
    kernel = quote(wanted.kernel)
    yield step(
        "nouveau in the initramfs",
        probe=f"nvidia_driver_probe_initramfs {kernel}",
        wanted="without nouveau",
        apply=f"nvidia_driver_apply_initramfs {kernel}",
    )


def _keeps_coherent_memory(wanted: Wanted) -> bool:
    """Kubernetes does not know a GPU's memory that shows up as the system's own: NVIDIA's "Understanding Memory
    Management on Hardware-Coherent Platforms" (developer.nvidia.com/blog), GH200 and GB200."""
    coherent = any(each.chip and each.chip.coherent for each in gpus(wanted.facts))
    return coherent and wanted.choice.branch >= COHERENT_MEMORY_MODE


def _options(wanted: Wanted) -> Iterator[Goal]:
    if _keeps_coherent_memory(wanted):
        yield file("/etc/modprobe.d/clustr-nvidia.conf", text("nvidia_driver/coherent.conf"))


def _what_builds(wanted: Wanted) -> Iterator[Goal]:
    """DKMS, which is in EPEL for what is built from RHEL's sources (driver installation guide, "Preparation"), and the
    headers of the one kernel that modules are built for."""
    if wanted.facts.os.id in ("rocky", "almalinux"):
        yield packages(wanted.manager, ("epel-release",), label="package epel-release, whose repository has dkms")
    headers = names.headers_packages(wanted.choice, wanted.kernel)
    yield packages(wanted.manager, ("dkms", *headers), label="DKMS and kernel headers")


def _driver(wanted: Wanted) -> Goal:
    choice, facts, kernel = wanted.choice, wanted.facts, quote(wanted.kernel)
    words = " ".join(map(quote, wanted.packages))
    if wanted.manager is Manager.APT:
        first = quote(names.pinning_package(choice))
        probe = f"nvidia_driver_probe_apt {choice.branch} {kernel} {first} {words}"
        apply = f"nvidia_driver_apply_apt {choice.branch} {kernel} {first} {words}"
    else:
        first, lock = quote(names.module_stream(choice)), quote(names.version_lock(choice))
        probe = f"nvidia_driver_probe_dnf {choice.branch} {kernel} {first} {words}"
        apply = f"nvidia_driver_apply_dnf {choice.branch} {kernel} {first} {lock} {words}"
    return step(
        "driver",
        probe=probe,
        wanted=f"{choice.branch}, held",
        apply=apply,
        undo=f"# stays: {REMOVES[wanted.manager]} {words}",
        disrupts=Disrupts.WORKLOADS if _replaces(choice, facts) else Disrupts.NOTHING,
        manager=wanted.manager,
        uses=(*USES, f"nvidia_driver/{wanted.manager}.sh"),
        note=choice.note,
    )


def _replaces(choice: Choice, facts: Facts) -> bool:
    """Whether libraries change under a module that is loaded: programs that start then find another version there."""
    loaded = facts.gpu.loaded
    return loaded is not None and (loaded.version.partition(".")[0] != str(choice.branch) or loaded.open != choice.open)


def _in_kernel(wanted: Wanted) -> Iterator[Goal]:
    facts, choice = wanted.facts, wanted.choice
    installed = {kernel.release for kernel in facts.kernels}
    waits = facts.kernel in installed and facts.kernel != wanted.kernel
    boot_for = f"the kernel {wanted.kernel} comes with it" if waits else ""
    loaded = driver_in_kernel(facts, version=str(choice.branch), open=choice.open, boot_for=boot_for)
    yield loaded
    if _keeps_coherent_memory(wanted):
        yield replace(
            loaded,
            name="mode of the GPUs' coherent memory",
            probe="nvidia_driver_probe_option CoherentGPUMemoryMode driver",
            wanted="driver",
        )


def _persistenced(wanted: Wanted) -> Iterator[Goal]:
    """Keeps the driver's state while nobody uses a GPU. Ubuntu's unit is told not to, and stops when nobody asks for it
    (nvidia-compute-utils, nvidia-persistenced.service)."""
    own: list[Goal] = []
    if wanted.facts.os.id == "ubuntu":
        own.append(
            file(f"/etc/systemd/system/{PERSISTENCED}.d/40-clustr.conf", text("nvidia_driver/persistenced.conf"))
        )
    yield from own
    drop_in, at_boot, runs = service(PERSISTENCED, own)
    yield drop_in
    yield replace(at_boot, apply=f"nvidia_driver_apply_at_boot {PERSISTENCED}")
    yield runs

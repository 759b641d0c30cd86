"""A node with GPUs as it looks when it is asked once: its bus, its driver, what is installed of it, what is on disk."""

from __future__ import annotations

import re
from base64 import b64decode
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clustr.checks.backend import Host
from clustr.checks.check import CouldNotLook, DoesNotApply
from clustr.inventory.gpu import Source
from clustr.inventory.model import Cluster, Node
from clustr.nvidia.chips import Gpu, gpus
from clustr.remote.boot_loader import next_kernel
from clustr.remote.facts import PciDevice
from clustr.templates import text

VERSION = re.compile(r"(?<!\d)\d{3}(?:\.\d+)+")  # of a driver: 580.95.05; packages' epochs and revisions are around it


@dataclass(frozen=True)
class GpuNode:
    pci: tuple[PciDevice, ...]
    loaded: str  # version of the module in the kernel, "" for none
    nouveau: bool
    files: frozenset[str]  # of /dev: nvidia0, nvidiactl, nvidia-uvm
    libraries: tuple[str, ...]  # versions of libnvidia-ml
    cdi: Mapping[str, frozenset[str]]  # device files of each CDI spec, and versions of its libraries, by its path
    modules: Mapping[str, str]  # versions on disk, by kernel
    next_kernel: str
    packages: Mapping[str, str]  # versions of packages that have the driver's version
    free: frozenset[str]  # those of them that are not held
    bridges: Mapping[str, str]  # above the GPUs: whether each redirects requests between them: on, off, unknown
    dra: bool  # a driver of dynamic resource allocation hands the GPUs out

    @property
    def gpus(self) -> tuple[Gpu, ...]:
        return gpus(self)


def may_have_gpus(cluster: Cluster, node: Node) -> str | None:
    """Whether there are GPUs is told by the node; its class can only say that there are none."""
    return "its class has no GPUs" if node.expects.gpus == 0 else None


def with_clustrs_driver(cluster: Cluster, node: Node) -> str | None:
    if node.driver.source is Source.PREINSTALLED:
        return "its driver is left alone (driver.source: preinstalled)"
    return may_have_gpus(cluster, node)


def script() -> str:
    return text("remote/gpu_bridges.sh") + text("checks/gpu.sh")


def machine(host: Host) -> GpuNode:
    """Also of a node without GPUs."""
    lines = host.check_output(script()).splitlines()
    if not lines or lines[-1] != "end":
        raise CouldNotLook("the node did not tell what is on its bus")
    told: dict[str, list[list[str]]] = defaultdict(list)
    for line in lines:
        word, *words = line.split()
        told[word].append(words)
    packages = {
        words[0]: (found[0], words[2])
        for words in told["package"]
        if len(words) == 3 and (found := VERSION.search(words[1]))
    }
    return GpuNode(
        pci=tuple(_device(words) for words in told["pci"] if len(words) == 7),
        loaded=_version(told["loaded"]),
        nouveau="nouveau" in told,
        files=frozenset(words[0] for words in told["node"] if words),
        libraries=tuple(words[0] for words in told["library"] if words),
        cdi=_specs(told["cdi"]),
        modules={words[0]: words[1] for words in told["module"] if len(words) == 2},
        next_kernel=_next_kernel({word: [words[0] for words in rows if words] for word, rows in told.items()}),
        packages={name: version for name, (version, _) in packages.items()},
        free=frozenset(name for name, (_, state) in packages.items() if state != "held"),
        bridges={words[0]: words[1] for words in told["bridge"] if len(words) == 2},
        dra="dra" in told,
    )


def _specs(lines: Sequence[Sequence[str]]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for words in lines:
        if len(words) == 2:
            found[words[0]].add(words[1].removeprefix(".so."))
    return {path: frozenset(named) for path, named in found.items()}


def gpu_node(host: Host) -> GpuNode:
    """Raises DoesNotApply where no GPU is on the bus."""
    found = machine(host)
    if not found.gpus:
        raise DoesNotApply("it has no GPU")
    return found


def _device(words: Sequence[str]) -> PciDevice:
    slot, vendor, device, kind, driver, board, switches = (word.replace("0x", "") for word in words)
    return PciDevice(slot, vendor, device, kind, "" if driver == "-" else driver, -1, board, switches == "yes")


def _next_kernel(told: Mapping[str, Sequence[str]]) -> str:
    """ "" where neither the boot loader nor /boot tells."""
    first = {word: values[0] for word, values in told.items() if values}
    return next_kernel(
        running="",
        grubby=first.get("grubby", ""),
        grub=b64decode(first.get("grub", "")).decode(errors="replace"),
        grubenv=b64decode(first.get("grubenv", "")).decode(errors="replace"),
        link=first.get("link", ""),
        images=told.get("image", ()),
    )


def _version(lines: Sequence[Sequence[str]]) -> str:
    found = VERSION.search(" ".join(lines[0])) if lines else None
    return found[0] if found else ""

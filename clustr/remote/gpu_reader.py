"""What gpu.sh says, typed. A line that makes no sense is left out: a node with an odd package is still a node."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from clustr.remote.facts import PciDevice
from clustr.remote.gpu_facts import (
    Candidate,
    DkmsModule,
    GpuFacts,
    Holder,
    HolderKind,
    KubeGpu,
    Loaded,
    ModuleOnDisk,
    ModuleOwner,
    Package,
)
from clustr.remote.said import Said

# As the modules write it: "NVIDIA UNIX x86_64 Kernel Module  535.161.08  ...", and the open ones
# "NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build ..." (their source, nvidia/nv-procfs.c).
LOADED = re.compile(r"NVIDIA UNIX (Open )?.*?Kernel Module +(?:for \S+ +)?(\d+(?:\.\d+)+)")
OPEN_LICENSE = "Dual MIT/GPL"  # the proprietary module's is "NVIDIA" (modinfo)
# dkms 2: "nvidia, 535.161, 5.15.0, x86_64: installed"; dkms 3: "nvidia/535.161, 5.15.0, x86_64: installed"; without a
# kernel where it was only added (dkms(8), status).
DKMS = re.compile(r"([^/,\s]+)(?:/|, )([^,:\s]+)(?:, ([^,\s]+), [^:\s]+)?: (\w+)")
# What hands out NVIDIA's GPUs: its own plugin, by its own image's name or with its maker's in it; HAMi's, Volcano's and
# 4paradigm's, by charts/hami of Project-HAMi/HAMi, volcano-device-plugin.yml of volcano-sh/devices, the manifests of
# Project-HAMi/volcano-vgpu-device-plugin and charts/vgpu of 4paradigm/k8s-vgpu-scheduler.
DEVICE_PLUGIN = re.compile(
    r"(^|/)([\w.-]*nvidia[\w.-]*k8s-device-plugin|k8s-device-plugin|hami|volcano-(vgpu-)?device-plugin|k8s-v(device|gpu))"
    r"([:@]|$)"
)
AMD = re.compile(r"\brocm/|\bamd(gpu)?\b")  # rocm/k8s-device-plugin, amdgpu-device-plugin-daemonset, -amd-monitor


def detailed(said: Said, devices: Iterable[PciDevice]) -> tuple[PciDevice, ...]:
    """The devices, with what was asked of the special ones."""
    told = {words[0]: words[1:] for words in said.all("pci_detail") if len(words) == 6}
    return tuple(_detailed(device, told.get(device.slot)) for device in devices)


def _detailed(device: PciDevice, told: list[str] | None) -> PciDevice:
    if told is None:
        return device
    driver, numa, board, switches, rdma = told
    subsystem = ":".join(number.removeprefix("0x") for number in board.split(":"))
    return replace(
        device,
        driver="" if driver == "-" else driver,
        numa=int(numa) if re.fullmatch(r"\d{1,4}", numa) else -1,
        subsystem="" if "-" in subsystem else subsystem,
        manages_switches=switches == "yes",
        rdma="" if rdma == "-" else rdma,
    )


def read_gpu(said: Said) -> GpuFacts:
    """Pure: what the script printed, typed."""
    loaded, modules = _loaded(said), tuple(_modules(said))
    held = {"on": True, "off": False}
    bound = any(words[1] == "nouveau" for words in said.all("pci_detail") if len(words) == 6)
    return GpuFacts(
        loaded=loaded,
        nouveau=bound or said.one("nouveau") == "yes",
        modules=modules,
        owner=_owner(said, loaded, modules),
        secure_boot=held.get(said.one("secure_boot")),
        headers=frozenset(words[0] for words in said.all("headers") if words),
        dkms=tuple(_dkms(said)),
        packages=tuple(_packages(said)),
        candidates=tuple(_candidates(said)),
        holders=tuple(_holders(said)) if said.one("holders") else None,
        boot_free_mb=said.number("boot_free_kb") // 1024 if said.one("boot_free_kb") else None,
        initrd_mb=said.number("initrd") >> 20,
        iommu=said.one("iommu") == "yes",
        acs=held.get(said.one("acs")),
        toolkit_left=said.one("toolkit_left") == "yes",
        peermem=said.one("peermem") == "yes",
    )


def _loaded(said: Said) -> Loaded | None:
    found = LOADED.search(said.text("nvidia_loaded"))
    return Loaded(found[2], open=bool(found[1])) if found else None


def _modules(said: Said) -> Iterator[ModuleOnDisk]:
    about = _modinfo(said.text("modinfo"))
    for kernel, file, owner in (words for words in said.all("nvidia_module") if len(words) == 3):
        known = about.get(file)
        if known and known.get("version"):
            whose = ModuleOwner.PACKAGE if owner == "package" else _stranger(said)
            is_open = known.get("license", "") == OPEN_LICENSE
            yield ModuleOnDisk(kernel, known["version"], is_open, whose, known.get("signer", ""))


def _modinfo(text: str) -> dict[str, dict[str, str]]:
    """Of each file its fields; each begins with its own name."""
    found: dict[str, dict[str, str]] = {}
    about: dict[str, str] = {}
    for key, _, value in (line.partition(":") for line in text.splitlines()):
        if key == "filename":
            about = found.setdefault(value.strip(), {})
        about.setdefault(key, value.strip())
    return found


def _stranger(said: Said) -> ModuleOwner:
    """Who put a driver there that is no package's."""
    if said.one("driver_container"):
        return ModuleOwner.GPU_OPERATOR
    return ModuleOwner.RUNFILE if said.one("runfile") else ModuleOwner.UNKNOWN


def _owner(said: Said, loaded: Loaded | None, modules: tuple[ModuleOnDisk, ...]) -> ModuleOwner | None:
    """A stranger's driver counts wherever there is a trace of it: it is in the way of a package's."""
    stranger = _stranger(said)
    if stranger is not ModuleOwner.UNKNOWN:
        return stranger
    if any(module.owner is ModuleOwner.PACKAGE for module in modules):
        return ModuleOwner.PACKAGE
    return ModuleOwner.UNKNOWN if loaded or modules else None


def _dkms(said: Said) -> Iterator[DkmsModule]:
    for line in said.text("dkms").splitlines():
        if found := DKMS.match(line):
            yield DkmsModule(found[1], found[2], found[3] or "", found[4])


def _packages(said: Said) -> Iterator[Package]:
    origins = _origins(said, "origin")
    for name, version, state in (words for words in said.all("gpu_package") if len(words) == 3):
        yield Package(name, version, state == "held", origins.get(name, ""))


def _origins(said: Said, key: str) -> dict[str, str]:
    return {words[0]: " ".join(words[1:]) for words in said.all(key) if len(words) > 1}


def _candidates(said: Said) -> Iterator[Candidate]:
    """A name alone was looked for; it is overruled by one with a version."""
    found: dict[str, str] = {}
    origins = _origins(said, "candidate_origin")
    for words in said.all("candidate"):
        if words and not found.get(words[0]):
            found[words[0]] = words[1] if len(words) > 1 else ""
    return (Candidate(name, version, origins.get(name, "")) for name, version in found.items())


def _holders(said: Said) -> Iterator[Holder]:
    for kind, pid, device, *name in (words for words in said.all("holder") if len(words) >= 3):
        if kind in set(HolderKind):
            yield Holder(HolderKind(kind), " ".join(name), int(pid) if re.fullmatch(r"\d{1,9}", pid) else 0, device)


def _hands_out(name: str, images: list[str]) -> bool:
    """Whether a DaemonSet hands out NVIDIA's GPUs, by its images; AMD's plugin has an image of the same name."""
    return any(DEVICE_PLUGIN.search(image) for image in images) and not AMD.search(" ".join((name, *images)))


def read_kube_gpu(said: Said) -> KubeGpu:
    sets = [line.split() for line in said.text("kube_daemonsets").splitlines()]
    plugins = [words[1] for words in sets if len(words) > 2 and _hands_out(words[1], words[2:])]
    policies = [_at(policy, "spec", "driver") for policy in _items(said, "cluster_policies")]
    slices = [_at(each, "spec").get("driver", "") for each in _items(said, "resource_slices")]
    return KubeGpu(
        device_plugins=tuple(plugins),
        # Left out, the operator's driver is on (GPU Operator, ClusterPolicy: driver.enabled).
        operator_driver=any(driver.get("enabled", True) is not False for driver in policies),
        dra=tuple(sorted({driver for driver in slices if isinstance(driver, str) and driver})),
    )


def _items(said: Said, key: str) -> list[Any]:
    try:
        found = json.loads(said.text(key) or "{}")
    except ValueError:
        return []
    items = found.get("items") if isinstance(found, dict) else None
    return items if isinstance(items, list) else []


def _at(document: object, *keys: str) -> dict[str, Any]:
    """The mapping at that place; an empty one where there is none."""
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}

"""Asks a node what it is: one script in, one frozen object out, read without changing anything."""

from __future__ import annotations

import base64
import math
import re
import shlex
import time
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_interface

from clustr.errors import UnreachableError
from clustr.inventory.model import Node
from clustr.inventory.secrets import Secret
from clustr.remote.boot_loader import next_kernel
from clustr.remote.connection import Connection
from clustr.remote.facts import (
    Applying,
    Controllers,
    Datastore,
    Facts,
    Firewall,
    Former,
    Interface,
    K3sFacts,
    Kernel,
    KubeNode,
    Listener,
    LockFacts,
    OperatingSystem,
    PciDevice,
    Record,
    Remains,
    Resolver,
    Selinux,
    Swap,
)
from clustr.remote.gpu_reader import detailed, read_gpu, read_kube_gpu
from clustr.remote.said import Said
from clustr.templates import text

FACTS_LIMIT = 60.0  # seconds
SHM_KB = 1024  # in /dev/shm, where scripts keep answers until they are whole
LAST_MOMENT = 253402300800.0  # the year 10000, which no date can name
_NEEDED = ("boot_id", "architecture", "kernel", "cpus", "memory_kb", "disk_free_kb", "clock", "init")


def read_facts(connection: Connection, node: Node) -> Facts:
    """Asks a machine what it is; raises UnreachableError where it cannot tell."""
    result = connection.run(facts_script(), sudo=True, timeout=FACTS_LIMIT)
    asked = time.time()
    said = Said(result.stdout)
    missing = [key for key in _NEEDED if not said.one(key)]
    if result.status or missing or not said.one("end"):
        problem = f"its facts could not be read: {', '.join(missing) or 'they ended early'}"
        raise UnreachableError(problem, f"try: clustr exec --limit {node.name} -- uptime", node=node.name)
    free = said.one("shm_free_kb")
    if free.isascii() and free.isdigit() and int(free) < SHM_KB:
        problem = f"{free} KB are free in /dev/shm, where answers are kept for a moment; {SHM_KB} are needed"
        raise UnreachableError(problem, "free some memory there: df /dev/shm", node=node.name)
    try:
        return replace(parse_facts(said), asked=asked)
    except (ValueError, IndexError) as error:
        remedy = f"try: clustr exec --limit {node.name} -- uptime"
        raise UnreachableError("its facts make no sense", remedy, node=node.name, detail=str(error)) from error


def facts_script() -> str:
    """The last part calls the others' functions where GPUs or ports of a fabric are."""
    return "".join(map(text, ("engine/gpu_holders.sh", "remote/gpu_bridges.sh", "remote/gpu.sh", "remote/facts.sh")))


def parse_facts(said: Said) -> Facts:
    """Pure: what the script printed, typed."""
    return Facts(
        hostname=said.text("hostname").split("\n")[0],
        machine_id=said.one("machine_id"),
        boot_id=said.one("boot_id"),
        os=_operating_system(said.text("os_release")),
        architecture=said.one("architecture"),
        kernel=said.one("kernel"),
        next_kernel=_next_kernel(said),
        cpus=said.number("cpus"),
        memory_mb=said.number("memory_kb") // 1024,
        disk_free_mb=said.number("disk_free_kb") // 1024,
        clock=_finite(said.one("clock")),
        cgroup=2 if said.one("cgroup_type") == "cgroup2fs" else 1,
        systemd=said.one("init") == "systemd",
        firewall=Firewall(said.one("firewall") or Firewall.NONE),
        memory_free_mb=said.number("memory_free_kb") // 1024,
        controllers=_controllers(said),
        kernels=tuple(_kernels(said)),
        working_modules=_words(said, "works"),
        unknown_modules=_words(said, "unknown"),
        listeners=tuple(_listeners(said)) if said.one("listeners") else None,
        resolvers=tuple(_resolvers(said)),
        remains=tuple(Remains(Former(words[0]), " ".join(words[1:])) for words in said.all("remains") if words),
        selinux=_selinux(said),
        interfaces=tuple(_interfaces(said)),
        swaps=tuple(_swaps(said)),
        pci=detailed(said, [_pci(words) for words in said.all("pci") if len(words) == 4]),
        gpu=read_gpu(said),
        k3s=_k3s(said),
        applying=Applying(
            active=said.one("apply") in ("active", "activating", "deactivating", "reloading"),
            run_id=said.one("run_id"),
            verdict=said.raw("verdict"),
            who=said.one("run_by"),
        ),
        lock=_lock(said),
        records=tuple(_records(said.raw("records"))),
    )


def _lock(said: Said) -> LockFacts:
    """The holder's file as lock.sh writes it."""
    holder = dict(line.split("=", 1) for line in said.text("lock_holder").split("\n") if "=" in line)
    who = f"{holder['who']}@{holder.get('host', '')}" if holder.get("who") else ""
    return LockFacts(
        held=said.one("lock") == "held",
        run_id=holder.get("run_id", ""),
        silent_for=said.number("lock_silent_for"),
        who=who,
        command=holder.get("command", ""),
        held_for=said.number("lock_held_for"),
    )


def _finite(number: str) -> float:
    if not (math.isfinite(found := float(number)) and abs(found) < LAST_MOMENT):
        raise ValueError(f"{number} is no time")
    return found


def _words(said: Said, key: str) -> frozenset[str]:
    return frozenset(word for words in said.all(key) for word in words)


def _controllers(said: Said) -> Controllers | None:
    on = _words(said, "controllers")
    off = frozenset(name for name in ",".join(_words(said, "controllers_off")).split(",") if name)
    return Controllers(on, off) if on else None


def _kernels(said: Said) -> Iterator[Kernel]:
    has = [words for words in said.all("module") if len(words) == 2]
    for release in sorted(_words(said, "installed_kernel")):
        yield Kernel(release, frozenset(name for kernel, name in has if kernel == release))


def _listeners(said: Said) -> Iterator[Listener]:
    told = dict.fromkeys(tuple(words) for words in said.all("listen") if len(words) >= 3 and words[1].isdecimal())
    for protocol, port, unit, *process in told:
        yield Listener(int(port), protocol, " ".join(process), "" if unit == "-" else unit)


def _resolvers(said: Said) -> Iterator[Resolver]:
    servers = [words for words in said.all("nameserver") if len(words) == 2]
    for path in (words[0] for words in said.all("resolver") if words):
        yield Resolver(path, tuple(address for file, address in servers if file == path))


def _swaps(said: Said) -> Iterator[Swap]:
    for name, used in (words for words in said.all("swap") if len(words) == 2):
        yield Swap(_unescaped(name), int(used))


def _operating_system(release: str) -> OperatingSystem:
    """os-release(5): assignments as a shell would read them."""
    values: dict[str, str] = {}
    for line in release.splitlines():
        key, _, value = line.partition("=")
        try:
            values[key.strip()] = " ".join(shlex.split(value))
        except ValueError:
            continue
    return OperatingSystem(
        values.get("ID", "linux"),
        values.get("VERSION_ID", ""),
        values.get("VERSION_CODENAME", ""),
        values.get("PRETTY_NAME", ""),
        tuple(values.get("ID_LIKE", "").split()),
    )


def _selinux(said: Said) -> Selinux:
    """selinux(8): /sys/fs/selinux/enforce is there while the kernel's part is on; the file in /etc is for the boot."""
    if said.one("selinux_enforce"):
        return Selinux.ENFORCING if said.one("selinux_enforce") == "1" else Selinux.PERMISSIVE
    return Selinux.DISABLED if said.one("selinux_config") else Selinux.NONE


def _next_kernel(said: Said) -> str:
    return next_kernel(
        running=said.one("kernel"),
        grubby=said.one("grubby"),
        grub=said.text("grub"),
        grubenv=said.text("grubenv"),
        link=said.one("vmlinuz"),
        images=[words[0] for words in said.all("boot_image") if words],
    )


def _interfaces(said: Said) -> Iterator[Interface]:
    """Ports of the machine, and whatever else has an address; not the many virtual ends of pods."""
    addresses: dict[str, list[str]] = {}
    for words in (words for words in said.all("address") if len(words) == 2):
        address = words[1] if "/" in words[1] else f"{words[1]}/32"  # a point-to-point end has no prefix
        addresses.setdefault(words[0], []).append(str(ip_interface(address)))
    ports = {words[0] for words in said.all("port")}
    for words in [*said.all("port"), *said.all("virtual")]:
        name, mtu = words[0], words[1] if len(words) > 1 else "0"
        if name in ports or name in addresses:
            yield Interface(name, tuple(addresses.get(name, ())), int(mtu))


def _pci(words: list[str]) -> PciDevice:
    vendor, device, kind = (word.removeprefix("0x") for word in words[1:])
    return PciDevice(words[0], vendor, device, kind)


def _unescaped(name: str) -> str:
    """/proc/swaps writes a blank as \\040."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), name)


def _k3s(said: Said) -> K3sFacts:
    version = re.search(r"version (v\S+)", said.one("k3s_version"))
    token = said.text("token").strip()
    return K3sFacts(
        version=version[1] if version else "",
        datastore=Datastore(said.one("datastore") or Datastore.NONE),
        token=Secret(token) if token else None,
        ca_hash=said.one("ca_hash"),
        api_ready=said.one("api") == "ready",
        nodes=tuple(_kube_nodes(said.text("kube_nodes"))),
        agent_data=said.one("agent_data") == "yes",
        gpu=read_kube_gpu(said),
    )


def _kube_nodes(listing: str) -> Iterator[KubeNode]:
    """Name, open or cordoned, True or False or Unknown (nothing before a kubelet's first report), version."""
    for words in (line.split() for line in listing.splitlines()):
        if len(words) >= 3:
            yield KubeNode(words[0], "True" in words[2:-1], words[1] == "cordoned", words[-1])


def _records(records: str) -> Iterator[Record]:
    """As engine/script.py writes them: component and the node it is about, goal in base64, place in the order, undo."""
    for record in filter(None, records.split("\0")):
        head, goal, order, undo = [*record.split("\n", 3), "", "", ""][:4]
        component, _, about = head.partition(" ")
        if order.isdigit():
            name = base64.b64decode(goal).decode(errors="replace")
            yield Record(order=int(order), component=component, about=about, goal=name, undo=undo)

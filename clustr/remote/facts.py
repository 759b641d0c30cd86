"""What a node says of itself: one script in, one frozen object out.

Only what a bare machine can tell, read without changing anything.
"""

from __future__ import annotations

import base64
import binascii
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from clustr.errors import ClustrError, UnreachableError
from clustr.inventory.model import Node
from clustr.inventory.secrets import Secret
from clustr.remote.boot_loader import next_kernel
from clustr.remote.connection import Connection
from clustr.templates import text


class Datastore(StrEnum):
    """What cluster data a server holds on disk."""

    NONE = "none"
    SQLITE = "sqlite"
    ETCD = "etcd"


class Firewall(StrEnum):
    """The active firewall manager; clustr adds rules to it and switches none off."""

    NONE = "none"
    UFW = "ufw"
    FIREWALLD = "firewalld"


@dataclass(frozen=True)
class OperatingSystem:
    id: str  # of /etc/os-release: debian, ubuntu, rocky, ...
    version: str  # VERSION_ID: 12, 24.04, 9.4
    codename: str
    name: str  # PRETTY_NAME


@dataclass(frozen=True)
class PciDevice:
    slot: str  # 0000:4b:00.0
    vendor: str  # 10de, without 0x
    device: str
    kind: str  # class code, 030200


@dataclass(frozen=True)
class Interface:
    name: str
    addresses: tuple[str, ...]  # IPv4 with prefix: 10.0.0.11/24
    mtu: int


@dataclass(frozen=True)
class Swap:
    name: str
    kilobytes: int


@dataclass(frozen=True)
class KubeNode:
    """A Node object, as a live server tells it."""

    name: str
    ready: bool
    unschedulable: bool
    version: str


@dataclass(frozen=True)
class K3sFacts:
    version: str = ""  # of /usr/local/bin/k3s, as installed; "" where there is none
    flags: frozenset[str] = frozenset()  # what its server/agent subcommand accepts, without dashes
    datastore: Datastore = Datastore.NONE
    token: Secret | None = None  # K10... form of /var/lib/rancher/k3s/server/token
    ca_hash: str = ""  # sha256 of /var/lib/rancher/k3s/server/tls/server-ca.crt, hex
    api_ready: bool = False
    nodes: tuple[KubeNode, ...] = ()  # as this server's API tells them; () where it does not answer
    agent_data: bool = False  # holds a kubelet's certificates


@dataclass(frozen=True)
class Applying:
    """A clustr-apply unit that is there now, and the verdict that the last one left."""

    active: bool = False
    run_id: str = ""
    verdict: str = ""  # text of the verdict file, "" where there is none


@dataclass(frozen=True)
class Record:
    """Something that clustr put on the node, and the script that takes it away again."""

    order: int
    component: str
    about: str  # the node that it is about, "" for the one it is on
    goal: str
    undo: str  # bash; "" where it stays and is only named (packages)


@dataclass(frozen=True)
class Facts:
    hostname: str
    machine_id: str
    boot_id: str
    os: OperatingSystem
    architecture: str  # x86_64, aarch64
    kernel: str  # running
    next_kernel: str  # what the boot loader's default starts
    cpus: int
    memory_mb: int
    disk_free_mb: int  # of /var/lib
    clock: float  # unix time when the script ran
    cgroup: int  # 1 or 2
    systemd: bool  # PID 1
    firewall: Firewall
    interfaces: tuple[Interface, ...] = ()
    swaps: tuple[Swap, ...] = ()
    pci: tuple[PciDevice, ...] = ()
    k3s: K3sFacts = K3sFacts()
    applying: Applying = Applying()
    records: tuple[Record, ...] = ()


@dataclass(frozen=True)
class Seen:
    """What all nodes said in one look. Goals are made from this and the cluster alone."""

    facts: Mapping[str, Facts]
    silent: Mapping[str, ClustrError] = field(default_factory=dict)  # nodes that did not answer, and why
    new_token: Secret | None = None  # made by bootstrap where no server holds one yet
    sums: Mapping[str, str] = field(default_factory=dict)  # sha256 of artifacts, by URL path (inventory.lock)

    def __getitem__(self, node: str) -> Facts:
        return self.facts[node]

    def answered(self, node: str) -> bool:
        return node in self.facts

    def kube_nodes(self) -> tuple[KubeNode, ...]:
        """Node objects, from the first server that could tell; () where no cluster answers."""
        return next((facts.k3s.nodes for facts in self.facts.values() if facts.k3s.nodes), ())

    def knows(self, node: str) -> bool:
        """Whether the running cluster has this node."""
        return any(known.name == node for known in self.kube_nodes())


FACTS_LIMIT = 60.0  # seconds
_NEEDED = ("boot_id", "architecture", "kernel", "cpus", "memory_kb", "disk_free_kb", "clock", "init")


def read_facts(connection: Connection, node: Node) -> Facts:
    """Asks a machine what it is; raises UnreachableError where it cannot tell."""
    result = connection.run(text("remote/facts.sh"), sudo=True, timeout=FACTS_LIMIT)
    said = Said(result.stdout)
    missing = [key for key in _NEEDED if not said.one(key)]
    if result.status or missing or not said.one("end"):
        problem = f"its facts could not be read: {', '.join(missing) or 'they ended early'}"
        raise UnreachableError(problem, f"try: clustr exec --limit {node.name} -- uptime", node=node.name)
    try:
        return parse_facts(said)
    except (ValueError, IndexError) as error:
        remedy = f"try: clustr exec --limit {node.name} -- uptime"
        raise UnreachableError("its facts make no sense", remedy, node=node.name, detail=str(error)) from error


class Said:
    """The facts script's output: key=value a line, a key as often as there are such things."""

    def __init__(self, output: str) -> None:
        self._values: dict[str, list[str]] = {}
        for line in output.split("\n"):
            key, separator, value = line.partition("=")
            if separator:
                self._values.setdefault(key, []).append(_printable(value.strip()))

    def one(self, key: str) -> str:
        return self._values.get(key, [""])[0]

    def all(self, key: str) -> list[list[str]]:
        """The words of each such line."""
        return [value.split() for value in self._values.get(key, [])]

    def number(self, key: str) -> int:
        return int(value) if (value := self.one(key)).isdigit() else 0

    def text(self, key: str) -> str:
        """Free text; control characters but line ends are dropped."""
        return "\n".join(_printable(line) for line in self.raw(key).split("\n"))

    def raw(self, key: str) -> str:
        try:
            return base64.b64decode(self.one(key)).decode(errors="replace")
        except binascii.Error:
            return ""


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
        clock=float(said.one("clock")),
        cgroup=2 if said.one("cgroup_type") == "cgroup2fs" else 1,
        systemd=said.one("init") == "systemd",
        firewall=Firewall(said.one("firewall") or Firewall.NONE),
        interfaces=tuple(_interfaces(said)),
        swaps=tuple(Swap(_unescaped(words[0]), int(words[1])) for words in said.all("swap") if len(words) == 2),
        pci=tuple(_pci(words) for words in said.all("pci") if len(words) == 4),
        k3s=_k3s(said),
        applying=Applying(
            active=said.one("apply") in ("active", "activating", "deactivating", "reloading"),
            run_id=said.one("run_id"),
            verdict=said.raw("verdict"),
        ),
        records=tuple(_records(said.raw("records"))),
    )


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
    )


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
        addresses.setdefault(words[0], []).append(address)
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


def _printable(line: str) -> str:
    return "".join(character for character in line if character.isprintable() or character == "\t")

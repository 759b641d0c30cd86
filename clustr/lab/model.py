"""What a lab is: disposable nodes on this machine, in a network of their own. Everything it uses is named from here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from clustr.inventory.model import Role

LABS = Path("/var/lib/clustr/labs")
NODE_LOGIN = "lab"
STAND_IN = re.compile(r"\+lab\d+$")


class Login(StrEnum):
    """How one logs in to the nodes of a lab, and becomes root there."""

    ROOT = "root"
    NOPASSWD = "nopasswd"
    PASSWORD = "password"  # noqa: S105 - the name of a kind, no password

    @property
    def user(self) -> str:
        return "root" if self is Login.ROOT else NODE_LOGIN


class Release(StrEnum):
    """A release of Debian that nodes can run."""

    BOOKWORM = "bookworm"
    TRIXIE = "trixie"


class GpuModel(StrEnum):
    """A model of GPU server that a node can pose as (boards.py)."""

    H100 = "h100"
    H200 = "h200"
    A100 = "a100"
    B200 = "b200"
    V100 = "v100"
    L40S = "l40s"
    T4 = "t4"


@dataclass(frozen=True)
class Gpus:
    """What GPUs a node has; all of it is made up (templates/lab/gpu).

    `nvml` is a folder with a libnvidia-ml.so that takes the driver's place.
    """

    count: int
    model: GpuModel = GpuModel.H100
    nvml: Path | None = None


class Trait(StrEnum):
    """What makes a node one of those that people have: hardened, or set up in a way of its own.

    templates/lab/traits.sh makes them; `noexec` is nspawn's to make.
    """

    UMASK = "umask"  # 027, for logins, sudo and all that systemd starts
    NOEXEC = "noexec"  # /tmp, /var/tmp and /dev/shm: noexec, nosuid, nodev
    NO_SFTP = "no-sftp"  # sshd has no sftp subsystem
    REQUIRETTY = "requiretty"  # sudo runs only at a terminal
    NO_TIMESTAMP = "no-timestamp"  # sudo asks for its password each time
    SECURE_PATH = "secure-path"  # sudo's PATH is without /usr/local
    NOISE = "noise"  # banners, and a .bashrc that prints, changes directory, umask and aliases
    GERMAN = "german"  # the locale is de_DE.UTF-8
    DASH = "dash"  # the login shell
    FISH = "fish"
    TCSH = "tcsh"
    ZSH = "zsh"
    PORT = "port"  # sshd listens on 2222
    HARDENED_SSHD = "hardened-sshd"  # MaxSessions 2, no forwarding, strong algorithms alone


SHELLS = frozenset({Trait.DASH, Trait.FISH, Trait.TCSH, Trait.ZSH})
ABOUT_SUDO = frozenset({Trait.REQUIRETTY, Trait.NO_TIMESTAMP, Trait.SECURE_PATH})
SSH_PORT, OTHER_SSH_PORT = 22, 2222


@dataclass(frozen=True)
class Spec:
    """What `clustr lab up` was asked for.

    `artifacts` is a folder, an https URL, "none" (nodes alone, nothing to download) or empty: the real releases.
    """

    name: str = "lab"
    servers: int = 3
    agents: int = 2
    monitors: int = 0
    release: Release = Release.BOOKWORM
    login: Login = Login.ROOT
    artifacts: str = ""
    artifacts_ca: Path | None = None
    internal_network: bool = False
    traits: tuple[Trait, ...] = ()
    gpus: Gpus | None = None  # of every agent; of every server where there are no agents


@dataclass(frozen=True)
class NodeSpec:
    """What one more node is to be; release and login are the lab's own where it does not say."""

    roles: tuple[Role, ...]
    traits: tuple[Trait, ...] = ()
    release: Release | None = None
    login: Login | None = None
    gpus: Gpus | None = None


@dataclass(frozen=True)
class LabNode:
    """One node; `image` is the file system that it started from."""

    name: str
    address: IPv4Address
    internal_address: IPv4Address | None
    roles: tuple[Role, ...]
    release: Release
    image: Path
    login: Login
    traits: tuple[Trait, ...] = ()
    gpus: Gpus | None = None

    @property
    def port(self) -> int:
        """Where its sshd listens."""
        return OTHER_SSH_PORT if Trait.PORT in self.traits else SSH_PORT


class Origin(StrEnum):
    """What kind of place the downloads of a lab come from."""

    RELEASES = "releases"  # the real ones
    MIRROR = "mirror"  # somebody else's
    FOLDER = "folder"  # served by the lab itself
    NOTHING = "nothing"  # nodes alone


@dataclass(frozen=True)
class Source:
    """Where the nodes of a lab get their downloads. `k3s_version` is empty where the place does not tell."""

    origin: Origin
    mirror: str = ""
    ca: Path | None = None
    folder: Path | None = None
    k3s_version: str = ""

    @property
    def stand_in(self) -> bool:
        """Whether its k3s is none, but a binary that only takes k3s's place (tests/kube)."""
        return bool(STAND_IN.search(self.k3s_version))


@dataclass(frozen=True)
class LabImage:
    """A kind of image; one for GPUs has a kernel of its own, for which drivers can be built."""

    release: Release
    gpus: bool

    def __str__(self) -> str:
        return f"{self.release} for nodes with GPUs" if self.gpus else str(self.release)


@dataclass(frozen=True)
class Lab:
    """One lab. `number` is the third octet of its subnet, and what its links are named by.

    Release, login and image are those of a node for which nothing else was asked.
    """

    name: str
    number: int
    release: Release
    login: Login
    internal_network: bool
    image: Path
    source: Source
    nodes: tuple[LabNode, ...]
    ready: bool = False

    @property
    def folder(self) -> Path:
        return LABS / self.name

    @property
    def inventory(self) -> Path:
        return self.folder / "inventory.yaml"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def key(self) -> Path:
        """The private ssh key that opens every node of this lab."""
        return self.folder / "id_ed25519"

    @property
    def password_file(self) -> Path:
        return self.folder / "sudo-password"

    @property
    def images(self) -> dict[Path, LabImage]:
        """What its nodes started from, and what the next one does."""
        own = {node.image: LabImage(node.release, node.gpus is not None) for node in self.nodes}
        return {self.image: LabImage(self.release, gpus=False), **own}

    @property
    def network(self) -> IPv4Network:
        return network(self.number)

    @property
    def gateway(self) -> IPv4Address:
        """This machine's address on the bridge: router, time server and mirror of the nodes."""
        return self.network[1]

    @property
    def bridge(self) -> str:
        return f"clab{self.number}"

    @property
    def internal_bridge(self) -> str:
        return f"clab{self.number}i"

    @property
    def branch(self) -> str:
        """Its path below every cgroup hierarchy; each process of the lab is in there."""
        return f"clustr-lab/{self.name}"

    def node(self, name: str) -> LabNode:
        return next(node for node in self.nodes if node.name == name)

    def node_folder(self, node: LabNode) -> Path:
        return self.folder / "nodes" / node.name

    def root(self, node: LabNode) -> Path:
        """Where the file system of the node is mounted."""
        return self.node_folder(node) / "root"

    def node_branch(self, node: LabNode) -> str:
        return f"{self.branch}/node-{node.name}"


def network(number: int) -> IPv4Network:
    """The subnet of the lab with this number."""
    return IPv4Network(f"10.77.{number}.0/24")


def internal_network(number: int) -> IPv4Network:
    """The second subnet, where a lab has one; no gateway leads out of it."""
    return IPv4Network(f"10.76.{number}.0/24")

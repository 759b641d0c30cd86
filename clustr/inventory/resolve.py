"""From the document to the cluster: ranges expanded, defaults and classes put into every node, secrets fetched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clustr.inventory import fields
from clustr.inventory.document import (
    ArtifactsDocument,
    ClassDocument,
    Document,
    DriverDocument,
    NodeDocument,
    ProxySource,
    SecretSource,
    SshDocument,
    SudoDocument,
)
from clustr.inventory.findings import Findings, did_you_mean
from clustr.inventory.gpu import Driver, NodeClass
from clustr.inventory.model import Artifacts, Bastion, Cluster, Node, Role, Ssh, Sudo, Taint
from clustr.inventory.paths import is_file, whole
from clustr.inventory.places import proxy_url
from clustr.inventory.secrets import AbsentSecret, Secret, SecretError, Vault
from clustr.inventory.source import Steps


@dataclass(frozen=True)
class Placed:
    """A node and where it comes from: `entry` counts in `nodes:` of the file, ranges unexpanded."""

    node: Node
    entry: int


@dataclass(frozen=True)
class Settings:
    """What was written of Ssh, Sudo, Artifacts and Driver, secrets fetched, paths made whole."""

    ssh: Mapping[str, Any] = field(default_factory=dict)
    sudo: Mapping[str, Any] = field(default_factory=dict)
    artifacts: Mapping[str, Any] = field(default_factory=dict)
    driver: Mapping[str, Any] = field(default_factory=dict)

    def over(self, other: Settings) -> Settings:
        """These, and the other's where these say nothing."""
        return Settings(
            {**other.ssh, **self.ssh},
            {**other.sudo, **self.sudo},
            {**other.artifacts, **self.artifacts},
            {**other.driver, **self.driver},
        )

    def downloads(self) -> Artifacts:
        """One proxy named is the proxy for both kinds."""
        said = {"https_proxy": self.artifacts.get("http_proxy"), **self.artifacts}
        return Artifacts(**{name: value for name, value in said.items() if value is not None})


@dataclass(frozen=True)
class Kind:
    """A class, ready for its nodes; one of these too for the nodes without a class."""

    name: str | None
    document: ClassDocument
    settings: Settings
    ssh: Ssh
    sudo: Sudo
    artifacts: Artifacts
    driver: Driver
    expects: NodeClass


@dataclass(frozen=True)
class Form:
    """What a file must have in it, and what is said of one that does not."""

    mark: bytes
    otherwise: str


CERTIFICATE = Form(b"-----BEGIN CERTIFICATE-----", "holds no certificate: write a file in PEM form")
PUBLIC_KEY = Form(
    b"-----BEGIN PGP PUBLIC KEY BLOCK-----", "is no armoured public key: write what gpg --armor --export gives"
)


class Resolver:
    """Resolves one document. `entries` gives the place in the file of each of its nodes."""

    def __init__(self, document: Document, entries: Sequence[int], path: Path, findings: Findings) -> None:
        self._document = document
        self._entries = entries
        self._path = path
        self._findings = findings
        self._folder = path.absolute().parent
        self._vault = Vault(self._folder)
        self._files: dict[Path, str] = {}
        self._defaults = self._settings(document, ())
        self._kinds = {name: self._kind(name, written) for name, written in document.classes.items()}
        self._no_kind = self._kind(None, ClassDocument())
        self._roles_written = bool(document.defaults.roles or any(node.roles for node in document.nodes))

    def cluster(self, nodes: Sequence[Node]) -> Cluster:
        whole = self._document
        return Cluster(
            name=whole.cluster,
            nodes=tuple(nodes),
            network=whole.network,
            k3s=whole.k3s.model_copy(update={"registries": self._text(whole.k3s.registries, ("k3s", "registries"))}),
            addons=whole.addons,
            runtime=whole.runtime,
            monitoring=whole.monitoring,
            time=whole.time,
            rollout=whole.rollout,
            system=whole.system,
            cuda=whole.cuda,
            dcgm=whole.dcgm,
            cluster_gpu=whole.cluster_gpu,
            source=self._path,
            files=self._files,
        )

    def nodes(self) -> list[Placed]:
        """Every node, in the order of the file; entries whose ranges do not fit are left out and reported."""
        placed: list[Placed] = []
        for entry, written in zip(self._entries, self._document.nodes, strict=True):
            placed += self._expanded(written, entry, first=not placed)
        return self._with_monitor(placed)

    def _with_monitor(self, placed: list[Placed]) -> list[Placed]:
        """Where no node is a monitor, the first server is; the table of roles in example.yaml says so."""
        taken = any(each.node.has(Role.MONITOR) for each in placed)
        first = next((index for index, each in enumerate(placed) if each.node.has(Role.SERVER)), None)
        if taken or first is None or not self._document.monitoring.enabled:
            return placed
        node = placed[first].node
        chosen = node.model_copy(update={"roles": node.roles | {Role.MONITOR}})
        return [*placed[:first], Placed(chosen, placed[first].entry), *placed[first + 1 :]]

    def _expanded(self, written: NodeDocument, entry: int, *, first: bool) -> Iterator[Placed]:
        steps: Steps = ("nodes", entry)
        internal = written.internal_address
        if not self._in_step(written, steps):
            return
        if internal is None and not fields.is_ipv4(written.address.members[0]):
            self._findings.mistake(
                (*steps, "address"),
                f"{written.address.text} is a name, and the cluster needs an IPv4 address: write internal_address too",
            )
            return
        shared = self._shared(written, steps)
        addresses = (written.address.members, (internal or written.address).members)
        for name, address, inside in zip(written.name.members, *addresses, strict=True):
            roles = self._roles(written, first=first and name == written.name.members[0])
            node = Node(name=name, address=address, internal_address=inside, roles=roles, **shared)
            yield Placed(node, entry)

    def _in_step(self, written: NodeDocument, steps: Steps) -> bool:
        count = len(written.name.members)
        for other in (written.address, written.internal_address):
            if other is not None and len(other.members) != count:
                names = f"{written.name.text} has {_count(count, 'name')}"
                addresses = f"{other.text} has {_count(len(other.members), 'address')}"
                self._findings.mistake(steps, f"{names} but {addresses}: write as many of both")
                return False
        return True

    def _roles(self, written: NodeDocument, *, first: bool) -> frozenset[Role]:
        named = written.roles or self._document.defaults.roles
        if named:
            return frozenset(named)
        return frozenset({Role.SERVER if first and not self._roles_written else Role.AGENT})

    def _shared(self, written: NodeDocument, steps: Steps) -> dict[str, Any]:
        """What all nodes of one entry have in common."""
        kind = self._kind_of(written, steps)
        defaults = self._document.defaults
        own = self._settings(written, steps)
        settings = own.over(kind.settings)
        levels = (defaults, kind.document, written)
        return {
            "interface": written.interface or defaults.interface,
            "class_name": kind.name,
            "expects": kind.expects,
            "labels": {key: value for level in levels for key, value in level.labels.items()},
            "taints": _taints(taint for level in levels for taint in level.taints),
            "ssh": Ssh(**settings.ssh) if own.ssh else kind.ssh,
            "sudo": Sudo(**settings.sudo) if own.sudo else kind.sudo,
            "artifacts": settings.downloads() if own.artifacts else kind.artifacts,
            "driver": Driver(**settings.driver) if own.driver else kind.driver,
            "rdma": kind.document.rdma,
        }

    def _kind_of(self, written: NodeDocument, steps: Steps) -> Kind:
        own = written.class_name
        name = own or self._document.defaults.class_name
        if name is None or name in self._kinds:
            return self._kinds.get(name or "", self._no_kind)
        where: Steps = (*steps, "class") if own else ("defaults", "class")
        self._findings.mistake(where, f'"{name}" is no class: {did_you_mean(name, list(self._kinds))}')
        return self._no_kind

    def _kind(self, name: str | None, document: ClassDocument) -> Kind:
        steps: Steps = ("classes", name or "")
        settings = self._settings(document, steps).over(self._defaults)
        expects = NodeClass(**{each: getattr(document, each) for each in NodeClass.model_fields})
        ssh, sudo, driver = Ssh(**settings.ssh), Sudo(**settings.sudo), Driver(**settings.driver)
        return Kind(name, document, settings, ssh, sudo, settings.downloads(), driver, expects)

    def _settings(self, written: Document | ClassDocument | NodeDocument, steps: Steps) -> Settings:
        return Settings(
            self._ssh(written.ssh, (*steps, "ssh")),
            self._sudo(written.sudo, (*steps, "sudo")),
            self._artifacts(written.artifacts, (*steps, "artifacts")),
            _said(written.driver),
        )

    def _ssh(self, written: SshDocument, steps: Steps) -> dict[str, Any]:
        said = {name: getattr(written, name) for name in written.model_fields_set}
        for name, value in said.items():
            if isinstance(value, SecretSource):
                said[name] = self._secret(value, (*steps, name))
            elif isinstance(value, Bastion):
                key = self._file(value.key, (*steps, name, "key"))
                said[name] = value.model_copy(update={"key": key})
        if "key" in said:
            said["key"] = self._file(Path(said["key"]), (*steps, "key"))
        if "known_hosts" in said:
            said["known_hosts"] = whole(self._folder, said["known_hosts"])
        return said

    def _sudo(self, written: SudoDocument, steps: Steps) -> dict[str, Any]:
        return {"password": self._secret(written.password, (*steps, "password"))} if written.password else {}

    def _artifacts(self, written: ArtifactsDocument, steps: Steps) -> dict[str, Any]:
        said = {name: getattr(written, name) for name in written.model_fields_set}
        for name, value in said.items():
            if isinstance(value, ProxySource):
                said[name] = value.url or self._proxy(value, (*steps, name))
        if said.get("ca"):
            said["ca"] = self._text(Path(said["ca"]), (*steps, "ca"), CERTIFICATE)
        if said.get("keys"):
            keys = said["keys"].items()
            said["keys"] = {name: self._text(Path(key), (*steps, "keys", name), PUBLIC_KEY) for name, key in keys}
        return said

    def _proxy(self, source: ProxySource, steps: Steps) -> Secret:
        secret = self._secret(source, steps)
        if not isinstance(secret, AbsentSecret):
            try:
                proxy_url(secret.reveal())
            except ValueError as error:
                self._findings.mistake(steps, f"what is kept there {error}")
        return secret

    def _secret(self, source: SecretSource, steps: Steps) -> Secret:
        try:
            return self._vault.get(source)
        except SecretError as error:
            self._findings.missing(steps, str(error))
            return AbsentSecret(f"({'.'.join(map(str, steps))}) cannot be had: {error}")

    def _file(self, written: Path | None, steps: Steps) -> Path | None:
        """The path relative to the inventory, with ~ spelt out."""
        if written is None:
            return None
        path = whole(self._folder, written)
        if not is_file(path):
            self._findings.missing(steps, f"there is no file {written}: put it there, or write another path")
        return path

    def _text(self, written: Path | None, steps: Steps, wanted: Form | None = None) -> Path | None:
        """The same of a file that goes to nodes: read once, here, where all that is wrong is told together."""
        path = self._file(written, steps)
        if path is None or not is_file(path):
            return path
        try:
            content = path.read_bytes()
            if wanted and wanted.mark not in content:
                self._findings.mistake(steps, f"{written} {wanted.otherwise}")
            else:
                self._files[path] = content.decode()
        except OSError as error:
            self._findings.missing(steps, f"{written} cannot be read: {error.strerror}")
        except UnicodeDecodeError:
            self._findings.mistake(steps, f"{written} is no text in UTF-8: write one")
        return path


def _said(written: DriverDocument) -> dict[str, Any]:
    return {name: value for name in written.model_fields_set if (value := getattr(written, name)) is not None}


def _taints(every: Iterator[Taint]) -> tuple[Taint, ...]:
    """One of each key and effect, the last written, as Kubernetes keeps them."""
    return tuple({(taint.key, taint.effect): taint for taint in every}.values())


def _count(number: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"

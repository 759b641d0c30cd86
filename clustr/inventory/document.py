"""The inventory as a person writes it: what is left out is still left out, ranges are still ranges.

Sections that need no resolving (network, k3s, ...) are those of model.py. `schema()` is made from these types, so that
an editor and clustr cannot disagree.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from clustr.inventory import fields, places
from clustr.inventory.frozen import Frozen
from clustr.inventory.gpu import ClusterGpu, Cuda, Dcgm, Modules, NodeClass, Rdma, Source
from clustr.inventory.model import (
    Addons,
    Bastion,
    K3s,
    Monitoring,
    Network,
    Role,
    Rollout,
    Runtime,
    System,
    Taint,
    Time,
)


class SecretSource(Frozen):
    """Where a secret is kept: in exactly one of the environment, a file, a file of sops or a file of age."""

    env: fields.EnvironmentName | None = Field(default=None, description="an environment variable")
    file: fields.Line | None = Field(default=None, description="a file that holds it alone, not readable by everybody")
    sops: fields.Line | None = Field(default=None, description="a file that `sops -d` opens")
    key: fields.Line | None = Field(default=None, description="with sops: which key of it, such as sudo.password")
    age: fields.Line | None = Field(default=None, description="a file that `age -d` opens")
    identity: fields.Line | None = Field(default=None, description="with age: the identity file that opens it")

    @model_validator(mode="before")
    @classmethod
    def _never_plain(cls, data: object) -> object:
        if isinstance(data, str):
            raise ValueError("is written in the file: use {env: NAME}, {file: PATH}, sops or age")
        return data

    @model_validator(mode="after")
    def _one_place(self) -> SecretSource:
        self._check_place()
        return self

    def _check_place(self) -> None:
        given = [place for place in (self.env, self.file, self.sops, self.age) if place is not None]
        if len(given) != 1:
            raise ValueError("needs one place: write one of {env: NAME}, {file: PATH}, {sops: FILE}, {age: FILE}")
        if (self.sops is None) != (self.key is None):
            raise ValueError("needs a file and a key in it: write {sops: FILE, key: NAME}")
        if (self.age is None) != (self.identity is None):
            raise ValueError("needs a file and what opens it: write {age: FILE, identity: FILE}")


def _bastion(value: object) -> object:
    """`none`, as OpenSSH's ProxyJump, or `user@host:port`, or the fields one by one."""
    if not isinstance(value, str) or value == "none":
        return None if value == "none" else value
    match = re.fullmatch(r"(?:([^@\s]+)@)?([^@:\s]+)(?::(\d+))?", value)
    if match is None:
        raise ValueError(f'"{value}" is no bastion: write user@host, user@host:port or none')
    fields.host(match[2])
    return {"user": match[1], "host": match[2], "port": match[3]}


class SshDocument(Frozen):
    """How nodes are logged in to; what is left out comes from the class, then from the top level."""

    user: fields.User | None = Field(default=None, description="default: ~/.ssh/config, else your own name")
    port: fields.Port | None = Field(default=None, description="default: 22")
    key: fields.Line | None = Field(default=None, description="private key; default: the agent, ~/.ssh/config")
    password: SecretSource | None = Field(default=None, description="of the login, where no key is accepted")
    passphrase: SecretSource | None = Field(default=None, description="of the private key")
    bastion: Annotated[Bastion | None, BeforeValidator(_bastion, json_schema_input_type=Bastion | str | None)] = Field(
        default=None, description="user@host:port through which nodes are reached; none: directly"
    )
    host_keys: Literal["accept-new", "strict"] | None = Field(
        default=None, description="accept-new (default): take an unknown key and keep it; strict: refuse it"
    )
    known_hosts: fields.Line | None = Field(default=None, description="default: ~/.ssh/known_hosts")
    connect_timeout: fields.Whole | None = Field(
        default=None, ge=1, le=600, description="seconds for one attempt; default: 10"
    )
    connect_within: fields.Whole | None = Field(
        default=None, ge=0, le=3600, description="seconds in which a node that is not up is tried again; default: 30"
    )


class SudoDocument(Frozen):
    """How a login that is not root becomes root."""

    password: SecretSource | None = Field(default=None, description="left out: sudo must not ask for one")


class ProxySource(SecretSource):
    """A proxy's URL. One with a login in it is a secret, and is kept where secrets are."""

    url: SkipJsonSchema[fields.Line | None] = None  # how a plain text is kept

    @model_validator(mode="before")
    @classmethod
    def _never_plain(cls, data: object) -> object:
        written = {"url": data} if isinstance(data, str) else data
        if isinstance(written, dict) and isinstance(written.get("url"), str):
            return {**written, "url": places.open_proxy_url(written["url"])}
        return written

    def _check_place(self) -> None:
        if self.url is None:
            super()._check_place()
        elif self.model_fields_set != {"url"}:
            raise ValueError("needs one place: write the URL, or where it is kept")


def _or_none(value: object) -> object:
    """`none` takes away what lies further away: the nearest wins."""
    return None if value == places.NONE else value


_Nearest = BeforeValidator(_or_none)
Proxy = Annotated[ProxySource | None, BeforeValidator(_or_none, json_schema_input_type=ProxySource | str | None)]


class ArtifactsDocument(Frozen):
    """Where downloads come from and how they get out; what is left out comes from the class, then from the top level.

    Every field may be `none`: nothing of the kind, whatever lies further away.
    """

    packages: Annotated[places.PackageMirrors | None, _Nearest] = Field(
        default=None, description="mirror of the system's packages: one URL, or one for each archive by its name"
    )
    keys: Annotated[places.PackageKeys | None, _Nearest] = Field(
        default=None, description="armoured key files of mirrors that sign with their own key, by the vendor's name"
    )
    mirror: Annotated[places.Mirror | None, _Nearest] = Field(
        default=None, description="https URL that takes the place of https://github.com/ for releases"
    )
    charts: Annotated[places.HostMirrors | None, _Nearest] = Field(
        default=None, description="mirror of chart repositories: one https URL, or one for each repository's host"
    )
    images: Annotated[places.HostMirrors | None, _Nearest] = Field(
        default=None, description="mirror of image registries: one https URL, or one for each registry"
    )
    ca: Annotated[fields.Line | None, _Nearest] = Field(
        default=None, description="PEM file of authorities to trust besides the system's: the mirrors', the proxy's"
    )
    http_proxy: Proxy = Field(default=None, description="http://host:port; with a login: where its URL is kept")
    https_proxy: Proxy = Field(default=None, description="default: http_proxy")
    no_proxy: Annotated[tuple[places.Past, ...] | None, _Nearest] = Field(
        default=None, description="what is reached without a proxy, besides the cluster's own networks"
    )


Roles = Annotated[tuple[Role, ...], Field(min_length=1)]
Taints = tuple[Annotated[Taint, BeforeValidator(lambda value: value, json_schema_input_type=str)], ...]
Labels = dict[fields.LabelKey, fields.LabelValue]


class Shared(Frozen):
    """What a node, its class and the defaults may all say; the nearest wins, labels and taints add up."""

    labels: Labels = Field(default={}, description="of the Node object, set and removed by clustr")
    taints: Taints = Field(default=(), description="key=value:Effect, set and removed by clustr")


class Defaults(Shared):
    """For every node that, and whose class, does not say otherwise."""

    class_name: str | None = Field(default=None, validation_alias="class", description="one of classes")
    interface: fields.Interface | None = Field(default=None, description="the network interface of internal_address")
    roles: Roles | None = Field(default=None, description="server, agent, monitor")


class DriverDocument(Frozen):
    """NVIDIA's driver; what is left out comes from the class, then from the top level."""

    source: Source | None = Field(default=None, description="nvidia (default), distro or preinstalled")
    branch: fields.Branch | None = Field(default=None, description="such as 580; default: auto")
    modules: Modules | None = Field(default=None, description="auto (default), open or proprietary")
    kernel: fields.KernelRelease | None = Field(
        default=None, description="release that nodes run, such as 6.1.0-57-amd64; default: what is there, held"
    )


class ClassDocument(Shared, NodeClass):
    """Nodes of one kind: what they are expected to be, and what they have in common."""

    ssh: SshDocument = SshDocument()
    sudo: SudoDocument = SudoDocument()
    artifacts: ArtifactsDocument = ArtifactsDocument()
    driver: DriverDocument = DriverDocument()
    rdma: Rdma | None = Field(default=None, description="RDMA from the host to the pod; left out: none of it is set up")


class NodeDocument(Defaults):
    """One server, or many with ranges: names and addresses are taken in step."""

    name: fields.Names = Field(description="its host name, such as gpu01 or gpu[01-16]")
    address: fields.Hosts = Field(description="how SSH reaches it, an IPv4 address or a name")
    internal_address: fields.Ipv4s | None = Field(
        default=None, description="the IPv4 address that the cluster uses; default: address"
    )
    ssh: SshDocument = SshDocument()
    sudo: SudoDocument = SudoDocument()
    artifacts: ArtifactsDocument = ArtifactsDocument()
    driver: DriverDocument = DriverDocument()


def _switch(value: object) -> object:
    """`monitoring: false` is short for `monitoring: {enabled: false}`."""
    if isinstance(value, str) and value not in ("true", "false"):
        raise ValueError(f'"{value}" is neither true nor false: write one of them, or the fields')
    return {"enabled": value} if isinstance(value, str | bool) else value


class Document(Frozen):
    """A clustr inventory."""

    cluster: fields.Name = Field(default="clustr", description="its name, also of its context in the kubeconfig")
    ssh: SshDocument = SshDocument()
    sudo: SudoDocument = SudoDocument()
    network: Network = Network()
    k3s: K3s = K3s()
    addons: Addons = Addons()
    runtime: Runtime = Runtime()
    monitoring: Annotated[Monitoring, BeforeValidator(_switch, json_schema_input_type=bool | Monitoring)] = Field(
        default=Monitoring(), description="Prometheus, Alertmanager and node_exporter; false: none of them"
    )
    artifacts: ArtifactsDocument = ArtifactsDocument()
    driver: DriverDocument = DriverDocument()
    cuda: Cuda = Cuda()
    dcgm: Dcgm = Dcgm()
    cluster_gpu: ClusterGpu = Field(default=ClusterGpu.CLUSTR, description="clustr, gpu-operator or none")
    time: Time = Time()
    rollout: Rollout = Rollout()
    system: System = System()
    classes: dict[fields.ClassName, ClassDocument] = Field(default={}, description="nodes of one kind, by its name")
    defaults: Defaults = Defaults()
    nodes: tuple[NodeDocument, ...] = Field(min_length=1, description="the servers, each with name and address")


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the inventory, for editors: `clustr validate --schema`."""
    made = Document.model_json_schema(mode="validation")
    # Keys that begin with x- are free, for anchors that `<<` merges.
    made["patternProperties"] = {"^x-": {}}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}

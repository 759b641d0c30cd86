"""The first inventory of a new cluster: `clustr init`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from clustr.errors import UsageError
from clustr.inventory import fields
from clustr.inventory.document import SshDocument
from clustr.inventory.model import Role
from clustr.templates import render
from clustr.versions import DEFAULT_K3S


@dataclass(frozen=True)
class StarterNode:
    name: str
    address: str
    roles: tuple[Role, ...]


def init_text(
    name: str,
    user: str,
    servers: Sequence[str],
    agents: Sequence[str] = (),
    monitors: Sequence[str] = (),
    *,
    key: str | None = None,
    bastion: str | None = None,
    sudo_env: str | None = None,
    vip: str | None = None,
) -> str:
    """A commented inventory that loads as it stands. Nodes are given as IPv4 addresses, ranges too (`10.0.0.[1-3]`).

    `sudo_env` names the environment variable that holds sudo's password. Raises UsageError.
    """
    nodes = _nodes({Role.SERVER: servers, Role.AGENT: agents, Role.MONITOR: monitors})
    if not any(Role.SERVER in node.roles for node in nodes):
        raise UsageError("A cluster needs a server.", "Name the address of one, or of three: --server 10.0.0.11")
    _check(fields.Name, name, "The cluster's name")
    _check(fields.User, user, "The user")
    _check(fields.EnvironmentName | None, sudo_env, "The variable of sudo's password")
    _check(fields.Ipv4 | None, vip, "The virtual IP")
    _check(SshDocument, {"bastion": bastion, "key": key}, "The bastion or the key")
    return render(
        "inventory/inventory.yaml",
        cluster=name,
        user=_scalar(user),
        key=key and _scalar(key),
        bastion=bastion and _scalar(bastion),
        sudo_env=sudo_env,
        vip=vip,
        k3s=DEFAULT_K3S,
        monitored=bool(monitors),
        nodes=nodes,
    )


def _nodes(given: dict[Role, Sequence[str]]) -> list[StarterNode]:
    """One node for each address, named for its first role; one that is given for two roles has both."""
    roles: dict[str, list[Role]] = {}
    for role, written in given.items():
        for text in written:
            for address in _addresses(text):
                roles.setdefault(address, []).append(role)
    counts: dict[Role, int] = {}
    nodes: list[StarterNode] = []
    for address, having in roles.items():
        first = having[0]
        counts[first] = counts.get(first, 0) + 1
        nodes.append(StarterNode(f"{first}{counts[first]}", address, tuple(dict.fromkeys(having))))
    return nodes


def _addresses(text: str) -> tuple[str, ...]:
    try:
        addresses: fields.Range = TypeAdapter(fields.Ipv4s).validate_python(text)
    except ValidationError as error:
        raise UsageError(f"{_reason(error)}.") from None
    return addresses.members


def _check(kind: Any, value: object, what: str) -> None:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise UsageError(f"{what}: {_reason(error)}.") from None


def _reason(error: ValidationError) -> str:
    first = error.errors()[0]
    return str(first.get("ctx", {}).get("error", first["msg"]))


def _scalar(text: str) -> str:
    """The text as a YAML scalar, quoted where plain text would say something else."""
    plain = re.fullmatch(r"[A-Za-z~/][\w@./:~-]*(?<!:)", text) and yaml.safe_load(text) == text
    return text if plain else json.dumps(text)

"""The plan of a lab, pure: which nodes, with which names and addresses, in which free subnet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

from clustr.errors import ClustrError, UsageError
from clustr.inventory.model import Role
from clustr.lab.boards import MOST_GPUS
from clustr.lab.model import (
    ABOUT_SUDO,
    SHELLS,
    Gpus,
    Lab,
    LabNode,
    Login,
    NodeSpec,
    Source,
    Spec,
    Trait,
    internal_network,
    network,
)

FIRST_HOST = 11
MOST_NODES = 200
PREFIXES = {Role.SERVER: "cp", Role.AGENT: "agent", Role.MONITOR: "monitor"}
NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,18}[a-z0-9])?")


def check_name(name: str) -> None:
    """Raises UsageError for what cannot name a lab: the name becomes a folder, a cgroup and part of machine names."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for a lab.",
            "Use 1 to 20 lower-case letters, digits and hyphens, a letter first.",
        )


def check(spec: Spec) -> None:
    """Raises UsageError for a lab that cannot be."""
    check_name(spec.name)
    if min(spec.servers, spec.agents, spec.monitors) < 0 or spec.servers + spec.agents + spec.monitors == 0:
        raise UsageError("A lab needs at least one node.", "Say how many: --servers 1 --agents 0")
    if spec.servers + spec.agents + spec.monitors > MOST_NODES:
        raise UsageError(f"A lab has at most {MOST_NODES} nodes.", "Ask for fewer servers or agents.")
    check_traits(spec.traits, spec.login)
    check_gpus(spec.gpus)


def check_gpus(gpus: Gpus | None) -> None:
    """Raises UsageError for GPUs that no node of a lab can have."""
    if gpus is not None and not 1 <= gpus.count <= MOST_GPUS:
        raise UsageError(f"A node of a lab has 1 to {MOST_GPUS} GPUs, not {gpus.count}.", "Ask for another: --gpus 8")


def check_traits(traits: Sequence[Trait], login: Login) -> None:
    """Raises UsageError for traits that no node can have together, or that would change nothing on it."""
    shells = sorted(SHELLS.intersection(traits))
    if len(shells) > 1:
        raise UsageError(f"A login has one shell, not {' and '.join(shells)}.", "Choose one of them.")
    idle = sorted(ABOUT_SUDO.intersection(traits))
    if idle and login is Login.ROOT:
        raise UsageError(f"{', '.join(idle)}: root needs no sudo.", "Choose another login: --login password")


def plan(spec: Spec, number: int, image: Path, source: Source, gpu_image: Path | None = None) -> Lab:
    """The whole lab: cp1 and on, agent1 and on, monitor1 and on; without monitors the last node is one as well.

    `gpu_image` is what nodes with GPUs start from: the agents, or the servers where there are no agents.
    """
    lab = Lab(spec.name, number, spec.release, spec.login, spec.internal_network, image, source, nodes=())
    counts = ((Role.SERVER, spec.servers), (Role.AGENT, spec.agents), (Role.MONITOR, spec.monitors))
    worker = Role.AGENT if spec.agents else Role.SERVER
    for role, count in counts:
        gpus = spec.gpus if role is worker else None
        for _ in range(count):
            lab = with_node(lab, NodeSpec((role,), spec.traits, gpus=gpus), gpu_image if gpus and gpu_image else image)
    if spec.monitors == 0:
        last = lab.nodes[-1]
        lab = replace(lab, nodes=(*lab.nodes[:-1], replace(last, roles=(*last.roles, Role.MONITOR))))
    return lab


def with_node(lab: Lab, spec: NodeSpec, image: Path) -> Lab:
    """The lab with one more node at its end, from this image; raises UsageError when it is full."""
    release, login = spec.release or lab.release, spec.login or lab.login
    check_traits(spec.traits, login)
    check_gpus(spec.gpus)
    names = {node.name for node in lab.nodes}
    taken = {node.address for node in lab.nodes}
    prefix = PREFIXES[spec.roles[0]]
    name = next(f"{prefix}{i}" for i in range(1, MOST_NODES + 2) if f"{prefix}{i}" not in names)
    hosts = range(FIRST_HOST, FIRST_HOST + MOST_NODES)
    host = next((host for host in hosts if lab.network[host] not in taken), None)
    if host is None:
        raise UsageError(f"A lab has at most {MOST_NODES} nodes.", "Remove one first.")
    inner = internal_network(lab.number)[host] if lab.internal_network else None
    traits = tuple(dict.fromkeys(spec.traits))
    node = LabNode(name, lab.network[host], inner, spec.roles, release, image, login, traits, spec.gpus)
    return replace(lab, nodes=(*lab.nodes, node))


def free_number(used: Iterable[IPv4Network], taken: Iterable[int]) -> int:
    """The first lab number whose subnets meet no network in use here and that no other lab has."""
    networks, numbers = list(used), set(taken)
    for number in range(1, 255):
        mine = (network(number), internal_network(number))
        if number not in numbers and not any(own.overlaps(other) for own in mine for other in networks):
            return number
    raise ClustrError(
        "No subnet of 10.77.0.0/16 is free for a lab.", "Take a lab down: clustr lab status, then clustr lab down NAME"
    )

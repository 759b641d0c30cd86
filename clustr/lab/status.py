"""What the labs of this machine are doing now."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clustr.lab import machine
from clustr.lab.model import Lab, LabNode


@dataclass(frozen=True)
class NodeStatus:
    """One node; `uptime` in seconds, None while it is off."""

    node: LabNode
    uptime: float | None


@dataclass(frozen=True)
class LabStatus:
    lab: Lab
    nodes: tuple[NodeStatus, ...]


def look(labs: Sequence[Lab]) -> list[LabStatus]:
    return [LabStatus(lab, tuple(NodeStatus(node, _uptime(lab, node)) for node in lab.nodes)) for lab in labs]


def to_json(found: Sequence[LabStatus]) -> dict[str, Any]:
    """The document of `clustr lab status --output json`."""
    return {"labs": [_lab(status) for status in found]}


def _lab(status: LabStatus) -> dict[str, Any]:
    lab = status.lab
    return {
        "name": lab.name,
        "ready": lab.ready,
        "release": str(lab.release),
        "network": str(lab.network),
        "inventory": str(lab.inventory),
        "k3s": {"version": lab.source.k3s_version or None, "stand_in": lab.source.stand_in},
        "nodes": [
            {
                "name": found.node.name,
                "address": str(found.node.address),
                "internal_address": str(found.node.internal_address) if found.node.internal_address else None,
                "roles": [str(role) for role in found.node.roles],
                "release": str(found.node.release),
                "login": str(found.node.login),
                "traits": [str(trait) for trait in found.node.traits],
                "gpus": _gpus(found.node),
                "up": found.uptime is not None,
                "uptime_seconds": None if found.uptime is None else round(found.uptime),
            }
            for found in status.nodes
        ],
    }


def _gpus(node: LabNode) -> dict[str, Any] | None:
    return {"count": node.gpus.count, "model": str(node.gpus.model)} if node.gpus else None


def _uptime(lab: Lab, node: LabNode) -> float | None:
    pid = machine.leader(lab, node)
    if pid is None:
        return None
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return None
    started = int(stat.rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")  # proc(5): starttime
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started)

"""What labs there are, as kept below /var/lib/clustr/labs: one folder each, readable by root alone.

state.json is written before anything it names is made, so that `down` can undo a run that was killed half way.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from clustr.errors import LabError, LockedError, UsageError
from clustr.inventory.model import Role
from clustr.lab.model import LABS, GpuModel, Gpus, Lab, LabNode, Login, Origin, Release, Source, Trait


def save(lab: Lab) -> None:
    lab.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write(lab.folder / "state.json", json.dumps(_to_json(lab), indent=2) + "\n")


def load(name: str) -> Lab:
    """The lab of this name; raises UsageError when there is none."""
    _may_look()
    file = LABS / name / "state.json"
    if not file.is_file():
        names = ", ".join(lab.name for lab in all_labs())
        raise UsageError(f"There is no lab {name}.", f"There are: {names}" if names else "Make one: clustr lab up")
    return _from_json(json.loads(file.read_text(encoding="utf-8")))


def all_labs() -> list[Lab]:
    """Every lab on this machine, also one whose `up` has not come to its end."""
    _may_look()
    return [_from_json(json.loads(file.read_text(encoding="utf-8"))) for file in sorted(LABS.glob("[a-z]*/state.json"))]


def write(file: Path, text: str, mode: int = 0o600) -> None:
    """Write a file so that it appears whole, with its mode from the first byte on."""
    draft = file.with_name(f".{file.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as out:
        out.write(text)
    draft.rename(file)


@contextmanager
def all_labs_held() -> Iterator[None]:
    """Alone among all labs: for the choice of a subnet, and for what labs share of this machine."""
    LABS.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (LABS / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def held(lab: Lab) -> Iterator[None]:
    """Alone with one lab; raises LockedError when another command is at it."""
    folder = os.open(lab.folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise LockedError(f"Another command is at work on lab {lab.name}.", "Wait for it, then try again.") from error
    finally:
        os.close(folder)


def _may_look() -> None:
    if LABS.exists() and not os.access(LABS, os.R_OK | os.X_OK):
        raise LabError("Labs belong to root; nobody else sees whether there are any.", "Run it with sudo.")


def _to_json(lab: Lab) -> dict[str, Any]:
    return {
        "name": lab.name,
        "number": lab.number,
        "release": lab.release,
        "login": lab.login,
        "internal_network": lab.internal_network,
        "image": str(lab.image),
        "source": {
            "origin": lab.source.origin,
            "mirror": lab.source.mirror,
            "ca": _text(lab.source.ca),
            "folder": _text(lab.source.folder),
            "k3s_version": lab.source.k3s_version,
        },
        "nodes": [_node_to_json(node) for node in lab.nodes],
        "ready": lab.ready,
    }


def _from_json(data: dict[str, Any]) -> Lab:
    source = data["source"]
    return Lab(
        name=data["name"],
        number=data["number"],
        release=Release(data["release"]),
        login=Login(data["login"]),
        internal_network=data["internal_network"],
        image=Path(data["image"]),
        source=Source(
            Origin(source["origin"]),
            source["mirror"],
            _path(source["ca"]),
            _path(source["folder"]),
            source["k3s_version"],
        ),
        nodes=tuple(_node_from_json({**data, **node}) for node in data["nodes"]),
        ready=data["ready"],
    )


def _node_to_json(node: LabNode) -> dict[str, Any]:
    return {
        "name": node.name,
        "address": str(node.address),
        "internal_address": _text(node.internal_address),
        "roles": list(node.roles),
        "release": node.release,
        "image": str(node.image),
        "login": node.login,
        "traits": list(node.traits),
        "gpus": None if node.gpus is None else _gpus_to_json(node.gpus),
    }


def _gpus_to_json(gpus: Gpus) -> dict[str, Any]:
    return {"count": gpus.count, "model": gpus.model, "nvml": _text(gpus.nvml)}


def _node_from_json(data: dict[str, Any]) -> LabNode:
    """`data` has the lab's own release, image and login where the node has none: labs once had one for all nodes."""
    return LabNode(
        data["name"],
        IPv4Address(data["address"]),
        IPv4Address(data["internal_address"]) if data["internal_address"] else None,
        tuple(Role(role) for role in data["roles"]),
        Release(data["release"]),
        Path(data["image"]),
        Login(data["login"]),
        tuple(Trait(trait) for trait in data.get("traits", ())),
        _gpus_from_json(data["gpus"]) if data.get("gpus") else None,
    )


def _gpus_from_json(data: dict[str, Any]) -> Gpus:
    return Gpus(data["count"], GpuModel(data["model"]), _path(data["nvml"]))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _path(value: str | None) -> Path | None:
    return Path(value) if value else None

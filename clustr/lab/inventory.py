"""The inventory of a lab, pure: what clustr is told about these nodes, in the words of every other inventory."""

from __future__ import annotations

from typing import Any

import yaml

from clustr.lab.boards import BOARDS
from clustr.lab.model import SSH_PORT, Gpus, Lab, LabNode, Login
from clustr.lab.services import MIRROR_PORT

HEAD = "# The nodes of a lab on this machine. Written by `clustr lab up`; `clustr lab down` removes it.\n"


def render(lab: Lab, *, cgroup_v1: bool) -> str:
    """`cgroup_v1`: whether nodes have cgroup v1, which they share with this machine."""
    document: dict[str, Any] = {"cluster": lab.name}
    document["ssh"] = {
        "user": lab.login.user,
        "key": str(lab.key),
        "known_hosts": str(lab.known_hosts),
        "host_keys": "strict",
    }
    one_password = {node.login for node in lab.nodes} == {Login.PASSWORD}
    if one_password:
        document["sudo"] = _sudo(lab)
    k3s: dict[str, Any] = {}
    if lab.source.k3s_version:
        k3s["version"] = lab.source.k3s_version
    if cgroup_v1:
        k3s["allow_cgroup_v1"] = True
    if k3s:
        document["k3s"] = k3s
    document["time"] = {"servers": [str(lab.gateway)]}
    artifacts = _artifacts(lab)
    if artifacts:
        document["artifacts"] = artifacts
    if classes := _classes(lab):
        document["classes"] = classes
    document["nodes"] = [_node(lab, node, sudo=not one_password) for node in lab.nodes]
    return HEAD + yaml.safe_dump(document, sort_keys=False, default_flow_style=None, width=200)


def _classes(lab: Lab) -> dict[str, dict[str, Any]]:
    """One for each kind of GPU node; what it expects is what the lab made up."""
    return {_class(node.gpus): _expected(node.gpus) for node in lab.nodes if node.gpus}


def _class(gpus: Gpus) -> str:
    return f"{gpus.model}x{gpus.count}"


def _expected(gpus: Gpus) -> dict[str, Any]:
    board = BOARDS[gpus.model]
    expected: dict[str, Any] = {"gpus": gpus.count, "model": board.chip.model}
    if board.links:
        expected["nvlink"] = board.links
    if board.nic:
        expected |= {"ib_ports": gpus.count, "ib_rate": board.rate}
    return expected


def _artifacts(lab: Lab) -> dict[str, str]:
    if lab.source.folder is not None:
        return {"mirror": f"https://{lab.gateway}:{MIRROR_PORT}", "ca": str(lab.folder / "mirror-ca.pem")}
    if lab.source.mirror and lab.source.ca:
        return {"mirror": lab.source.mirror, "ca": str(lab.source.ca)}
    return {"mirror": lab.source.mirror} if lab.source.mirror else {}


def _sudo(lab: Lab) -> dict[str, Any]:
    return {"password": {"file": str(lab.password_file)}}


def _node(lab: Lab, node: LabNode, *, sudo: bool) -> dict[str, Any]:
    """`sudo`: whether the node itself says how to become root."""
    entry: dict[str, Any] = {"name": node.name, "address": str(node.address)}
    if node.internal_address:
        entry["internal_address"] = str(node.internal_address)
    entry["roles"] = [str(role) for role in node.roles]
    if node.gpus:
        entry["class"] = _class(node.gpus)
    ssh: dict[str, Any] = {"user": node.login.user} if node.login.user != lab.login.user else {}
    if node.port != SSH_PORT:
        ssh["port"] = node.port
    if ssh:
        entry["ssh"] = ssh
    if sudo and node.login is Login.PASSWORD:
        entry["sudo"] = _sudo(lab)
    return entry

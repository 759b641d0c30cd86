from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clustr.errors import UsageError
from clustr.inventory.load import load, read
from clustr.inventory.model import Cluster, Role
from clustr.inventory.starter import init_text


def written(tmp_path: Path, text: str) -> Cluster:
    path = tmp_path / "inventory.yaml"
    path.write_text(text)
    return load(path)


def test_the_least(tmp_path: Path) -> None:
    cluster = written(tmp_path, init_text("lab", "ubuntu", ["10.0.0.11"]))
    assert (cluster.name, cluster.nodes[0].ssh.user) == ("lab", "ubuntu")
    assert [(node.name, set(node.roles)) for node in cluster.nodes] == [("server1", {Role.SERVER, Role.MONITOR})]


def test_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SUDO", "x")
    (tmp_path / "my key").touch()
    text = init_text(
        "lab", "DOM\\ann", ["10.0.0.[11-13]"], ["10.0.1.[1-2]", "10.0.1.9"], ["10.0.1.9", "10.0.0.20"],
        key="my key", bastion="jump@gate.example.com:2022", sudo_env="MY_SUDO", vip="10.0.0.10",
    )  # fmt: skip
    cluster = written(tmp_path, text)
    assert {node.name: (node.address, set(node.roles)) for node in cluster.nodes[3:]} == {
        "agent1": ("10.0.1.1", {Role.AGENT}),
        "agent2": ("10.0.1.2", {Role.AGENT}),
        "agent3": ("10.0.1.9", {Role.AGENT, Role.MONITOR}),
        "monitor1": ("10.0.0.20", {Role.MONITOR}),
    }
    ssh = cluster.nodes[0].ssh
    assert (ssh.user, ssh.key) == ("DOM\\ann", tmp_path / "my key")
    assert ssh.bastion is not None
    assert (ssh.bastion.host, ssh.bastion.port, cluster.network.vip) == ("gate.example.com", 2022, "10.0.0.10")


@pytest.mark.parametrize("user", ["null", "true", "yes", "012", "1.30", "~", "<<", "a.b-c"])
def test_a_user_stays_as_given(tmp_path: Path, user: str) -> None:
    try:
        text = init_text("lab", user, ["10.0.0.11"])
    except UsageError:
        return
    assert written(tmp_path, text).nodes[0].ssh.user == user


def test_every_line_that_is_commented_out_would_be_understood(tmp_path: Path) -> None:
    lines = init_text("lab", "ubuntu", ["10.0.0.11"]).splitlines()
    settings = [
        line.replace("# ", "", 1) if line.lstrip().startswith("# ") and _setting(line) else line for line in lines
    ]
    assert len([line for line in lines if line not in settings]) >= 9
    path = tmp_path / "inventory.yaml"
    path.write_text("\n".join(settings))
    found = read(path)
    assert found.cluster.network.vip == "10.0.0.10"
    assert len(found.warnings) == 2  # a key and a password that are not here


def _setting(line: str) -> bool:
    known = ("sudo", "password", "network", "vip", "cluster_cidr", "service_cidr", "classes", "h100", "key", "bastion")
    return line.replace("#", "", 1).split(":")[0].strip() in known


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": "Lab"}, "The cluster's name"),
        ({"user": "a b"}, "The user"),
        ({"user": "a\nb: c"}, "The user"),
        ({"servers": []}, "needs a server"),
        ({"servers": ["gpu.example.com"]}, "no IPv4 address"),
        ({"servers": ["10.0.0.[1-"]}, "bracket"),
        ({"sudo_env": "a b"}, "variable"),
        ({"vip": "x"}, "virtual IP"),
        ({"bastion": "a b"}, "bastion"),
        ({"key": "a\nb"}, "key"),
    ],
)
def test_refuses_what_would_not_load(change: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        init_text(**{"name": "lab", "user": "ubuntu", "servers": ["10.0.0.11"], **change})

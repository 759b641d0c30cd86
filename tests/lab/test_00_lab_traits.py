"""Nodes of several kinds in one lab: traits, releases, logins; and nothing of them is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from clustr import lab as labs
from clustr.inventory.load import load
from clustr.inventory.model import Role
from clustr.lab import cgroups
from clustr.lab.model import Login, NodeSpec, Release, Spec, Trait
from tests.lab.footprint import footprint, left_behind
from tests.lab.test_00_lab_itself import inside, login, quiet

NAME = "test-traits"
AGENT = (Role.AGENT,)

UP = """
import sys
from clustr import lab as labs
labs.up(labs.Spec(sys.argv[1], servers=1, agents=0, artifacts="none", traits=(labs.Trait.FISH,)), lambda line: None)
"""


@pytest.fixture(autouse=True)
def _none_left() -> Iterator[None]:
    labs.down(NAME, quiet)
    before = footprint([NAME])
    yield
    labs.down(NAME, quiet)
    assert left_behind(before, footprint([NAME])) == {}


def status(*words: str) -> str:
    command = [str(Path(sys.executable).with_name("clustr")), "lab", "status", NAME, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_several_nodes_at_once_each_of_its_own_kind() -> None:
    lab = labs.up(Spec(NAME, servers=1, agents=0, artifacts="none", traits=(Trait.UMASK,)), quiet)
    inventory = lab.inventory.read_text()
    specs = [
        NodeSpec(AGENT, (Trait.NOEXEC, Trait.PORT), Release.TRIXIE),
        NodeSpec(AGENT, (Trait.TCSH,), login=Login.PASSWORD),
    ]
    added = labs.add_nodes(lab, specs, quiet)
    lab = labs.load(NAME)
    assert inside(lab, "cp1", "grep -c ^UMASK.027 /etc/login.defs") == "1"
    assert inside(lab, "agent1", ". /etc/os-release; echo $VERSION_CODENAME") == "trixie"
    assert login(lab, "agent2", "echo $version").stdout.startswith("tcsh")
    nodes = load(lab.inventory).nodes
    assert [(node.ssh.user, node.ssh.port, node.sudo.password is None) for node in nodes] == [
        ("root", 22, True),
        ("root", 2222, True),
        ("lab", 22, False),
    ]

    document = json.loads(status("--output", "json"))
    jsonschema.validate(document, json.loads((files("clustr") / "schemas/lab-status.json").read_text()))
    shown = [(node["release"], node["login"], node["traits"]) for node in document["labs"][0]["nodes"]]
    assert shown[1:] == [("trixie", "root", ["noexec", "port"]), ("bookworm", "password", ["tcsh"])]
    lines = status().splitlines()
    assert "Debian bookworm, trixie" in lines[0]
    assert [line.split("s  ")[-1].strip() for line in lines[1:4]] == ["umask", "trixie, noexec, port", "tcsh"]

    labs.reset_node(lab, "agent1", quiet)
    assert "noexec" in inside(lab, "agent1", "findmnt -no OPTIONS /tmp | tail -n 1")
    for node in added:
        labs.remove_node(lab, node.name)
    assert lab.inventory.read_text() == inventory


def test_a_lab_killed_while_a_trait_is_made_leaves_nothing_behind() -> None:
    making = subprocess.Popen([sys.executable, "-c", UP, NAME])
    deadline = time.monotonic() + 60
    while not installing():
        assert making.poll() is None, "it was over before it was seen"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(making.pid, signal.SIGKILL)
    making.wait()
    assert installing(), "what is killed must still be at work"
    labs.down(NAME, quiet)
    assert cgroups.processes(f"clustr-lab/{NAME}") == set()


def test_a_hardened_machine_carries_labs_too() -> None:
    """systemd in a container does not come up under its host's umask: https://github.com/systemd/systemd/issues/8911."""
    subprocess.run([sys.executable, "-c", UP, NAME], umask=0o027, check=True)
    lab = labs.load(NAME)
    assert inside(lab, "cp1", "stat -c %a / /etc/hosts /etc/systemd/network/10-host0.network").split() == [
        "755",
        "644",
        "644",
    ]
    assert {path.stat().st_mode & 0o077 for path in (lab.folder, lab.key, lab.inventory)} == {0}


def installing() -> bool:
    """Whether apt is at work in the file system of a node of this lab."""
    commands = [Path(f"/proc/{pid}/cmdline") for pid in cgroups.processes(f"clustr-lab/{NAME}/host")]
    return any(b"apt-get" in command.read_bytes() for command in commands if command.exists())

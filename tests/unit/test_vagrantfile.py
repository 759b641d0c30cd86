"""The Vagrantfile, loaded by the real Ruby with vagrant.rb in Vagrant's place: the machines it makes of inventories."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from clustr.inventory.load import read
from clustr.inventory.ranges import expand

HOUSE = Path(__file__).parents[2]
SAMPLES = HOUSE / "inventories"


def ruby(*words: str | Path, inventory: Path | None = None) -> subprocess.CompletedProcess[str]:
    if shutil.which("ruby") is None:
        pytest.fail("ruby is needed for this test: apt-get install ruby")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("CLUSTR_")}
    if inventory:
        environment["CLUSTR_INVENTORY"] = str(inventory)
    return subprocess.run(["ruby", "-w", *words], env=environment, capture_output=True, text=True, check=False)


def wanted(inventory: Path | None = None) -> Any:
    """What the Vagrantfile asks of Vagrant; a warning of Ruby's is an error."""
    done = ruby(Path(__file__).with_name("vagrant.rb"), HOUSE / "Vagrantfile", inventory=inventory)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def machines(document: Any) -> dict[str, list[str]]:
    """Name and private addresses of each machine."""
    found = {}
    for machine in document["vm"]["define"]:
        vm = machine["inner"]["vm"]
        assert [vm["hostname"]] == machine["words"]
        assert [network["words"] for network in vm["network"]] == [["private_network"]] * len(vm["network"])
        found[vm["hostname"]] = [network["options"]["ip"] for network in vm["network"]]
    return found


def as_clustr_reads(inventory: Path) -> dict[str, list[str]]:
    nodes = read(inventory).cluster.nodes
    return {node.name: list(dict.fromkeys([node.address, node.internal_address])) for node in nodes}


def test_it_is_ruby() -> None:
    assert ruby("-c", HOUSE / "Vagrantfile").stdout == "Syntax OK\n"


def test_machines_of_the_sample() -> None:
    document = wanted()
    assert machines(document) == {
        "server1": ["192.168.56.11"],
        "agent1": ["192.168.56.21"],
        "agent2": ["192.168.56.22"],
    }
    assert document["ssh"] == {"insert_key": False}
    assert [provider["words"] for provider in document["vm"]["provider"]] == [["libvirt"], ["virtualbox"]]


@pytest.mark.parametrize("name", ["vagrant.yaml", "single.yaml", "lab.yaml", "ha-8xh100.yaml"])
def test_machines_are_clustrs_nodes(name: str) -> None:
    assert machines(wanted(SAMPLES / name)) == as_clustr_reads(SAMPLES / name)


RANGES = """
x-agents: &agents {roles: [agent]}
nodes:
  - {name: 'cp[1-3]', address: '192.168.56.[8-10]', internal_address: '192.168.57.[98-100]', roles: [server]}
  - {<<: *agents, name: 'gpu[01-02,08]x[1, 3]', address: '192.168.[58-59].[21-22,30]'}
  - {<<: *agents, name: '007', address: 192.168.60.1}
"""


def test_ranges_are_expanded_as_clustr_does(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yaml"
    path.write_text(RANGES)
    found = machines(wanted(path))
    assert found == as_clustr_reads(path)
    assert found["cp3"] == ["192.168.56.10", "192.168.57.100"]
    assert list(found)[3:] == [*expand("gpu[01-02,08]x[1,3]"), "007"]


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ("{name: 007, address: 192.168.56.7}", "write name and address in quotes"),
        ("{name: 'a[1-3]', address: '192.168.56.[1-2]'}", "not as many addresses as names"),
        ("{name: a, address: a.example.com, internal_address: 192.168.56.7}", "a.example.com is no IPv4 address"),
    ],
)
def test_what_no_machine_can_be_is_said(tmp_path: Path, node: str, words: str) -> None:
    path = tmp_path / "inventory.yaml"
    path.write_text(f"nodes:\n  - {node}\n")
    done = ruby(Path(__file__).with_name("vagrant.rb"), HOUSE / "Vagrantfile", inventory=path)
    assert done.returncode == 1
    assert words in done.stderr

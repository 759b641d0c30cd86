"""What machines said, word for word, and what is made of it; and the script on the machine that runs the tests."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from clustr.errors import UnreachableError
from clustr.inventory.model import Node, Role
from clustr.remote.connection import Result
from clustr.remote.facts import (
    Datastore,
    Facts,
    Firewall,
    Interface,
    KubeNode,
    LockFacts,
    PciDevice,
    Record,
    Selinux,
    Swap,
)
from clustr.remote.facts_reader import facts_script, parse_facts, read_facts
from clustr.remote.said import Said
from tests.fakes import FakeConnection, LocalConnection

RECORDED = Path(__file__).parent / "facts"
NODE = Node(name="n1", address="10.0.0.1", internal_address="10.0.0.1", roles=frozenset({Role.AGENT}))


def recorded(name: str) -> Facts:
    return parse_facts(Said((RECORDED / name).read_bytes().decode(errors="replace")))


@pytest.mark.parametrize(
    ("name", "version", "codename"), [("debian-12.txt", "12", "bookworm"), ("debian-13.txt", "13", "trixie")]
)
def test_a_bare_debian_node(name: str, version: str, codename: str) -> None:
    facts = recorded(name)
    assert (facts.os.id, facts.os.version, facts.os.codename) == ("debian", version, codename)
    assert (facts.hostname, facts.architecture, facts.systemd) == ("cp1", "x86_64", True)
    assert (facts.cpus, facts.memory_mb, facts.cgroup) == (2, 24105, 1)
    assert facts.disk_free_mb > 10_000
    assert facts.clock > 1_795_000_000
    assert [each.name for each in facts.interfaces] == ["host0", "lo"]
    assert facts.interfaces[0].addresses[0].startswith("10.77.")
    assert {each.vendor for each in facts.pci} == {"8086", "1af4"}
    assert facts.next_kernel == facts.kernel
    assert (facts.k3s.version, facts.k3s.datastore, facts.k3s.token) == ("", Datastore.NONE, None)
    assert (facts.records, facts.applying.active, facts.firewall) == ((), False, Firewall.NONE)


def test_a_hostile_machine_gets_no_control_character_through() -> None:
    facts = recorded("hostile.txt")
    assert facts.boot_id == "c460eb94-3224-4278-9ff5-5944c0e84fa5"
    assert facts.machine_id == "abc]0;titledef"
    assert facts.architecture == "x86_64"
    assert facts.os.name == "Ubuntu �24.04� [2J"
    assert facts.hostname == "gpu[31m01"
    assert facts.swaps == (Swap("/swap file", 8388604),)
    assert facts.pci == (PciDevice("0000:4b:00.0", "10de", "2330", "030200"),)
    assert facts.interfaces == (
        Interface("ens3", ("10.0.1.1/24", "10.0.1.100/32"), 9000),
        Interface("ibp0", (), 4092),
        Interface("lo", ("127.0.0.1/8",), 65536),
        Interface("flannel.1", ("10.42.3.0/32",), 1450),
    )
    assert (facts.firewall, facts.cgroup, facts.next_kernel) == (Firewall.UFW, 2, "6.8.0-94-generic")
    assert facts.memory_mb == 2_064_384


def test_cluster_data_records_and_a_running_apply() -> None:
    facts = recorded("hostile.txt")
    assert facts.k3s.nodes == (
        KubeNode("cp1", True, False, "v1.36.5+k3s1"),
        KubeNode("cp2", False, True, "v1.36.5+k3s1"),
        KubeNode("gpu01", False, False, "v1.36.5+k3s1"),
    )
    undo = "restore_file /etc/rancher/k3s/config.yaml\nsecond line"
    assert facts.records == (
        Record(12, "k3s_server", "", "file /etc/rancher/k3s/config.yaml", undo),
        Record(3, "k3s_server", "cp2", "label tier", ""),
    )
    assert facts.applying.active
    assert facts.applying.run_id == "2026-11-24T15-58-01"
    assert facts.applying.verdict == "run 2026-11-24T15-58-01\ndone 0\nstatus done\n"


@pytest.mark.parametrize("lost", ["boot_id", "clock", "disk_free_kb", "end"])
def test_facts_that_are_not_whole_are_none(lost: str) -> None:
    said = "\n".join(
        line for line in (RECORDED / "debian-12.txt").read_text().splitlines() if not line.startswith(f"{lost}=")
    )
    with pytest.raises(UnreachableError, match="its facts could not be read") as caught:
        read_facts(FakeConnection({"What this machine says": said}), NODE)
    assert caught.value.node == "n1"
    assert "clustr exec --limit n1" in caught.value.remedy


@pytest.mark.parametrize(
    "nonsense", ["firewall=pf", "datastore=oracle", "swap=/swap much", "records=bm90IGEKcmVjb3JkCjE=", "port=eth0 big"]
)
def test_facts_that_make_no_sense_are_an_error(nonsense: str) -> None:
    said = (RECORDED / "debian-12.txt").read_text() + nonsense
    if nonsense.startswith("records"):
        said = said.replace("records=\n", "")
    with pytest.raises(UnreachableError, match="its facts make no sense"):
        read_facts(FakeConnection({"What this machine says": said}), NODE)


def test_a_script_that_failed_is_no_answer() -> None:
    said = (RECORDED / "debian-12.txt").read_text()
    with pytest.raises(UnreachableError):
        read_facts(FakeConnection({"What this machine says": Result(1, said, "")}), NODE)


def test_the_script_answers_here_and_now() -> None:
    done = subprocess.run(["bash", "-c", facts_script()], capture_output=True, text=True, check=True)
    facts = parse_facts(Said(done.stdout))
    assert facts.kernel == subprocess.check_output(["uname", "-r"], text=True).strip()
    assert facts.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert any("127.0.0.1/8" in each.addresses for each in facts.interfaces)


def test_the_script_answers_where_next_to_nothing_is_installed(tmp_path: Path) -> None:
    for name in ("date", "uname", "base64", "awk", "getconf", "df", "stat"):
        found = subprocess.check_output(["bash", "-c", f"type -P {name}"], text=True).strip()
        (tmp_path / name).symlink_to(found)
    command = ["/bin/bash", "-c", facts_script()]
    done = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=True)
    said = Said(done.stdout)
    assert said.one("end") == "yes"
    assert {each.addresses for each in parse_facts(said).interfaces} <= {()}


@pytest.mark.parametrize(
    ("said", "selinux"),
    [
        ("selinux_enforce=1\nselinux_config=there", Selinux.ENFORCING),
        ("selinux_enforce=0\nselinux_config=there", Selinux.PERMISSIVE),
        ("selinux_enforce=\nselinux_config=there", Selinux.DISABLED),
        ("selinux_enforce=", Selinux.NONE),
    ],
)
def test_what_selinux_does(said: str, selinux: Selinux) -> None:
    recorded = (RECORDED / "debian-12.txt").read_text()
    assert parse_facts(Said(f"{recorded}{said}\n")).selinux is selinux


def test_a_lock_is_told_with_its_silence() -> None:
    with LocalConnection() as machine:
        assert parse_facts(Said(machine.run(facts_script()).stdout)).lock == LockFacts()
        machine.run("mkdir -p /var/lib/clustr/lock; touch -d '90 seconds ago' /var/lib/clustr/lock")
        cut = parse_facts(Said(machine.run(facts_script()).stdout)).lock
        machine.write("/var/lib/clustr/lock/holder", "who=ana\nhost=desk\nrun_id=f00d\ncommand=bootstrap\n")
        machine.run("touch -d '61 seconds ago' /var/lib/clustr/lock/beat")
        lock = parse_facts(Said(machine.run(facts_script()).stdout)).lock
    assert (cut.held, cut.run_id, 90 <= cut.silent_for < 95) == (True, "", True)
    assert (lock.held, lock.run_id, 61 <= lock.silent_for < 66) == (True, "f00d", True)
    assert (lock.who, lock.command, lock.held_for < 5) == ("ana@desk", "bootstrap", True)


def test_an_apply_is_told_until_its_end_was_read() -> None:
    with LocalConnection() as machine:
        machine.write("/var/lib/clustr/run", "f00d\nana@desk\n")
        told = parse_facts(Said(machine.run(facts_script()).stdout)).applying
        machine.run("mv /var/lib/clustr/run /var/lib/clustr/run.read")
        read = parse_facts(Said(machine.run(facts_script()).stdout)).applying
    assert (told.run_id, told.who, told.active) == ("f00d", "ana@desk", False)
    assert (read.run_id, read.who) == ("", "")

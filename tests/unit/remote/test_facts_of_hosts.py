"""What preflight is told of a host: the words of the script, typed; and the script on a view of this machine's disk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clustr.errors import UnreachableError
from clustr.inventory.model import Node, Role
from clustr.remote.facts import Controllers, Facts, Former, Kernel, Listener, Remains, Resolver, Swap
from clustr.remote.facts_reader import facts_script, parse_facts, read_facts
from clustr.remote.said import Said
from tests.fakes import FakeConnection, LocalConnection

BARE = (Path(__file__).parent / "facts/debian-12.txt").read_text()
NODE = Node(name="n1", address="10.0.0.1", internal_address="10.0.0.1", roles=frozenset({Role.AGENT}))


def facts(*further: str) -> Facts:
    return parse_facts(Said("\n".join((BARE, *further, ""))))


def test_what_is_not_told_is_not_there() -> None:
    """As an older script's answer has it."""
    found = facts()
    assert (found.controllers, found.listeners, found.resolvers, found.kernels) == (None, None, (), ())


def test_controllers_of_both_cgroups() -> None:
    v1 = facts("controllers=cpu", "controllers=memory", "controllers_off=memory,io", "controllers_off=pids")
    assert v1.controllers == Controllers(frozenset(("cpu", "memory")), frozenset(("memory", "io", "pids")))
    assert facts("controllers=cpuset cpu io").controllers == Controllers(frozenset(("cpuset", "cpu", "io")))


def test_modules_by_kernel() -> None:
    told = ("installed_kernel=6.2", "installed_kernel=6.1", "module=6.1 vxlan", "module=6.1 overlay", "module=6.9 x")
    found = facts(*told, "module=short", "works=overlay", "unknown=vxlan")
    assert found.kernels == (Kernel("6.1", frozenset(("vxlan", "overlay"))), Kernel("6.2", frozenset()))
    assert (found.working_modules, found.unknown_modules) == (frozenset(("overlay",)), frozenset(("vxlan",)))


def test_listeners() -> None:
    twice = ("listen=tcp 6443 k3s.service k3s-server", "listen=tcp 6443 k3s.service k3s-server")
    found = facts("listeners=told", *twice, "listen=udp 8472 - ", "listen=tcp much - x", "listen=tcp 9100 - a \x1b[2Jb")
    assert found.listeners == (
        Listener(6443, "tcp", "k3s-server", "k3s.service"),
        Listener(8472, "udp", "", ""),
        Listener(9100, "tcp", "a [2Jb", ""),
    )
    assert facts("listeners=told").listeners == ()


def test_resolvers_swap_and_remains() -> None:
    found = facts("resolver=/etc/resolv.conf", "nameserver=/etc/resolv.conf 10.0.0.2", "nameserver=/else 10.0.0.3")
    assert found.resolvers == (Resolver("/etc/resolv.conf", ("10.0.0.2",)),)
    assert facts(r"swap=/a\040b 1024", "swap=/old 7").swaps == (Swap("/a b", 1024), Swap("/old", 7))
    assert facts("remains=cni /etc/cni/net.d/a b").remains == (Remains(Former.CNI, "/etc/cni/net.d/a b"),)


@pytest.mark.parametrize("nonsense", ["remains=beos /boot", "swap=/a much", "clock=nan", "address=eth0 10.0.0.1/99"])
def test_what_makes_no_sense_is_an_error(nonsense: str) -> None:
    said = f"{nonsense}\n{BARE}"
    with pytest.raises(UnreachableError, match="its facts make no sense"):
        read_facts(FakeConnection({"What this machine says": said}), NODE)


def test_the_moment_of_the_answer_is_kept() -> None:
    before = time.time()
    found = read_facts(FakeConnection({"What this machine says": BARE}), NODE)
    assert before <= found.asked <= time.time()
    assert found.clock != found.asked


@pytest.mark.parametrize("said", ["shm_free_kb=0", "shm_free_kb=1023"])
def test_a_full_dev_shm_is_told_at_the_first_look(said: str) -> None:
    with pytest.raises(UnreachableError, match="KB are free in /dev/shm") as caught:
        read_facts(FakeConnection({"What this machine says": f"{said}\n{BARE}"}), NODE)
    assert caught.value.remedy == "free some memory there: df /dev/shm"


@pytest.mark.parametrize("said", ["shm_free_kb=1024", "shm_free_kb="])
def test_room_in_dev_shm_or_no_limit_to_it(said: str) -> None:
    assert read_facts(FakeConnection({"What this machine says": f"{said}\n{BARE}"}), NODE).cpus == 2


@pytest.fixture
def here() -> Iterator[LocalConnection]:
    with LocalConnection() as machine:
        yield machine


def told(machine: LocalConnection) -> Facts:
    return parse_facts(Said(machine.run(facts_script()).stdout))


def test_a_machine_that_answers_slowly_has_no_slow_clock(here: LocalConnection) -> None:
    here.command("ss", "sleep 3")
    found = read_facts(here, NODE)
    assert abs(found.asked - found.clock) < 2


@pytest.mark.parametrize(("options", "free"), [("size=3m", "3072"), ("size=0", "")])
def test_what_is_free_is_told_of_each_place(here: LocalConnection, options: str, free: str) -> None:
    said = Said(here.run(f"mount -t tmpfs -o {options} tmpfs /dev/shm\n{facts_script()}").stdout)
    assert said.one("shm_free_kb") == free
    assert said.one("cgroup_type")
    assert int(said.one("disk_free_kb")) > 0


def test_remains_are_looked_for_where_k3s_is_not(here: LocalConnection) -> None:
    for path in ("/etc/kubernetes/admin.conf", "/etc/cni/net.d/10-x.conf", "/etc/cni/net.d/87-podman.conflist"):
        here.write(path, "")
    here.write("/usr/local/nvidia/toolkit/nvidia-ctk", "")
    found = {(each.of, each.what) for each in told(here).remains}
    assert (Former.KUBEADM, "/etc/kubernetes/admin.conf") in found
    assert (Former.CNI, "/etc/cni/net.d/10-x.conf") in found
    assert (Former.GPU_OPERATOR, "/usr/local/nvidia") in found
    assert not any("podman" in what for _, what in found)
    here.write("/etc/systemd/system/k3s.service", "[Service]\n")
    assert told(here).remains == ()


def test_a_port_is_its_units_also_while_a_program_that_is_being_started_holds_it_too(here: LocalConnection) -> None:
    users = 'users:(("k3s-server",pid=4000001,fd=7),("k3s-server",pid=4000002,fd=7))'
    here.command("ss", f"echo 'tcp LISTEN 0 4096 *:6443 *:* {users}'")
    here.write("/fake/4000002/cgroup", "0::/system.slice/k3s.service\n")
    script = facts_script().replace('"/proc/$1/', '"/fake/$1/').replace('"/proc/${BASH', '"/fake/${BASH')
    for gone, unit in (("", "k3s.service"), ("rm -r /fake\n", "")):
        found = parse_facts(Said(here.run(gone + script).stdout))
        assert found.listeners == (Listener(6443, "tcp", "k3s-server", unit),)


def test_chains_are_told_by_their_kind(here: LocalConnection) -> None:
    here.command(
        "iptables-nft-save", "printf '*filter\\n:KUBE-FORWARD - [0:0]\\n:KUBE-X - [0:0]\\n:cali-INPUT - [0:0]\\n'"
    )
    here.command("iptables-legacy-save", "printf '*nat\\n:DOCKER - [0:0]\\n:DOCKER-USER - [0:0]\\n'")
    found = {(each.of, each.what) for each in told(here).remains}
    assert found >= {
        (Former.IPTABLES, "chains KUBE"), (Former.IPTABLES, "chains cali"), (Former.DOCKER, "chain DOCKER"),
    }  # fmt: skip


def test_modules_are_read_from_every_kernels_lists(here: LocalConnection) -> None:
    here.write(
        "/usr/lib/modules/1.2.3-a/modules.dep", "kernel/net/vxlan/vxlan.ko.xz: kernel/net/x.ko.xz\nkernel/overlay.c:\n"
    )
    here.write("/usr/lib/modules/1.2.3-a/modules.builtin", "kernel/fs/overlayfs/overlay.ko\nkernel/fs/not-overlay.ko\n")
    here.write("/usr/lib/modules/1.2.4/readme", "no list")
    kernels = {kernel.release: kernel.modules for kernel in told(here).kernels}
    assert kernels["1.2.3-a"] == frozenset(("vxlan", "overlay"))
    assert "1.2.4" not in kernels


def test_a_record_that_goes_while_they_are_read_is_not_the_one_before_it(here: LocalConnection) -> None:
    here.write("/var/lib/clustr/records/1", "base_os\nYQ==\n1\nundo it")
    here.run("ln -s /nowhere /var/lib/clustr/records/2")
    assert [(each.goal, each.undo) for each in told(here).records] == [("a", "undo it")]

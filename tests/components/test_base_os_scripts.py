"""base_os's shell, run for real on a copy-on-write view of this machine; small programs stand for systemd and ufw."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clustr.components import base_os
from clustr.engine.goal import Goal
from clustr.engine.script import probe_script, read_answers
from clustr.remote.connection import Result
from clustr.remote.facts import Firewall
from clustr.templates import text
from tests.components.machines import CP1, GPU1, cluster_of, goals, seen, wanted
from tests.fakes import LocalConnection

CLUSTER = cluster_of(CP1, GPU1)
GOALS = goals(base_os, CLUSTER, GPU1, seen(CLUSTER, firewall=Firewall.UFW))
HOSTS, SWAP = GOALS["/etc/hosts"], GOALS["swap at boot"]
PODS = GOALS["firewall: from 10.42.0.0/16"]
BLOCK = wanted(HOSTS)

# Keeps rules as ufw does, in the words of `ufw show added`.
UFW = """
rules=/etc/rules; touch $rules
case "$1 $2" in
  "show added") echo "Added user rules (see 'ufw status' for running firewall):"; cat $rules ;;
  "delete "*) shift; sed -i "\\#^ufw $* comment#d" $rules ;;
  "route delete") shift 2; sed -i "\\#^ufw route $* comment#d" $rules ;;
  *) words=("$@"); last=${words[-1]}; unset 'words[-1]'; echo "ufw ${words[*]} '$last'" >>$rules ;;
esac
"""


@pytest.fixture
def machine() -> Iterator[LocalConnection]:
    with LocalConnection() as found:
        found.command(
            "systemctl", 'if [ "$1" = list-unit-files ]; then cat /etc/units; else echo "$@" >>/etc/asked; fi'
        )
        found.command("ufw", UFW)
        found.write("/etc/units", "ssh.service enabled enabled\n")
        found.write("/etc/asked", "")
        found.run("mkdir -p /var/lib/clustr")  # as the whole of an apply does
        yield found


def apply(machine: LocalConnection, script: str) -> Result:
    functions = "\n".join(text(name) for name in ("engine/probes.sh", "engine/applies.sh", "base_os/functions.sh"))
    done = machine.run(f"set -Eeuo pipefail\n{functions}\nmain() {{\n{script}\n}}\nmain\n")
    assert done.status == 0, done.stderr
    return done


def answer(machine: LocalConnection, goal: Goal) -> str:
    printed = machine.run(probe_script([goal], "m4rk")).stdout
    (found,) = read_answers(printed, "m4rk", 1)
    assert not found.error
    return found.text


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        ("127.0.0.1 localhost\n", "127.0.0.1 localhost\n"),
        ("127.0.0.1 localhost", "127.0.0.1 localhost\n"),
        ("", ""),
        ("a\n# clustr begin\n1.1.1.1 old\n# clustr end\nb\n", "a\nb\n"),
        ("# clustr begin\nx\n# clustr end\na\n# clustr begin\ny\n# clustr end\n", "a\n"),
        ("a\n# clustr begin\nno end\nb\n", "a\nno end\nb\n"),
        ("a\n# clustr end\nb\n", "a\nb\n"),
    ],
)
def test_only_the_block_in_hosts_is_ours(machine: LocalConnection, before: str, kept: str) -> None:
    machine.write("/etc/hosts", before, 0o640)
    assert answer(machine, HOSTS) != BLOCK
    apply(machine, HOSTS.apply)
    assert machine.path("/etc/hosts").read_text() == kept + BLOCK
    assert machine.path("/etc/hosts").stat().st_mode & 0o777 == 0o640
    assert answer(machine, HOSTS) == BLOCK
    apply(machine, HOSTS.undo)
    assert machine.path("/etc/hosts").read_text() == kept


def test_a_line_changed_in_the_block_is_seen_and_one_outside_is_not(machine: LocalConnection) -> None:
    machine.write("/etc/hosts", f"10.9.9.9 mine\n{BLOCK}")
    assert answer(machine, HOSTS) == BLOCK
    machine.write("/etc/hosts", BLOCK.replace("10.0.0.11 cp1", "10.0.0.99 cp1"))
    assert answer(machine, HOSTS) != BLOCK


FSTAB = "UUID=1 / ext4 defaults 0 1\n# /old none swap sw 0 0\n/swapfile none swap sw 0 0\n\tUUID=2\tnone\tswap\tsw\n"


def test_swap_is_kept_off_and_can_come_back(machine: LocalConnection) -> None:
    machine.write("/etc/fstab", FSTAB)
    machine.write("/etc/units", "dev-zram0.swap generated -\nzramswap.service enabled enabled\ngone.swap masked -\n")
    assert answer(machine, SWAP).split("\n")[:4] == [
        "fstab: /swapfile",
        "fstab: UUID=2",
        "unit: dev-zram0.swap",
        "unit: zramswap.service",
    ]
    apply(machine, SWAP.apply)
    fstab = machine.path("/etc/fstab").read_text()
    assert fstab == FSTAB.replace("/swapfile", "#clustr# /swapfile").replace("\tUUID=2", "#clustr# \tUUID=2")
    assert "mask -- dev-zram0.swap\nmask -- zramswap.service\n" in machine.path("/etc/asked").read_text()
    machine.write("/etc/units", "dev-zram0.swap masked -\nzramswap.service masked enabled\n")
    assert answer(machine, SWAP).strip() == "none"
    apply(machine, SWAP.undo)
    assert machine.path("/etc/fstab").read_text() == FSTAB
    assert "unmask -- dev-zram0.swap\nunmask -- zramswap.service\n" in machine.path("/etc/asked").read_text()


def test_a_machine_that_cannot_say_is_not_taken_for_one_without_swap(machine: LocalConnection) -> None:
    machine.command("systemctl", "echo 'Failed to connect to bus' >&2; exit 1")
    (found,) = read_answers(machine.run(probe_script([SWAP], "m4rk")).stdout, "m4rk", 1)
    assert "Failed to connect to bus" in found.error


def test_rules_of_ufw_are_made_changed_and_removed(machine: LocalConnection) -> None:
    machine.write(
        "/etc/rules", "ufw allow 22/tcp\nufw allow from 10.42.0.0/16 to any port 1 comment 'clustr 10.42.0.0/16'\n"
    )
    assert answer(machine, PODS).strip() == "allow from 10.42.0.0/16 to any port 1"
    apply(machine, PODS.apply)
    assert answer(machine, PODS).strip() == PODS.wanted
    apply(machine, PODS.apply)
    assert answer(machine, PODS).strip() == PODS.wanted
    apply(machine, PODS.undo)
    assert machine.path("/etc/rules").read_text() == "ufw allow 22/tcp\n"


def test_a_firewall_that_cannot_say_is_not_taken_for_one_without_rules(machine: LocalConnection) -> None:
    machine.command("ufw", "echo 'ERROR: problem running' >&2; exit 1")
    (found,) = read_answers(machine.run(probe_script([PODS], "m4rk")).stdout, "m4rk", 1)
    assert "problem running" in found.error

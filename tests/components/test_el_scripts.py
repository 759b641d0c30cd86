"""What only Enterprise Linux has, run for real on a copy-on-write view of this machine: small programs stand for
restorecon, nmcli and systemctl."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clustr.engine.goal import Goal
from clustr.engine.makers import STARTS
from clustr.engine.script import apply_script, apply_work, probe_script, read_answers
from clustr.remote.connection import Result
from tests.components.systems import CLUSTER, goals, seen
from tests.fakes import LocalConnection

GOALS = {goal.name: goal for node, goal in goals(CLUSTER, seen("rocky-9")) if node == "gpu1"}
MANAGED = GOALS["interfaces of pods"]
HINDERING = GOALS["units that hinder pods' packets"]
KEPT_ALONE = GOALS["/etc/NetworkManager/conf.d/90-clustr.conf"]


@pytest.fixture
def machine() -> Iterator[LocalConnection]:
    with LocalConnection() as found:
        found.command("restorecon", 'echo "$@" >>/var/tmp/labelled')
        found.command("systemctl", 'echo "$@" >>/var/tmp/asked; cat "/var/tmp/state-$1" 2>/dev/null || true')
        found.path("/var/lib/clustr").mkdir(parents=True)
        yield found


def apply(machine: LocalConnection, *wanted: Goal) -> Result:
    works = [apply_work(place, goal) for place, goal in enumerate(wanted)]
    done = machine.run(apply_script(works, stage="s", node="n", run_id="r", reboots=False))
    assert done.status == 0, done.stderr
    return done


def answer(machine: LocalConnection, goal: Goal) -> str:
    (found,) = read_answers(machine.run(probe_script([goal], "m4rk")).stdout, "m4rk", 1)
    assert not found.error
    return found.text.strip()


def test_whatever_is_written_gets_the_label_of_its_place(machine: LocalConnection) -> None:
    machine.write("/etc/fstab", "/swapfile none swap sw 0 0\n")
    apply(machine, GOALS[STARTS], GOALS["hostname"], GOALS["/etc/hosts"], GOALS["swap at boot"], KEPT_ALONE)
    labelled = [line.split()[-1] for line in machine.path("/var/tmp/labelled").read_text().splitlines()]
    assert labelled == [STARTS, "/etc/hostname", "/etc/hosts", "/etc/fstab", KEPT_ALONE.name]


def test_programs_are_labelled_once_they_are_in_place(machine: LocalConnection) -> None:
    machine.command("curl", 'while [ "$1" != --output ]; do shift; done; cp /var/tmp/download "$2"')
    machine.write("/var/tmp/download", "a program\n")
    k3s = GOALS["/usr/local/bin/k3s"]
    sum_ = machine.run("sha256sum /var/tmp/download").stdout.split()[0]
    apply(machine, Goal(k3s.name, k3s.probe, k3s.wanted, k3s.apply.replace("5" * 64, sum_)))
    assert machine.path("/var/tmp/labelled").read_text() == "-F -- /usr/local/bin/k3s\n"


def test_network_manager_is_told_and_what_it_holds_all_the_same_is_seen(machine: LocalConnection) -> None:
    machine.command("nmcli", "cat /var/tmp/devices")
    machine.write("/var/tmp/devices", "eno1:connected\nlo:unmanaged\n")
    assert answer(machine, MANAGED) == MANAGED.wanted
    apply(machine, KEPT_ALONE)
    assert machine.path("/var/tmp/asked").read_text().splitlines()[-1] == "reload NetworkManager.service"
    machine.write("/var/tmp/devices", "eno1:connected\nflannel.1:unmanaged\ncni0:connected (externally)\n")
    assert answer(machine, MANAGED) == "cni0"


def test_a_machine_without_network_manager_has_nothing_to_tell_it(machine: LocalConnection) -> None:
    machine.command("systemctl", '[ "$1" != is-active ]')
    machine.command("nmcli", "exit 1")
    assert answer(machine, MANAGED) == MANAGED.wanted
    apply(machine, KEPT_ALONE)


def test_units_that_hinder_are_named_while_they_are_on(machine: LocalConnection) -> None:
    assert answer(machine, HINDERING) == "off"
    machine.write("/var/tmp/state-show", "enabled\n")
    assert answer(machine, HINDERING) == "nm-cloud-setup.service enabled\nnm-cloud-setup.timer enabled"
    apply(machine, HINDERING)
    asked = machine.path("/var/tmp/asked").read_text().splitlines()
    assert asked[-1] == "disable --now --quiet -- nm-cloud-setup.service nm-cloud-setup.timer"

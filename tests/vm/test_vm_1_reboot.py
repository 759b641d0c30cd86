"""A machine with a kernel of its own reboots in the middle of a run, because a goal needs it, and the run goes on.

nouveau is really loaded there, from boot on as on a fresh machine with a GPU, and only a boot without it removes it.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from clustr import actions
from clustr.components import base_os
from clustr.engine.goal import Disrupts, Goal
from clustr.engine.makers import file, step
from clustr.engine.plan import Plan
from clustr.engine.stage import Component, Stage
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Seen
from clustr.session import Options
from clustr.stages import everyone
from clustr.views.view import Output, choose_view
from tests.vm.conftest import Describe
from tests.vm.machine import Machine

BOOT_ID = "/proc/sys/kernel/random/boot_id"
AFTER = "/etc/clustr-test-after"


def no_nouveau(_cluster: Cluster, _node: Node, _seen: Seen) -> Iterable[Goal]:
    """What takes nouveau's place needs a boot; the goal behind it keeps the boot in which it was made."""
    yield file("/etc/modprobe.d/clustr-test-nouveau.conf", "blacklist nouveau\noptions nouveau modeset=0\n")
    yield step(
        "nouveau is not loaded",
        probe="if grep -q '^nouveau ' /proc/modules; then echo loaded; else echo gone; fi",
        wanted="gone",
        apply=":",
        disrupts=Disrupts.REBOOT,
    )
    yield step(
        "after the boot",
        probe=f"if [ -e {AFTER} ]; then echo made; else echo missing; fi",
        wanted="made",
        apply=f"dd if={BOOT_ID} of={AFTER} status=none",
        undo=f"rm -f {AFTER}",
    )


TEST = cast(Component, SimpleNamespace(__name__="no_nouveau", goals=no_nouveau))
STAGES = (Stage("Prepare nodes", everyone, (base_os, TEST)),)


def planned(inventory: Path) -> Plan:
    made, _ = actions.plan(inventory, Options(stages=STAGES), choose_view(Output.TABLE, sys.stderr, inventory))
    return made


def told(machine: Machine) -> list[dict[str, Any]]:
    """The events of the last run."""
    folder = max((machine.folder / ".local/state/clustr/vm").iterdir())
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def test_it_reboots_in_mid_run_and_the_plan_is_empty_then(machine: Machine, describe: Describe) -> None:
    inventory = describe({})
    kernel, before = machine.says("uname -r"), machine.says(f"cat {BOOT_ID}")
    assert kernel != platform.release(), "it has no kernel of its own"
    assert "nouveau" in machine.says("lsmod")

    goals = [change.goal for change in planned(inventory).changes if change.component == "no_nouveau"]
    assert goals == ["/etc/modprobe.d/clustr-test-nouveau.conf", "nouveau is not loaded", "after the boot"]

    begun = time.monotonic()
    view = choose_view(Output.TABLE, sys.stderr, inventory)
    ended = actions.bootstrap(inventory, Options(stages=STAGES), view, lambda *_: True)
    seconds = time.monotonic() - begun
    assert ended is not None
    assert (dict(ended.report.failed), ended.report.done) == ({}, ("vm1",))

    after = machine.says(f"cat {BOOT_ID}")
    assert after != before
    assert "nouveau" not in machine.says("lsmod")
    assert machine.says(f"cat {AFTER}") == after, "the goal behind the boot was not made after it"
    assert [event["doing"] for event in told(machine) if event["event"] == "NodeStatus"].count("rebooting") == 1
    assert planned(inventory).changes == ()
    print(f"\nkernel {kernel}; boot {before} -> {after}; bootstrap with its reboot {seconds:.0f} s; then no changes")

"""clustr with one more stage, for what no component of the product does: `python -m tests.lab.with_component ACT ...`.

    python -m tests.lab.with_component plan INVENTORY STAGE
    python -m tests.lab.with_component bootstrap INVENTORY STAGE

Prints the planned or done changes as JSON lines; its exit code is bootstrap's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from clustr import actions
from clustr.engine.goal import Disrupts, Goal
from clustr.engine.makers import file, packages, step
from clustr.engine.stage import Component, Stage
from clustr.families import Manager
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Seen
from clustr.session import Options
from clustr.stages import STAGES, agents
from clustr.views.view import Output, choose_view

BOOT_ID = "/proc/sys/kernel/random/boot_id"


def held(_cluster: Cluster, _node: Node, _seen: Seen) -> Iterable[Goal]:
    yield packages(Manager.APT, ["bsdextrautils"], hold=True, label="held package")


def rebooting(_cluster: Cluster, _node: Node, _seen: Seen) -> Iterable[Goal]:
    """A goal that holds once the machine was booted after its file was written, and one behind it."""
    yield step(
        "booted with the setting",
        probe=f"if [ -e /etc/clustr-test ] && ! cmp -s /etc/clustr-test {BOOT_ID}; then echo booted; else echo no; fi",
        wanted="booted",
        apply=f"dd if={BOOT_ID} of=/etc/clustr-test status=none",
        undo="rm -f /etc/clustr-test",
        disrupts=Disrupts.REBOOT,
    )
    yield file("/etc/clustr-test-after", "after the boot\n")


GOALS = {"held": held, "rebooting": rebooting}


def stages(name: str) -> tuple[Stage, ...]:
    component = cast(Component, SimpleNamespace(__name__=name, goals=GOALS[name]))
    return (*STAGES, Stage("Test stage", agents, (component,)))


def main(act: str, inventory: str, name: str) -> int:
    options = Options(stages=stages(name))
    view = choose_view(Output.JSON, sys.stderr, Path(inventory))
    if act == "plan":
        plan, _ = actions.plan(Path(inventory), options, view)
        for change in plan.changes:
            print(json.dumps([change.node, change.component, change.goal]))
        return 0
    ended = actions.bootstrap(Path(inventory), options, view, lambda *_: True)
    assert ended is not None
    for node, error in ended.report.failed.items():
        print(json.dumps([node, error.problem, error.detail]))
    return 6 if ended.report.failed or ended.report.skipped else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

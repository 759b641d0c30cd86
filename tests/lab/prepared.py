"""clustr up to the end of "Prepare nodes", with a few of its components: `python -m tests.lab.prepared ACT INVENTORY`.

    python -m tests.lab.prepared plan INVENTORY
    python -m tests.lab.prepared bootstrap INVENTORY

For nodes that get a driver and no Kubernetes. Prints planned changes, or what failed, as JSON lines; its exit code is
bootstrap's.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from clustr import actions
from clustr.components import base_os, cuda, fabric_manager, nvidia_driver, package_source
from clustr.engine.stage import Stage
from clustr.errors import ClustrError
from clustr.session import Options
from clustr.stages import everyone
from clustr.views.view import Output, choose_view

STAGES = (Stage("Prepare nodes", everyone, (package_source, base_os, nvidia_driver, fabric_manager, cuda)),)


def main(act: str, inventory: str) -> int:
    options = Options(stages=STAGES)
    view = choose_view(Output.JSON, sys.stderr, Path(inventory))
    if act == "plan":
        plan, _ = actions.plan(Path(inventory), options, view)
        for change in plan.changes:
            print(json.dumps([change.component, change.goal, change.before, change.after, change.note]))
        return 0
    try:
        ended = actions.bootstrap(Path(inventory), options, view, lambda *_: True)
    except ClustrError as refused:
        print(json.dumps(["", refused.problem, refused.detail]))
        return 1
    if ended is None:
        return 0
    for node, error in ended.report.failed.items():
        print(json.dumps([node, error.problem, error.detail]))
    return 6 if ended.report.failed or ended.report.skipped else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

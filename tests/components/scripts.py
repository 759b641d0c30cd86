"""Goals as scripts: what golden files hold, and what shellcheck says of the whole."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from clustr.engine.goal import Goal, Later
from clustr.engine.script import apply_script, apply_work, probe_script

# Functions that this script does not call, and variables that only some of them use.
PASSED_OVER = "SC2317,SC2329,SC2034"


def probes(goals: Sequence[Goal]) -> str:
    return "\n".join(f"# {goal.name}: {_shown(goal.wanted)}\n{goal.probe}\n" for goal in goals)


def applies(goals: Sequence[Goal]) -> str:
    return "\n".join(apply_work(place, goal).script + "\n" for place, goal in enumerate(goals))


def shellcheck(goals: Sequence[Goal], folder: Path) -> str:
    """What is wrong with the whole scripts; "" where nothing is."""
    works = [apply_work(place, goal) for place, goal in enumerate(goals)]
    apply = apply_script(works, stage="s", node="n", run_id="r", reboots=False)
    found = []
    for name, text in {"probe.sh": probe_script(goals, "n0nce"), "apply.sh": apply}.items():
        (folder / name).write_text(text)
        command = ["shellcheck", "--shell=bash", f"--exclude={PASSED_OVER}", str(folder / name)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found += [done.stdout, done.stderr] if done.returncode else []
    return "\n".join(found)


def _shown(wanted: str | Later) -> str:
    return " | ".join(wanted.splitlines()) if isinstance(wanted, str) else f"known after {wanted.stage}"

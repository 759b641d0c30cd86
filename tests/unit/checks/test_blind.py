"""No check says ok when it could not look, with testinfra's asserts and without."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from clustr.checks.catalogue import all_checks


@pytest.mark.parametrize("flags", [[], ["-O"]], ids=["python", "python -O"])
def test_no_check_is_ok_when_it_could_not_look(flags: list[str]) -> None:
    command = [sys.executable, *flags, "-m", "tests.unit.checks.blind"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[3], check=False)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["optimized"] == bool(flags)
    assert outcome["unwell"] == []
    assert outcome["wrong"] == []
    looked = {line.split()[1].rstrip(":") for line in outcome["well"]}
    only_elsewhere = {"runtime.containerd", "runtime.docker", "k3s.node-ready-own-cni"}  # these use what k3s brings
    only_elsewhere |= {"fabric.imex"}  # and none of their NVLinks reaches another machine
    assert looked == {each.id for each in all_checks()} - only_elsewhere
    assert outcome["states"].keys() <= {"failed", "warning", "unknown"}

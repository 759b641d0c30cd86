"""The scripts that checks ask with tell all that they look at, or nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path
from shutil import which

import pytest

from clustr.checks import gpu_node
from clustr.templates import text

PROGRAMS = {
    "gpu.sh": ("awk", "base64", "grep", "modinfo", "od", "readlink", "sed", "sort", "timeout"),
    "fabric.sh": ("awk", "grep", "sort", "timeout", "uniq"),
}


SCRIPTS = {"gpu.sh": gpu_node.script(), "fabric.sh": text("checks/fabric.sh")}


def run(name: str, folder: Path, programs: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    for program in programs:
        (folder / program).symlink_to(which(program) or "/bin/true")
    command = ["/bin/bash", "-c", SCRIPTS[name]]
    return subprocess.run(command, env={"PATH": str(folder)}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_script_ends_with_its_end(name: str, tmp_path: Path) -> None:
    done = run(name, tmp_path, PROGRAMS[name])
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "end")


@pytest.mark.parametrize(("name", "away"), [(name, each) for name, programs in PROGRAMS.items() for each in programs])
def test_without_a_program_nothing_is_told(name: str, away: str, tmp_path: Path) -> None:
    done = run(name, tmp_path, tuple(each for each in PROGRAMS[name] if each != away))
    assert (done.returncode, done.stdout, done.stderr) == (127, "", f"{away}: command not found\n")


@pytest.mark.parametrize("name", PROGRAMS)
def test_scripts_pass_shellcheck(name: str) -> None:
    done = subprocess.run(["shellcheck", "-"], input=SCRIPTS[name], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout

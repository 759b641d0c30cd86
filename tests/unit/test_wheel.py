"""clustr works as it is installed: from its wheel, in an empty environment, away from the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest
import yaml

from tests.unit.remote.sshd import free_port
from tests.wheel import HOUSE, Wheel

Run = Callable[..., subprocess.CompletedProcess[str]]
INIT = ("init", "--name", "lab", "--user", "root", "--server", "127.0.0.[1-3]", "--agent", "127.0.0.[4-5]")


@pytest.fixture
def clustr(wheel: Wheel, tmp_path: Path) -> Run:
    """Runs the wheel's clustr in a folder of its own, with nothing of the checkout in reach."""
    home = tmp_path / "home"
    home.mkdir()

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.defpath, "HOME": str(home), "LANG": "C.UTF-8"}
        return subprocess.run(
            [wheel.clustr, *words], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )

    return run


def files_of(folder: str) -> set[str]:
    """Every file of a folder but what git ignores, by its path from the folder."""
    git = ["git", "-c", "safe.directory=*", "-C", str(HOUSE / folder)]
    command = [*git, "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return {name for name in listed if (HOUSE / folder / name).is_file()}


def test_the_wheel_holds_the_package_and_its_templates_and_nothing_else(wheel: Wheel) -> None:
    with zipfile.ZipFile(wheel.file) as archive:
        names = {PurePosixPath(name) for name in archive.namelist()}
        packed = {name for name in names if not name.parts[0].endswith(".dist-info")}
        code = {PurePosixPath("clustr", name) for name in files_of("clustr")}
        templates = {PurePosixPath("clustr/_templates", name) for name in files_of("templates")}
        assert len(code) > 90
        assert len(templates) > 40
        assert {"plan.json", "doctor.json", "bootstrap.json", "exec.json"} <= {name.name for name in code}
        assert packed == code | templates
        for name in templates:
            source = HOUSE / "templates" / name.relative_to("clustr/_templates")
            assert archive.read(str(name)) == source.read_bytes(), name
        assert [name for name in names if name.parts[-2:] == ("licenses", "LICENSE")]


def test_it_runs_its_own_code_and_templates(wheel: Wheel) -> None:
    script = "import clustr.templates as t; print(t.__file__, t.folder())"
    python = wheel.clustr.with_name("python")
    done = subprocess.run([python, "-c", script], cwd="/", capture_output=True, text=True, check=True)
    assert all(Path(path).is_relative_to(wheel.clustr.parents[1]) for path in done.stdout.split())


def test_init_and_validate(clustr: Run, tmp_path: Path) -> None:
    done = clustr(*INIT)
    assert (done.returncode, done.stderr) == (0, "")
    assert "# " in (tmp_path / "inventory.yaml").read_text()
    done = clustr("validate")
    assert (done.returncode, done.stderr) == (0, "")
    assert "lab has 3 servers, 2 agents, 1 monitor. No node was contacted." in done.stdout
    assert len(json.loads(clustr("validate", "--output", "json", "--resolved").stdout)["resolved"]["nodes"]) == 5


def test_mistakes_are_told(clustr: Run, tmp_path: Path) -> None:
    (tmp_path / "inventory.yaml").write_text("nodes:\n  - {name: cp1, adress: 10.0.0.1}\n")
    done = clustr("plan")
    assert (done.returncode, done.stdout) == (3, "")
    assert "inventory.yaml:2:17" in done.stderr
    assert "did you mean `address`?" in done.stderr


def test_a_plan_of_nodes_that_do_not_answer(clustr: Run, tmp_path: Path) -> None:
    clustr(*INIT)
    path = tmp_path / "inventory.yaml"
    port = free_port()
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "ssh": {"user": "root", "port": port}}))
    done = clustr("plan")
    assert (done.returncode, done.stdout) == (4, "")
    assert "Traceback" not in done.stderr
    assert "no node answers. Nothing was changed." in done.stderr
    assert f"127.0.0.1 refuses connections on port {port}" in done.stderr
    runs = list((tmp_path / "home/.local/state/clustr/lab").iterdir())
    assert [sorted(run.stat().st_mode & 0o777 for run in runs)] == [[0o700]]


@pytest.mark.parametrize("name", ["plan", "doctor", "bootstrap", "exec", "validate"])
def test_schemas_are_in_it(clustr: Run, name: str) -> None:
    assert json.loads(clustr(name, "--schema").stdout)["$schema"]

"""--help reads well without the README."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from clustr.cli.main import app
from clustr.errors import ClustrError
from tests.conftest import Golden

HERE = Path(__file__).parent / "golden"
COMMANDS = ("init", "validate", "plan", "bootstrap", "kubeconfig", "doctor", "exec", "unlock", "version", "lab")
HEAVY = {"rich", "pydantic", "jinja2", "yaml", "fabric", "paramiko", "testinfra", "cryptography"}


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def help_of(*words: str) -> str:
    result = CliRunner().invoke(app, [*words, "--help"], prog_name="clustr")
    assert result.exit_code == 0
    return result.output


def test_every_command_is_listed_once_under_its_group(golden: Golden) -> None:
    text = help_of()
    golden(HERE / "help.txt", text)
    listed = re.findall(r"^  ([a-z]+) {2,}", text, re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS)
    assert set(get_command(app).list_commands(None)) == set(COMMANDS)  # type: ignore[attr-defined]
    for line in text.splitlines()[1:]:
        assert not line.endswith("..."), "a summary is too long for its line"


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in ("lab", "version")])
def test_examples_come_first_and_exit_codes_last(golden: Golden, command: str) -> None:
    text = help_of(command)
    golden(HERE / f"help-{command}.txt", text)
    assert text.index("Examples:") < text.index("Options:") < text.index("Exit codes:")
    assert len(re.findall(rf"^    clustr {command}", text, re.MULTILINE)) == 2


def test_the_exit_codes_of_the_errors_are_all_explained() -> None:
    text = help_of()
    kinds = list(ClustrError.__subclasses__())
    for kind in kinds:
        kinds += kind.__subclasses__()
    for code in {kind.exit_code for kind in kinds} | {0, 10, 130}:
        assert re.search(rf"^ +{code}  \w", text, re.MULTILINE), code


def test_help_imports_nothing_that_is_slow() -> None:
    """What keeps `clustr --help` under 0.2 s, said without a clock."""
    script = f"import sys, clustr.cli.main as main\nprint(*({HEAVY!r} & {{n.split('.')[0] for n in sys.modules}}))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


@pytest.mark.parametrize(
    ("typed", "offered"), [("la", "lab"), ("boo", "bootstrap"), ("plan --di", "--diff"), ("lab u", "up")]
)
def test_the_shell_completes(typed: str, offered: str) -> None:
    words = f"clustr {typed}"
    env = {"_CLUSTR_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    result = CliRunner().invoke(app, [], prog_name="clustr", env=env)
    assert result.output.split() == [offered]

"""--help of the lab's own commands."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from clustr.cli.main import app
from clustr.errors import UsageError


@pytest.mark.parametrize("command", ["up", "status", "ssh", "fault", "down"])
def test_examples_come_first_and_exit_codes_last(command: str) -> None:
    result = CliRunner().invoke(app, ["lab", command, "--help"], prog_name="clustr")
    assert result.exit_code == 0
    assert len(re.findall(rf"^    clustr lab {command}\b", result.output, re.MULTILINE)) == 2
    begins = [result.output.lower().index(word) for word in ("examples:", "options:", "exit code")]
    assert begins == sorted(begins)


@pytest.mark.parametrize("words", [["--model", "t4"], ["--nvml", "/"]])
def test_what_is_said_of_gpus_wants_some(words: list[str]) -> None:
    result = CliRunner().invoke(app, ["lab", "up", *words], prog_name="clustr")
    assert isinstance(result.exception, UsageError)
    assert result.exception.remedy == "Say how many: --gpus 8"


def test_every_command_of_the_lab_is_listed() -> None:
    result = CliRunner().invoke(app, ["lab", "--help"], prog_name="clustr")
    assert {"up", "status", "ssh", "fault", "down"} <= set(re.findall(r"^  ([a-z]+) ", result.output, re.MULTILINE))

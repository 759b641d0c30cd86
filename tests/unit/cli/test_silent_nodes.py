"""Every command against nodes where nobody answers: the real actions and connections, only the nodes are missing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.unit.remote.sshd import free_port

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def clustr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The console script, beside an inventory of two nodes whose port is closed."""
    for name, value in {"HOME": tmp_path, "XDG_STATE_HOME": tmp_path / "state"}.items():
        monkeypatch.setenv(name, str(value))
    (tmp_path / "inventory.yaml").write_text(
        f"ssh: {{user: root, port: {free_port()}, connect_within: 0}}\n"
        "nodes:\n  - {name: 'n[1-2]', address: '127.0.0.[1-2]', roles: [server]}\n"
    )
    script = Path(sys.executable).with_name("clustr")
    return lambda *words: subprocess.run(
        [script, *words], cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("plan", 4),
        ("plan --exit-code --output json", 4),
        ("bootstrap --yes", 4),
        ("bootstrap --yes --output json", 4),
        ("kubeconfig", 4),
        ("unlock --yes", 4),
        ("exec -- true", 4),
        ("doctor", 9),
    ],
)
def test_nobody_answers(clustr: Run, words: str, code: int) -> None:
    done = clustr(*words.split())
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "refuses connections" in done.stdout + done.stderr


def document(clustr: Run, code: int, command: str, *words: str) -> Any:
    """What is on stdout: one document that holds the schema of the same command."""
    schema = json.loads(clustr(command, "--schema").stdout)
    done = clustr(command, "--output", "json", *words)
    assert done.returncode == code, done.stderr
    found = json.loads(done.stdout)
    jsonschema.Draft202012Validator(schema).validate(found)
    return found


def test_the_doctor_could_not_look(clustr: Run) -> None:
    found = document(clustr, 9, "doctor")
    assert {finding["node"] for finding in found["findings"]} == {"n1", "n2"}
    assert found["summary"]["ok"] == 0
    assert found["summary"]["unknown"] == len(found["findings"]) > 0


def test_exec_has_no_status(clustr: Run) -> None:
    answers = document(clustr, 4, "exec", "--", "true")["answers"]
    assert sorted(node for answer in answers for node in answer["nodes"]) == ["n1", "n2"]
    assert {answer["status"] for answer in answers} == {None}


def test_where_there_is_no_result_there_is_no_document(clustr: Run) -> None:
    assert clustr("plan", "--output", "json").stdout == ""
    assert clustr("bootstrap", "--yes", "--output", "json").stdout == ""

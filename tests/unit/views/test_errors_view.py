"""Errors as a person reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from clustr.errors import HostKeyError, InventoryError, LockedError
from clustr.views.errors_view import error_lines, show_unexpected


def test_an_error_says_where_what_why_and_what_to_do() -> None:
    keys = "known     SHA256:k1W (~/.ssh/known_hosts line 12)\noffered   SHA256:9fQ"
    error = HostKeyError("its host key has changed", "ssh-keygen -R 10.0.0.12", node="cp2", detail=keys)
    assert error_lines(error, 80) == [
        "cp2: its host key has changed.",
        "  known     SHA256:k1W (~/.ssh/known_hosts line 12)",
        "  offered   SHA256:9fQ",
        "ssh-keygen -R 10.0.0.12",
    ]


def test_a_node_is_not_named_twice() -> None:
    assert error_lines(LockedError("cp1: is locked", node="cp1"), 80) == ["cp1: is locked."]


def test_mistakes_come_before_their_sum() -> None:
    error = InventoryError(
        "2 mistakes in x.yaml. No node was contacted.", mistakes=["x.yaml:1:1  a   b", "x.yaml:2:1  c   d"]
    )
    assert error_lines(error, 80) == [
        "x.yaml:1:1  a   b",
        "x.yaml:2:1  c   d",
        "2 mistakes in x.yaml. No node was contacted.",
    ]


def test_a_narrow_terminal_keeps_every_word() -> None:
    error = LockedError("h100-lab is locked by ana@desk since 14:02 (bootstrap, last beat 4 s ago)", "clustr unlock")
    lines = error_lines(error, 30)
    assert " ".join(lines) == f"{error.problem}. {error.remedy}"
    assert max(map(len, lines)) <= 30


def test_an_unforeseen_error_leaves_its_message_and_traceback_off_the_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message may hold anything, a secret too (pydantic puts the value into it)."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    try:
        raise KeyError("s3cret")
    except KeyError as error:
        show_unexpected(error)
    said = capsys.readouterr()
    assert said.out == ""
    assert "KeyError in test_errors_view.py, line" in said.err
    assert "s3cret" not in said.err
    assert "Traceback" not in said.err
    (kept,) = (tmp_path / "clustr").glob("error-*.txt")
    assert str(kept) in said.err
    assert "Traceback" in kept.read_text()

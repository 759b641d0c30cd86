"""An error as a person reads it: where, what, the evidence, the next command. Never a traceback."""

from __future__ import annotations

import sys
import traceback
from datetime import datetime
from pathlib import Path

from clustr.errors import ClustrError, InventoryError
from clustr.views.journal import state_home, write_private
from clustr.views.layout import folded
from clustr.views.report_view import home_as_tilde
from clustr.views.screen import Screen


def show_error(error: ClustrError) -> None:
    screen = Screen(sys.stderr)
    screen.show(error_lines(error, screen.width))


def error_lines(error: ClustrError, width: int) -> list[str]:
    """An inventory's mistakes come before their sum; else the problem comes first and its evidence below it."""
    problem, remedy = folded(_located(error), width, ""), folded(error.remedy, width, "")
    if isinstance(error, InventoryError) and error.mistakes:
        return [*error.mistakes, *problem, *remedy]
    return [*problem, *folded(error.detail, width, "  "), *remedy]


def _located(error: ClustrError) -> str:
    """The problem as a sentence with its node before it."""
    known = error.node is None or error.problem.startswith(error.node)
    text = error.problem if known else f"{error.node}: {error.problem}"
    return text if text.endswith((".", ":", "?")) else f"{text}."


def show_unexpected(error: BaseException) -> None:
    """For an error that no part has words for. Its message stays off the screen: nobody knows what it holds."""
    path = keep_traceback(error)
    where = traceback.extract_tb(error.__traceback__)[-1:]
    place = f" in {Path(where[0].filename).name}, line {where[0].lineno}" if where else ""
    screen = Screen(sys.stderr)
    screen.show(
        [
            f"clustr met an error it has no words for: {type(error).__name__}{place}.",
            "This is a defect in clustr: please report it with this file, once you have looked through it:",
            f"  {home_as_tilde(str(path))}",
        ]
    )


def keep_traceback(error: BaseException) -> Path:
    state_home().mkdir(parents=True, exist_ok=True, mode=0o700)
    path = state_home() / f"error-{datetime.now():%Y-%m-%dT%H-%M-%S}.txt"
    write_private(path, "".join(traceback.format_exception(error)))
    return path

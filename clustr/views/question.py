"""A yes or no from the person at the terminal."""

from __future__ import annotations

import sys

from clustr.errors import UsageError


def must_be_able_to_ask(command: str) -> None:
    """Raises UsageError, before anything is done, where a question would have nobody to answer it."""
    if not sys.stdin.isatty():
        raise UsageError(
            f"`clustr {command}` asks before it changes anything, and here is nobody to ask",
            f"read `clustr plan` first, then: clustr {command} --yes",
        )


def agreed(question: str) -> bool:
    """Whether the answer is yes; anything else, and the end of input, is no."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def answer(what: str, option: str, default: str = "") -> str:
    """A word. Raises UsageError, naming the option that says the same, where nobody can be asked."""
    if not sys.stdin.isatty():
        raise UsageError(f"{what}: not said, and here is nobody to ask", f"say it with {option}")
    hint = f" [{default}]" if default else ""
    sys.stderr.write(f"{what}{hint}: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip() or default


def answers(what: str, option: str) -> list[str]:
    """Words, with commas or spaces between them."""
    return answer(what, option).replace(",", " ").split()

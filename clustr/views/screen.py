"""A stream that a person reads. The only place that knows of colour and of the terminal's width.

What is shown is made elsewhere as plain lines; a line's sign gives it its colour, so colour never says more than the
sign does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TextIO

from rich.console import Console
from rich.text import Text

UNLIMITED = 10_000  # columns: what is piped is never cut
COLOURS = {"✓": "green", "✗": "red", "!": "yellow", "?": "magenta", "+": "green", "~": "yellow", "-": "red"}
DIFF_INDENT = 10  # columns before a line of a diff
CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0a-\x1f\x7f-\x9f]")


class Screen:
    """`moves`: lines can be drawn over, so that progress stays in place (a terminal that is not dumb)."""

    def __init__(self, stream: TextIO) -> None:
        self.console = Console(file=stream, markup=False, highlight=False, emoji=False, soft_wrap=True)
        self.moves = stream.isatty() and not self.console.is_dumb_terminal
        self.width = self.console.width if stream.isatty() else UNLIMITED

    def show(self, lines: Iterable[str], *, diffs: bool = False) -> None:
        """`diffs`: lines far to the right may be of a diff, and are coloured whole."""
        for line in lines:
            self.console.print(paint(line, diffs=diffs), soft_wrap=True)


def paint(line: str, *, diffs: bool = False) -> Text:
    """A line with its sign coloured; control characters that a node sent are taken out."""
    text = Text(CONTROL.sub("", line))
    bare = text.plain.lstrip(" ")
    indent = len(text.plain) - len(bare)
    if diffs and indent >= DIFF_INDENT and bare[:1] in ("+", "-"):
        text.stylize(COLOURS[bare[0]])
    elif bare[1:2] == " " and bare[0] in COLOURS:
        text.stylize(COLOURS[bare[0]], indent, indent + 1)
    return text

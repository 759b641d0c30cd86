"""A stream that a person reads. The only place that knows of colour and of the terminal's width.

What is shown is made elsewhere as plain lines; a line's sign gives it its colour, so colour never says more than the
sign does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from rich.console import Console
from rich.text import Text

from clustr.views.control import clean

UNLIMITED = 10_000  # columns: what is piped is never cut
COLOURS = {"✓": "green", "✗": "red", "!": "yellow", "?": "magenta", "+": "green", "~": "yellow", "-": "red"}
DIFF_INDENT = 10  # columns before a line of a diff
# Where the stream has no such signs: what Python puts there is a question mark, which is the sign for "unknown".
ASCII = str.maketrans({"✓": "ok", "✗": "x", "…": "...", "━": "=", "─": "-"})


class Screen:
    """`moves`: lines can be drawn over, so that progress stays in place (a terminal that is not dumb)."""

    def __init__(self, stream: TextIO) -> None:
        self.console = Console(file=stream, markup=False, highlight=False, emoji=False, soft_wrap=True)
        self.moves = stream.isatty() and not self.console.is_dumb_terminal
        self._signs = {} if _can_say("✓✗…━─", stream.encoding) else ASCII
        self.width = self.console.width if stream.isatty() else UNLIMITED

    def show(self, lines: Iterable[str], *, diffs: bool = False) -> None:
        """`diffs`: lines far to the right may be of a diff, and are coloured whole."""
        for line in lines:
            self.console.print(self.paint(line, diffs=diffs), soft_wrap=True)

    def paint(self, line: str, *, diffs: bool = False) -> Text:
        """A line with its sign coloured; control characters that a node sent are taken out."""
        line = clean(line).replace("\n", "")
        indent = len(line) - len(line.lstrip(" "))
        sign = line[indent : indent + 1]
        if diffs and indent >= DIFF_INDENT and sign in ("+", "-"):
            return Text(self._said(line), COLOURS[sign])
        colour = COLOURS.get(sign, "") if line[indent + 1 : indent + 2] == " " else ""
        rest = self._said(line[indent + 1 :])
        return Text.assemble(" " * indent, (self._said(sign), colour), rest)

    def _said(self, text: str) -> str:
        return text.translate(self._signs)


def _can_say(signs: str, encoding: str | None) -> bool:
    try:
        signs.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True

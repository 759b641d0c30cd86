"""A picture of what a terminal showed, for the README: made from a real run's own output, so that it cannot lie."""

from __future__ import annotations

import io
import re

from rich.console import Console
from rich.text import Text

FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
CURSOR = re.compile(r"\x1b\[[0-9;?]*[A-LN-Za-ln-z]")  # all but colours, which end in m
PROMPT = "$ "


def capture(shown: list[tuple[str, str]], title: str) -> str:
    """An SVG of commands and what each showed, colours as in the terminal (record with FORCE_COLOR=1, piped).

    It is as wide as its longest line and loads nothing from elsewhere: fonts are the reader's own.
    """
    text = Text("\n\n").join(
        Text.assemble((f"{PROMPT}{command}\n", "bold"), Text.from_ansi(CURSOR.sub("", output.rstrip())))
        for command, output in shown
    )
    width = max(len(line) for line in text.plain.splitlines())
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(text, soft_wrap=True)
    picture = console.export_svg(title=title)
    return FONT_FACE.sub("", picture).replace("Fira Code", "ui-monospace")

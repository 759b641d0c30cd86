"""Lines that fit: what may be lost is cut, what must stay is wrapped."""

from __future__ import annotations

from collections.abc import Iterable


def cut(text: str, width: int) -> str:
    """At most `width` columns, the loss shown as an ellipsis; nothing where too few are left to say anything."""
    if len(text) <= width:
        return text
    return text[: width - 1].rstrip() + "…" if width >= 8 else ""


def wrapped(words: Iterable[str], width: int, indent: str) -> list[str]:
    """Words in lines of at most `width` columns; a word is never cut, since it may be a name or a command."""
    lines = [indent]
    for word in words:
        if lines[-1] != indent and len(lines[-1]) + 1 + len(word) > width:
            lines.append(indent)
        lines[-1] += word if lines[-1] == indent else f" {word}"
    return lines


def folded(text: str, width: int, indent: str) -> list[str]:
    """The lines of a text, indented; a line that does not fit is wrapped, and one that does stays as it was."""
    lines = []
    for line in text.splitlines():
        fits = len(indent) + len(line) <= width
        lines += [indent + line] if fits else wrapped(line.split(" "), width, indent)
    return lines

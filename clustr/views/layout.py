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

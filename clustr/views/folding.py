"""Many names as few words: gpu01 ... gpu16 become gpu[01-16]."""

from __future__ import annotations

import re
from collections.abc import Iterable

NUMBERED = re.compile(r"(.*?)(\d+)(\D*)")


def fold(names: Iterable[str]) -> str:
    """Names in one line, in the order in which their kinds appear; `gpu[01-02,05-06,08]` where numbers are missing."""
    kinds: dict[tuple[str, int, str], set[int]] = {}
    words: dict[object, str] = {}
    each = list(dict.fromkeys(names))
    padded = _padded(each)
    for name in each:
        found = NUMBERED.fullmatch(name)
        if not found:
            words[name] = name
            continue
        before, digits, after = found.groups()
        width = len(digits) if (before, len(digits), after) in padded else 0
        kind = before, width, after
        kinds.setdefault(kind, set()).add(int(digits))
        words[kind] = _kind(kind, kinds[kind])
    return " ".join(words.values())


def _padded(names: Iterable[str]) -> set[tuple[str, int, str]]:
    """The kinds whose numbers are written with leading zeros, by their width."""
    found = (match.groups() for name in names if (match := NUMBERED.fullmatch(name)))
    return {(before, len(digits), after) for before, digits, after in found if digits[0] == "0" and len(digits) > 1}


def _kind(kind: tuple[str, int, str], numbers: Iterable[int]) -> str:
    before, width, after = kind
    runs: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number - 1:
            runs[-1] = runs[-1][0], number
        else:
            runs.append((number, number))
    if len(runs) == 1 and runs[0][0] == runs[0][1]:
        return f"{before}{runs[0][0]:0{width}d}{after}"
    parts = (f"{a:0{width}d}" if a == b else f"{a:0{width}d}-{b:0{width}d}" for a, b in runs)
    return f"{before}[{','.join(parts)}]{after}"

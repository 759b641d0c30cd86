"""`gpu[01-16]`: many names or addresses written as one, and back."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Sequence

LIMIT = 10_000  # members of all ranges together; more is a slip of the finger

_BRACKET = re.compile(r"\[([^\[\]]*)\]")
_SPAN = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")
_LAST_NUMBER = re.compile(r"(.*?)(\d*)(\D*)", re.DOTALL)


def expand(text: str) -> tuple[str, ...]:
    """All members in order, `a[1-2]b[1-2]` with the last bracket fastest; raises ValueError with what to write.

    Numbers keep the width of a range's first: `[01-16]` gives 01, `[1-16]` gives 1.
    """
    pieces = _BRACKET.split(text)
    if any("[" in piece or "]" in piece for piece in pieces[::2]):
        raise ValueError(f"{text} has a bracket without its pair: write ranges like gpu[01-16]")
    spans = [_spans_in(piece) if index % 2 else [] for index, piece in enumerate(pieces)]
    if size(text) > LIMIT:
        raise ValueError(f"{text} stands for more than {LIMIT:,}: write a smaller range")
    choices = [_numbers(spans[index]) if index % 2 else [piece] for index, piece in enumerate(pieces)]
    return tuple("".join(parts) for parts in itertools.product(*choices))


def size(text: str) -> int:
    """How many `expand` would make, without making them; 1 for what is no range."""
    try:
        spans = [_spans_in(piece) for piece in _BRACKET.findall(text)]
    except ValueError:
        return 1
    return math.prod(sum(int(last) - int(first) + 1 for first, last in each) for each in spans)


def _spans_in(bracket: str) -> list[tuple[str, str]]:
    """The first and the last number of each span; raises ValueError with what to write."""
    spans: list[tuple[str, str]] = []
    for span in bracket.split(","):
        match = _SPAN.fullmatch(span.strip())
        if match is None:
            raise ValueError(f"[{bracket}] is no range: write it like [1-3] or [01-06,08]")
        first, last = match[1], match[2] or match[1]
        if int(last) < int(first):
            raise ValueError(f"[{bracket}] runs backwards: write [{last}-{first}]")
        if last.startswith("0") and len(last) != len(first):
            raise ValueError(f"[{bracket}] has numbers of two widths: write [{first.zfill(len(last))}-{last}]")
        spans.append((first, last))
    return spans


def _numbers(spans: Sequence[tuple[str, str]]) -> list[str]:
    return [str(number).zfill(len(first)) for first, last in spans for number in range(int(first), int(last) + 1)]


def fold(names: Iterable[str]) -> str:
    """The shortest way to name them all: `cp[1-3] mon1 gpu[01-02,05]`. Each part is one that `expand` reads."""
    shapes = [_LAST_NUMBER.fullmatch(name) for name in dict.fromkeys(names)]
    parts = [(match[1], match[3], match[2]) for match in shapes if match]
    padded = {(before, after) for before, after, number in parts if number.startswith("0")}
    groups: dict[tuple[str, str, int], list[str]] = {}
    for before, after, number in parts:
        # Where one number has a leading zero, width tells apart: gpu1 is not gpu01.
        width = len(number) if (before, after) in padded else 0
        groups.setdefault((before, after, width), []).append(number)
    return " ".join(f"{before}{_spans(numbers)}{after}" for (before, after, _), numbers in groups.items())


def _spans(numbers: list[str]) -> str:
    """`[01-02,05]`; one number alone stands as it is."""
    if len(numbers) == 1:
        return numbers[0]
    runs: list[list[str]] = []
    for number in sorted(numbers, key=int):
        if runs and int(number) == int(runs[-1][-1]) + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return "[" + ",".join(run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs) + "]"

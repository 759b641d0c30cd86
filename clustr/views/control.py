"""Characters that do something to a terminal instead of being shown. What nodes say may hold any of them."""

from __future__ import annotations

import re

# ECMA-48, 5.3 to 5.6: a control sequence, a string with its end, or an escape of one letter.
_SEQUENCE = r"(?:\x1b\[|\x9b)[0-9;:<=>?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]?"
_C0 = r"\x00-\x08\x0b-\x1f\x7f"
_C1 = r"\x80-\x9f"
_DIRECTION = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # they reorder what stands beside them (UAX #9)
_LINES = r"\u2028\u2029"
_CONTROL = re.compile(f"{_SEQUENCE}|[{_C0}{_C1}{_DIRECTION}{_LINES}]")
_SINGLE = re.compile(f"[\x7f{_C1}{_DIRECTION}{_LINES}]")


def clean(text: str) -> str:
    """Without them; tabs and line ends stay."""
    return _CONTROL.sub("", text)


def escaped(json: str) -> str:
    """JSON in which those that it may hold as they are stand by their numbers: nothing is lost, and nothing acts."""
    return _SINGLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json)

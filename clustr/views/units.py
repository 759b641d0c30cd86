"""Times, numbers and the like in people's words."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """3.2 s, 31 s, 1 min 42 s, 2 h 5 min."""
    whole = round(seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def count(number: int, what: str, many: str = "") -> str:
    """1 change, 1,412 goals. `many` is the plural where an s does not make it."""
    return f"{number:,} {what if number == 1 else many or what + 's'}"


def several(number: int, one: str, many: str) -> str:
    """The verb that goes with a number: 1 node is, 2 nodes are."""
    return one if number == 1 else many


def reading(what: str) -> str:
    """What goes on while all nodes are asked for something (events.Connecting)."""
    return {"checks": "Running checks", "command": "Running the command"}.get(what, f"Reading {what}")

"""Paths as people write them: relative to the inventory, with ~, and now and then impossible."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def whole(folder: Path, written: Path | str) -> Path:
    """The path from `folder` on, ~ spelt out; ~NAME stays as it is where there is no such user."""
    path = Path(written)
    with suppress(RuntimeError):
        path = path.expanduser()
    return folder / path


def is_file(path: Path) -> bool:
    """False too where the name is none that a file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False

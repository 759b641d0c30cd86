"""~/.ssh/config with its Include lines filled in, since paramiko passes over them (ssh_config(5), Include)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from clustr.errors import UsageError

USER = Path("~/.ssh/config")
SYSTEM = Path("/etc/ssh/ssh_config")
_DEPTH = 16  # as OpenSSH has it


def ssh_config_text(files: tuple[Path, ...] = (USER, SYSTEM)) -> str:
    """All files as one text, the first that sets something wins; files that are not there are left out.

    Raises UsageError where one is there and cannot be read.
    """
    try:
        return "\n".join(line for file in files for line in ("Host *", *_lines(file.expanduser(), "Host *", 0)))
    except (OSError, ValueError) as error:
        raise config_error(files, error) from error


def config_error(files: tuple[Path, ...], error: Exception) -> UsageError:
    names = " or ".join(str(file) for file in files)
    return UsageError(f"{names} cannot be read: {error}", "correct it; `ssh -G example` names the line")


def _lines(file: Path, block: str, depth: int) -> Iterator[str]:
    """A file's lines. What is included may open blocks of its own, so the block around it is opened again behind it."""
    try:
        content = file.read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return
    for line in content.splitlines():
        word, _, rest = re.sub(r"[\s=]+", " ", line.strip(), count=1).partition(" ")
        if word.lower() in ("host", "match"):
            block = line
        if word.lower() != "include" or depth == _DEPTH:
            yield line
            continue
        for included in _included(rest, file):
            yield from _lines(included, block, depth + 1)
        yield block


def _included(patterns: str, file: Path) -> list[Path]:
    """Relative names are below ~/.ssh, or below /etc/ssh in the system's own file."""
    folder = SYSTEM.parent if SYSTEM.parent in file.parents else USER.parent.expanduser()
    paths = [folder / Path(pattern).expanduser() for pattern in shlex.split(patterns)]
    return [found for path in paths for found in sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))]

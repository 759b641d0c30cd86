"""Which kernel a machine will run after its next boot: the boot loader's default, not `uname -r`. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_ENTRY = re.compile(r"""(menuentry|submenu)\s+['"]([^'"]*)['"](?:.*?menuentry_id_option\s+['"]([^'"]*)['"])?""")
_LINUX = re.compile(r"linux(?:efi|16)?\s+\S*?vmlinuz-(\S+)")


@dataclass
class _Entry:
    """A line of GRUB's menu; `names` are its title, its id and its number, each below those of its submenu."""

    names: tuple[str, ...]
    kernel: str = ""


def next_kernel(
    *, running: str, grubby: str = "", grub: str = "", grubenv: str = "", link: str = "", images: Sequence[str] = ()
) -> str:
    """The release that starts next: as grubby or grub.cfg says, else /vmlinuz, else the newest image, else `running`.

    `grub` holds grub.cfg's default, menu and linux lines; `images` the names in /boot.
    """
    newest = max((_release(image) for image in images), key=_version, default="")
    return _release(grubby) or _grub_default(grub, grubenv) or _release(link) or newest or running


def _release(image: str) -> str:
    return image.rpartition("vmlinuz-")[2] if "vmlinuz-" in image else ""


def _version(release: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.findall(r"\d+|[a-zA-Z]+", release)]


def _grub_default(config: str, environment: str) -> str:
    saved = dict(line.split("=", 1) for line in environment.splitlines() if "=" in line and line[0] != "#")
    written = [line.split("=", 1)[1].strip("\"' ") for line in config.splitlines() if "set default=" in line]
    fixed = [value for value in written if "$" not in value]
    uses_saved = any("saved_entry" in value for value in written)
    wanted = saved.get("next_entry") or (saved.get("saved_entry") if uses_saved else "") or (fixed or ["0"])[-1]
    entries = _menu(config)
    chosen = next((entry for entry in entries if wanted in entry.names), entries[0] if entries else None)
    return chosen.kernel if chosen else ""


def _menu(config: str) -> list[_Entry]:
    """Every bootable entry in order. GRUB names one in a submenu `outer>inner`, by title, id or number."""
    entries: list[_Entry] = []
    outer: list[str] = []
    counts = [0]
    open_blocks: list[str] = []
    for line in config.splitlines():
        if match := _ENTRY.search(line):
            names = [match[2], match[3] or match[2], str(counts[-1])]
            counts[-1] += 1
            open_blocks.append(match[1])
            if match[1] == "submenu":
                outer, counts = names, [*counts, 0]
            else:
                paths = tuple(f"{above}>{name}" for above in outer for name in names)
                entries.append(_Entry(paths or tuple(names)))
        elif (match := _LINUX.search(line)) and entries:
            entries[-1].kernel = match[1]
        elif line.strip() == "}" and open_blocks and open_blocks.pop() == "submenu":
            outer, counts = [], counts[:-1]
    return entries

"""THE SUPPORT TABLE: for a system, a source and an architecture, what can be had from there."""

from __future__ import annotations

from dataclasses import dataclass

from clustr.inventory.gpu import Source
from clustr.remote.facts import OperatingSystem


@dataclass(frozen=True)
class Cell:
    """`branches` are those that the place holds; () where nothing can be had, and `instead` says what can."""

    system: tuple[str, str]  # ID and VERSION_ID
    source: Source
    architecture: str  # x86_64, aarch64
    branches: tuple[int, ...]
    repository: str = ""  # URL of NVIDIA's repository for it
    key_url: str = ""
    fingerprint: str = ""  # of the key that signs it, 40 digits; "" where nobody has read it: refused then
    dcgm: bool = False
    toolkit: bool = False  # the repository itself holds the container toolkit
    fabric_manager: bool = False
    open: tuple[int, ...] = ()  # of the branches: those with open modules
    proprietary: tuple[int, ...] = ()
    signed: tuple[int, ...] = ()  # of the branches: those with signed, precompiled modules
    instead: str = ""
    sources: tuple[str, ...] = ()  # where each of this was read


def cell(system: OperatingSystem, source: Source, architecture: str) -> Cell | None:
    raise NotImplementedError

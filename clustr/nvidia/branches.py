"""Branches of NVIDIA's driver: until when, for which chips, with which CUDA."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Kind(StrEnum):
    LTS = "long-term"
    PRODUCTION = "production"
    FEATURE = "feature"


@dataclass(frozen=True)
class Branch:
    number: int
    kind: Kind
    until: date  # its end of life
    cuda: int  # major version of the CUDA that it brings
    source: str


BRANCHES: tuple[Branch, ...] = ()

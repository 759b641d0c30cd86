"""Branches of NVIDIA's driver: until when, for which chips, with which CUDA.

Ends of life are those of NVIDIA's "Supported Drivers and CUDA Toolkit Versions"
(https://docs.nvidia.com/datacenter/tesla/drivers/620/supported-drivers-and-cuda-toolkit-versions.html), whose editions
say a month; its last day is meant here. A branch that an edition no longer lists had ended when that was printed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from clustr.nvidia.chips import Architecture, Chip


class Kind(StrEnum):
    LTS = "long-term"
    PRODUCTION = "production"
    FEATURE = "feature"


@dataclass(frozen=True)
class Branch:
    number: int
    kind: Kind
    until: date | None  # its end of life; None: a feature branch, which lives until the next one
    cuda: int  # major version of the CUDA that it brings
    source: str
    unlisted: bool = False  # `until` is when an edition no longer had it: it ended then at the latest

    @property
    def end(self) -> str:
        """As a person reads it; "" for a branch whose end nobody knows."""
        return f"{self.until:%Y-%m}{' at the latest' if self.unlisted else ''}" if self.until else ""

    def ended(self, today: date) -> bool:
        return self.until is not None and self.until < today


_620 = "supported drivers, edition 620 (2026-11-09)"
_615 = "supported drivers, edition 615 (2026-09-09)"
_GONE = f"in no list since before {_615}"
_PRINTED_615 = date(2026, 9, 9)

BRANCHES: tuple[Branch, ...] = (
    Branch(535, Kind.LTS, date(2026, 6, 30), 12, _615),
    Branch(550, Kind.PRODUCTION, _PRINTED_615, 12, f"{_GONE}; CUDA 12.4 in Debian 13, libcuda1", unlisted=True),
    Branch(570, Kind.PRODUCTION, _PRINTED_615, 12, f"{_GONE}; CUDA 12.8 release notes", unlisted=True),
    Branch(580, Kind.LTS, date(2028, 6, 30), 13, _620),
    Branch(590, Kind.FEATURE, _PRINTED_615, 13, f"{_GONE}; CUDA 13.1 release notes", unlisted=True),
    Branch(595, Kind.PRODUCTION, date(2027, 3, 31), 13, _620),
    Branch(610, Kind.FEATURE, date(2026, 8, 31), 13, _615),
    Branch(615, Kind.FEATURE, None, 13, "driver installation guide, release 615 (2026-09-09)"),
    Branch(620, Kind.LTS, date(2029, 9, 30), 13, _620),
)

# NVreg_CoherentGPUMemoryMode came with it: release notes of 580.65.06, "Hardware and Software Support"
# (https://docs.nvidia.com/datacenter/tesla/tesla-release-notes-580-65-06/); older modules ignore it and tell none.
COHERENT_MEMORY_MODE = 580
PREFERRED = 580  # the oldest long-term branch that lives, and the last for Volta and older
_BY_NUMBER = {each.number: each for each in BRANCHES}

# The last branch of an architecture: "CUDA Toolkit, Driver, and Architecture Matrix", column "Last Driver Support"
# (https://docs.nvidia.com/datacenter/tesla/drivers/cuda-toolkit-driver-and-architecture-matrix.html).
_LAST = {
    Architecture.KEPLER: 470,
    Architecture.MAXWELL: 580,
    Architecture.PASCAL: 580,
    Architecture.VOLTA: 580,
}
# The first version of a chip: MIG user guide of 620, "Deployment Considerations", for B200, GB200 and B300; the branch
# that brought CUDA 12.8, the first for Blackwell, for the others of it (the matrix above). GB300 shares B300's chip.
_FIRST_BLACKWELL = "570"
_FIRST = {"B200": "570.133.20", "GB200": "570.133.20", "B300": "580.82.07", "GB300": "580.82.07"}


def branch(number: int) -> Branch | None:
    return _BY_NUMBER.get(number)


def first_version(chip: Chip) -> str:
    """The driver that first runs a chip, as 570.133.20 or as its branch; "" where every branch here is new enough."""
    return next(
        (version for model, version in _FIRST.items() if chip.is_a(model)),
        _FIRST_BLACKWELL if chip.architecture >= Architecture.BLACKWELL else "",
    )


def last_branch(chip: Chip) -> int | None:
    """None where no end is in sight."""
    return _LAST.get(chip.architecture)


def fits(chip: Chip, number: int) -> bool:
    """Whether some version of the branch runs the chip."""
    last = last_branch(chip)
    first = first_version(chip).partition(".")[0]
    return (last is None or number <= last) and (not first or number >= int(first))

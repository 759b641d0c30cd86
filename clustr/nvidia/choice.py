"""Which driver a node gets, or why none can be given to it. Pure; each rule names its source.

Rules on flavours: NVIDIA's driver installation guide, r610 and r620, "Kernel Modules". The tables that are asked
(chips, branches, support) name theirs. What has ended is judged by the node's clock, as its facts tell it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum

from clustr.inventory.gpu import Driver, Modules, Source
from clustr.inventory.model import Node
from clustr.nvidia.branches import BRANCHES, PREFERRED, Kind, branch, first_version, fits, last_branch
from clustr.nvidia.chips import Board, Chip, Gpu, OpenModules, board, gpus
from clustr.nvidia.support import Cell, cell, nearest, of
from clustr.remote.facts import Facts

# NVIDIA announced other names for its packages from this branch on, and nobody has told them
# (https://github.com/Getty/rex-gpu, references/hardware.md).
FABRIC_MANAGER_RENAMED = 620
BY_HAND = "install a driver by hand and set driver.source: preinstalled"


class Why(StrEnum):
    """Kinds of refusals; preflight gives each its finding."""

    UNKNOWN_CHIP = "unknown-chip"
    BRANCH = "branch"  # the chip cannot run it, or the source does not hold it
    MODULES = "modules"  # the flavour that was asked for does not run the chip, or is not there
    SECURE_BOOT = "secure-boot"  # DKMS builds what firmware will not load
    SYSTEM = "system"  # nothing for this system from this source, or not all that the machine's board needs


@dataclass(frozen=True)
class Refusal:
    why: Why
    problem: str
    remedy: str


@dataclass(frozen=True)
class Choice:
    source: Source
    branch: int  # 0 where the driver is preinstalled and not loaded
    open: bool
    signed: bool  # precompiled signed modules instead of DKMS
    cell: Cell | None  # None where the driver is preinstalled
    note: str = ""  # what the plan says of it, such as an end of life


@dataclass(frozen=True)
class _Case:
    """What a choice is made from, once chips and place are known."""

    driver: Driver
    chips: tuple[Chip, ...]
    board: Board
    cell: Cell
    secure_boot: bool | None  # None: it could not be told
    today: date
    site_key: bool  # the site names the key that signs its copy of NVIDIA's repository


@dataclass(frozen=True)
class _Objection:
    why: Why
    problem: str
    remedy: str = ""  # where no change of the inventory helps


def choose(node: Node, facts: Facts) -> Choice | Refusal | None:
    """None where the node has no GPU of NVIDIA's."""
    found = gpus(facts)
    if not found:
        return None
    if node.driver.source is Source.PREINSTALLED:
        return _preinstalled(facts)
    chips = tuple(gpu.chip for gpu in found if gpu.chip)
    if len(chips) < len(found):
        return _unknown(found)
    place = cell(facts.os, node.driver.source, facts.architecture)
    if place is None:
        system = facts.os.name or facts.os.id
        return Refusal(Why.SYSTEM, f"no driver is known for {system} on {facts.architecture}", BY_HAND)
    site_key = "nvidia" in node.artifacts.keys
    case = _Case(node.driver, chips, board(facts), place, facts.gpu.secure_boot, _day(facts.clock), site_key)
    verdict = _judge(case)
    if isinstance(verdict, Choice):
        return verdict
    return Refusal(verdict.why, verdict.problem, verdict.remedy or _remedy(case, verdict.why))


def _day(clock: float) -> date:
    """A clock that is far off is a finding of its own: here it says nothing of any end."""
    try:
        return datetime.fromtimestamp(clock, UTC).date()
    except (OverflowError, ValueError, OSError):
        return date.min


def _preinstalled(facts: Facts) -> Choice:
    loaded = facts.gpu.loaded
    number = loaded.version.partition(".")[0] if loaded else ""
    is_open = loaded is not None and loaded.open
    return Choice(Source.PREINSTALLED, int(number) if number.isdigit() else 0, is_open, signed=False, cell=None)


def _unknown(found: tuple[Gpu, ...]) -> Refusal:
    names = ", ".join(f"10de:{gpu.device.device} in {gpu.device.slot}" for gpu in found if gpu.chip is None)
    return Refusal(Why.UNKNOWN_CHIP, f"no chip is known by {names}, nor a driver for it", BY_HAND)


def _judge(case: _Case) -> Choice | _Objection:
    place = case.cell
    if not place.branches:
        return _Objection(Why.SYSTEM, f"{place.place} has no driver for {place.architecture}{_because(place)}")
    if place.source is Source.NVIDIA and not place.fingerprint and not case.site_key:
        return _Objection(Why.SYSTEM, f"the key that signs {place.place} cannot be verified{_because(place)}")
    if case.driver.branch != "auto":
        return _with(case, int(case.driver.branch))
    tried = [_with(case, number) for number in _living(case)]
    if not tried:
        held = ", ".join(_called(number) for number in place.branches)
        return _Objection(Why.BRANCH, f"{place.place} has no branch that NVIDIA still maintains: {held}")
    chosen = next((each for each in tried if isinstance(each, Choice)), None)
    return chosen or next((each for each in tried if _why(each) is not Why.BRANCH), tried[0])


def _why(verdict: Choice | _Objection) -> Why | None:
    return verdict.why if isinstance(verdict, _Objection) else None


def _living(case: _Case) -> list[int]:
    """In the order in which auto takes them: 580, the production branch, then long-term ones, the newest first.

    A feature branch lives until the next one comes: it is for those who ask for it.
    """
    rank = {Kind.PRODUCTION: 1, Kind.LTS: 2}
    held = [each for each in BRANCHES if each.number in case.cell.branches and each.kind in rank]
    living = [each for each in held if not each.ended(case.today)]
    living.sort(key=lambda each: (each.number != PREFERRED, rank[each.kind], -each.number))
    return [each.number for each in living]


def _with(case: _Case, number: int) -> Choice | _Objection:
    """This branch, if the chips run it, the place has all of it, and firmware loads it."""
    flavour = _unfit(case, number) or _missing(case, number) or _flavour(case, number)
    if not isinstance(flavour, _Flavour):
        return flavour
    signed = case.secure_boot is not False and number in case.cell.signed
    if case.secure_boot and not signed:
        problem = f"Secure Boot is on, and DKMS builds the modules of {case.cell.place}: the kernel would not load them"
        return _Objection(Why.SECURE_BOOT, problem)
    note = "; ".join(_notes(case, number, signed))
    return Choice(case.cell.source, number, flavour is _Flavour.OPEN, signed, case.cell, note)


def _unfit(case: _Case, number: int) -> _Objection | None:
    for chip in case.chips:
        if not fits(chip, number):
            last, first = last_branch(chip), first_version(chip)
            needed = f"{first} or later" if last is None or number <= last else f"{last} or earlier"
            return _Objection(Why.BRANCH, f"{chip.name} cannot run branch {number} of the driver: it needs {needed}")
    return None


def _missing(case: _Case, number: int) -> _Objection | None:
    place = case.cell
    if number not in place.branches:
        held = ", ".join(map(str, place.branches))
        return _Objection(Why.BRANCH, f"{place.place} does not have branch {number} of the driver, but {held}")
    if case.board is Board.NVSWITCH and not place.fabric_manager:
        return _Objection(Why.SYSTEM, f"GPUs behind NVSwitch need fabric manager, which {place.place} does not have")
    if case.board in (Board.NVSWITCH, Board.NVSWITCH_CX7) and number >= FABRIC_MANAGER_RENAMED:
        return _Objection(Why.SYSTEM, f"no fabric manager of branch {number} has been seen, which these GPUs need")
    own = {Board.NVSWITCH_CX7: "nvlsm", Board.MULTI_NODE: "nvidia-imex"}.get(case.board)
    if own and place.source is not Source.NVIDIA:  # seen in NVIDIA's repositories alone (Fabric Manager user guide)
        return _Objection(Why.SYSTEM, f"what joins these GPUs needs {own}, which {place.place} does not have")
    return None


class _Flavour(StrEnum):
    OPEN = "open"
    PROPRIETARY = "proprietary"


def _flavour(case: _Case, number: int) -> _Flavour | _Objection:
    never = [chip.name for chip in case.chips if chip.open is OpenModules.NO]
    only = [chip.name for chip in case.chips if chip.open is OpenModules.REQUIRED]
    asked = case.driver.modules
    if never and only:
        problem = f"{never[0]} runs with proprietary modules alone and {only[0]} with open ones: no driver serves both"
        return _Objection(Why.MODULES, problem, "put them into different machines")
    if never and asked is Modules.OPEN:
        return _Objection(Why.MODULES, f"{never[0]} does not run with open modules")
    if only and asked is Modules.PROPRIETARY:
        return _Objection(Why.MODULES, f"{only[0]} runs with open modules alone")
    prefers_open = asked is Modules.AUTO and not never and number in case.cell.open
    flavour = _Flavour.OPEN if asked is Modules.OPEN or only or prefers_open else _Flavour.PROPRIETARY
    if number in (case.cell.open if flavour is _Flavour.OPEN else case.cell.proprietary):
        return flavour
    problem = f"{case.cell.place} has no {flavour} modules of branch {number}{_because(case.cell)}"
    return _Objection(Why.MODULES, problem)


def _because(place: Cell) -> str:
    return f": {place.lacks}" if place.lacks else ""


def _notes(case: _Case, number: int, signed: bool) -> Iterator[str]:
    known = branch(number)
    if known and known.ended(case.today):
        yield f"branch {_called(number)}: NVIDIA mends nothing in it any more"
    elif known and known.kind is Kind.FEATURE:
        yield f"branch {number} is a feature branch, which ends when the next one comes"
    if case.driver.branch == "auto" and number != PREFERRED:
        held = PREFERRED in case.cell.branches
        yield f"branch {number}, as {PREFERRED} " + ("does not serve" if held else f"is not in {case.cell.place}")
    if case.secure_boot is None and not signed:
        yield "Secure Boot could not be told: if it is on, what DKMS builds is not loaded"


def _called(number: int) -> str:
    known = branch(number)
    return f"{number}, which ended {known.end}" if known and known.end else str(number)


def _remedy(case: _Case, why: Why) -> str:
    """The smallest changes that lead to a driver: each is tried, none is guessed."""
    ways = list(_changes(case))
    ways += _places(case, () if ways else GIVEN_UP)
    own = of(case.cell.system, Source.DISTRO, case.cell.architecture)
    can_be_open = all(chip.open is not OpenModules.NO for chip in case.chips)
    if own and own.by_hand and can_be_open and why in (Why.SYSTEM, Why.SECURE_BOOT):
        ways.append(own.by_hand)
    if why is Why.SECURE_BOOT:  # a key for DKMS is enrolled at the machine's console (mokutil(1)), where clustr is not
        ways.append("switch Secure Boot off in the firmware")
    return "; or ".join(ways or (BY_HAND,))


AUTO: Mapping[str, object] = {"branch": "auto", "modules": Modules.AUTO}
# Of what the inventory asks for, the least first.
GIVEN_UP: tuple[tuple[str, ...], ...] = (("branch",), ("modules",), ("branch", "modules"))


def _changes(case: _Case) -> Iterator[str]:
    """What the inventory may say to get a driver from the same place."""
    if isinstance(_judge(replace(case, site_key=True)), Choice):
        yield "verify that key and name its file in artifacts.keys.nvidia"
        return
    for names in GIVEN_UP:
        if isinstance(_judge(_without(case, names)), Choice):
            yield "set " + " and ".join(f"driver.{name}: auto" for name in names)
            return
    for number in reversed(case.cell.branches):
        if isinstance(_judge(_changed(case, {"branch": str(number)})), Choice):
            yield f"set driver.branch: {number}"
            return


def _places(case: _Case, given_up: tuple[tuple[str, ...], ...]) -> Iterator[str]:
    """The nearest place that has a driver: of the same system if there is one, with what is asked if it can be."""
    tried = [(_nearest(_without(case, names)), names) for names in ((), *given_up)]
    found = [(choice, names) for choice, names in tried if choice]
    found.sort(key=lambda each: each[0].cell is None or each[0].cell.system != case.cell.system)
    for choice, names in found[:1]:
        yield _place_told(case, choice, names)


def _nearest(case: _Case) -> Choice | None:
    place = nearest(case.cell, lambda other: _chosen_from(case, other) is not None)
    return _chosen_from(case, place) if place else None


def _chosen_from(case: _Case, place: Cell) -> Choice | None:
    verdict = _judge(replace(case, cell=place))
    return verdict if isinstance(verdict, Choice) else None


def _place_told(case: _Case, choice: Choice, names: tuple[str, ...]) -> str:
    system = choice.cell.system if choice.cell else case.cell.system
    source = " and ".join((f"driver.source: {choice.source}", *(f"driver.{name}: auto" for name in names)))
    place = f"set {source}" if system == case.cell.system else f"take {' '.join(system)} with {source}"
    signed = f"linux-modules-nvidia-{choice.branch}-server{'-open' if choice.open else ''}"
    return place + (f", whose {signed} is signed" if choice.signed else "")


def _without(case: _Case, names: tuple[str, ...]) -> _Case:
    return _changed(case, {name: AUTO[name] for name in names})


def _changed(case: _Case, change: Mapping[str, object]) -> _Case:
    return replace(case, driver=case.driver.model_copy(update=change))

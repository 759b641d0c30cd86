"""Every cell of the support table, times its branches, both flavours and each kind of chip: the scripts that bring that
driver, or the refusal.

One golden file for a cell. Its first part says for each combination what comes of it; then come the lines that all of
its scripts have, and those that each has besides. A cell that resembles another is told as the difference to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from clustr.components import fabric_manager, nvidia_driver
from clustr.engine.goal import Goal
from clustr.families import Manager, family
from clustr.inventory.gpu import Driver, Source
from clustr.inventory.model import Artifacts, Cluster, Node
from clustr.nvidia.chips import Board, board, gpus
from clustr.nvidia.choice import Choice, Refusal, choose
from clustr.nvidia.support import CELLS, X86, Cell, of
from clustr.remote.facts import Facts, Kernel, PciDevice, Seen
from clustr.remote.gpu_facts import GpuFacts
from tests.components.gpu_machines import b200, gpu, hgx
from tests.components.machines import CP1, GPU1, cluster_of, facts, goals
from tests.components.scripts import shellcheck
from tests.components.systems import said
from tests.conftest import Golden

GOLDEN = Path(__file__).parent / "golden/driver_cells"
FLAVOURS = ("open", "proprietary")
# One chip of each kind that the rules tell apart, on the board that it is sold on.
CHIPS: dict[str, tuple[PciDevice, ...]] = {
    "K80": (gpu("102d"),),
    "V100": (gpu("1db5"),),
    "L40S": (gpu("26b9"),),
    "H100 behind NVSwitch": hgx("2330", 2),
    "B200 behind NVSwitch": b200()[-2:],
    "GH200": (gpu("2342"),),
    "GB200": (gpu("2941"),),
}
COHERENT = ("GH200", "GB200")  # their CPU is Arm's
SECURE_BOOT = "Secure Boot"
OWN_KEY = "a key of the site's own"


@dataclass(frozen=True)
class Case:
    """One combination: what the inventory asks for, and the machine."""

    branch: str
    modules: str
    chip: str
    place: Cell
    remark: str = ""

    def __str__(self) -> str:
        return ", ".join(each for each in (self.chip, self.branch, self.modules, self.remark) if each)

    @property
    def node(self) -> Node:
        driver = Driver.model_validate({"source": self.place.source, "branch": self.branch, "modules": self.modules})
        keys = {"nvidia": Path("site-key.asc")} if self.remark == OWN_KEY else {}
        return GPU1.model_copy(update={"driver": driver, "artifacts": Artifacts(keys=keys)})

    @property
    def facts(self) -> Facts:
        found = said("-".join(self.place.system))
        return replace(
            found,
            hostname=GPU1.name,
            architecture=self.place.architecture,
            pci=CHIPS[self.chip],
            kernels=(Kernel(found.next_kernel, frozenset()),),
            gpu=GpuFacts(secure_boot=self.remark == SECURE_BOOT),
        )


def cases(place: Cell) -> Iterator[Case]:
    """auto, then every branch that the cell holds in both flavours; with Secure Boot, what auto comes to."""
    own = OWN_KEY if place.branches and place.source is Source.NVIDIA and not place.fingerprint else ""
    for chip in CHIPS:
        if chip in COHERENT and place.architecture == X86:
            continue
        yield Case("auto", "auto", chip, place)
        if own:
            yield Case("auto", "auto", chip, place, own)
        for branch in map(str, place.branches):
            yield from (Case(branch, modules, chip, place, own) for modules in FLAVOURS)
        if place.branches:
            yield Case("auto", "auto", chip, place, SECURE_BOOT)


@pytest.fixture
def cluster() -> Cluster:
    return cluster_of(CP1, GPU1, files={Path("site-key.asc"): "a key\n"})


def rendered(cluster: Cluster, case: Case) -> list[Goal]:
    seen = Seen({CP1.name: facts(CP1), GPU1.name: case.facts})
    both = (goals(component, cluster, case.node, seen) for component in (nvidia_driver, fabric_manager))
    return [goal for found in both for goal in found.values()]


def lines(found: list[Goal], kernel: str) -> list[str]:
    """A goal in each line: what is asked, = what is wanted, and ! what is done where it is a script."""
    text = []
    for goal in found:
        wanted = goal.wanted if isinstance(goal.wanted, str) else f"known after {goal.wanted.stage}"
        apply = "" if goal.apply.startswith("apply_file") else f" ! {'; '.join(goal.apply.splitlines())}"
        line = f"{goal.component}, {goal.name}: {goal.probe} = {' | '.join(wanted.splitlines())}{apply}"
        text.append(re.sub(r"[0-9a-f]{64}", "SUM", line.replace(kernel, "KERNEL")))
    return text


def described(cluster: Cluster, place: Cell) -> list[str]:
    heads: list[str] = []
    scripts: dict[str, list[str]] = {}
    for case in cases(place):
        choice = choose(case.node, case.facts)
        if isinstance(choice, Refusal):
            heads.append(f"{case}: refused ({choice.why}): {choice.problem}. Remedy: {choice.remedy}")
            continue
        assert isinstance(choice, Choice)
        text = lines(rendered(cluster, case), case.facts.next_kernel)
        name = next((name for name, known in scripts.items() if known == text), _name(case, choice))
        assert scripts.setdefault(name, text) == text, "two scripts of one name"
        heads.append(f"{case}: {name}{f' ({choice.note})' if choice.note else ''}")
    shared = [line for line in next(iter(scripts.values()), []) if all(line in each for each in scripts.values())]
    own = [f"{name}: {line}" for name, text in scripts.items() for line in text if line not in shared]
    return [*heads, *(f"all: {line}" for line in shared), *own]


def _name(case: Case, choice: Choice) -> str:
    """Of the scripts that other combinations may come to as well."""
    kind = f"{choice.branch} {'open' if choice.open else 'proprietary'}{' signed' if choice.signed else ''}"
    coherent = any(each.chip and each.chip.coherent for each in gpus(case.facts))
    joined = board(case.facts)
    key = OWN_KEY if case.remark == OWN_KEY else ""
    more = ("" if joined is Board.NONE else joined.value, "coherent" if coherent else "", key)
    return ", ".join(each for each in (kind, *more) if each)


# What a cell's file says the difference to: the release before it, or what it was built from.
BEFORE = {
    ("debian", "13"): ("debian", "12"),
    ("ubuntu", "24.04"): ("ubuntu", "22.04"),
    ("ubuntu", "26.04"): ("ubuntu", "24.04"),
    ("rocky", "9"): ("rhel", "9"),
    ("almalinux", "9"): ("rocky", "9"),
    ("rhel", "10"): ("rhel", "9"),
    ("rocky", "10"): ("rhel", "10"),
    ("almalinux", "10"): ("rocky", "10"),
}


def golden_text(cluster: Cluster, place: Cell) -> str:
    """The whole, for the first of its kind; the names of system and repository are left out of a difference."""
    before = of(place.system, place.source, X86) if place.architecture != X86 else None
    if before is None and place.system in BEFORE:
        before = of(BEFORE[place.system], place.source, place.architecture)
    if before is None or bool(before.branches) is not bool(place.branches):
        return "".join(f"{line}\n" for line in described(cluster, place))
    old, new = (_plain(each, described(cluster, each)) for each in (before, place))
    found = [f"- {line}" for line in old if line not in new] + [f"+ {line}" for line in new if line not in old]
    return "".join(f"{line}\n" for line in (f"as {called(before)}, but for", *found))


def _plain(place: Cell, text: list[str]) -> list[str]:
    name = place.repository.split("/")[-2] if place.repository else ""
    names = {" ".join(place.system): "SYSTEM", f"/{name}/sbsa": "/NAME/ARCH", f"/{name}/x86_64": "/NAME/ARCH"}
    for old, new in names.items():
        text = [line.replace(old, new) for line in text]
    return text


def called(place: Cell) -> str:
    return "-".join((*place.system, place.source, place.architecture))


@pytest.mark.parametrize("place", CELLS, ids=called)
def test_a_cell_is_as_it_was(place: Cell, cluster: Cluster, golden: Golden) -> None:
    golden(GOLDEN / f"{called(place)}.txt", golden_text(cluster, place))


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {called(place) for place in CELLS}


@pytest.mark.parametrize("manager", Manager)
def test_the_scripts_of_all_cells_pass_shellcheck(manager: Manager, cluster: Cluster, tmp_path: Path) -> None:
    """Each goal that any of them comes to is in the one script; once, where nothing but its numbers differ."""
    found: dict[tuple[str, str, str], Goal] = {}
    for place in CELLS:
        for case in cases(place):
            if family(case.facts).manager is manager and isinstance(choose(case.node, case.facts), Choice):
                for goal in rendered(cluster, case):
                    found[goal.component, _numberless(goal.probe), _numberless(goal.apply)] = goal
    assert len(found) > 30
    assert shellcheck(list(found.values()), tmp_path) == ""


def _numberless(script: str) -> str:
    return re.sub(r"[0-9]+", "N", script)


def test_the_only_cell_that_waits_for_a_key_is_enterprise_linux_10() -> None:
    waiting = {place.system[1] for place in CELLS if any(case.remark == OWN_KEY for case in cases(place))}
    assert waiting == {"10"}
    assert of(("rocky", "10"), Source.NVIDIA, "x86_64") in CELLS

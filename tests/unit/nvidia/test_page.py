"""docs/driver-support.md is the tables, written out: `pytest --update-golden` writes it anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from clustr.inventory.gpu import Source
from clustr.nvidia.branches import BRANCHES, first_version, last_branch
from clustr.nvidia.chips import CHIPS, Architecture, OpenModules
from clustr.nvidia.support import ARM, CELLS, X86, Cell
from tests.conftest import Golden

PAGE = Path(__file__).parents[3] / "docs/driver-support.md"
TOP = """\
# Which driver a node gets

`clustr` knows a GPU by its PCI id, and takes its driver from one place: NVIDIA's repository (`driver.source: nvidia`,
the default), the distribution's archive (`distro`), or from nowhere, where one is there already (`preinstalled`).

- `driver.branch: auto` takes 580 where the place has it and all chips of the node run it, else the production branch,
  else the newest long-term one. It takes none that is past its end of life; one that you name is taken, and the plan
  says so.
- `driver.modules: auto` takes open modules where all chips run with them and the place has them.
- Where no driver can be had, `clustr plan` says why, and which change of the inventory leads to one.

This page is written from the tables in `clustr/nvidia` by their test. What is not in it was not found in public, or not
seen to work: it is refused, never guessed.
"""


def _names(places: list[Cell]) -> str:
    versions: dict[str, list[str]] = {}
    for each in places:
        versions.setdefault(each.system[1], []).append(each.system[0])
    return "; ".join(f"{', '.join(names)} {version}" for version, names in versions.items())


def _numbers(found: tuple[int, ...]) -> str:
    return ", ".join(map(str, found)) or "none"


def _alike(source: Source) -> Iterator[tuple[str, str, Cell]]:
    """Cells that differ in nothing but their system's name and architecture, as one."""
    groups: dict[Cell, list[Cell]] = {}
    for each in CELLS:
        if each.source is source:
            plain = replace(each, system=("", each.system[1]), architecture="", repository="", key_url="")
            groups.setdefault(replace(plain, sources=(), by_hand=""), []).append(each)
    for places in groups.values():
        machines = [machine for machine in (X86, ARM) if any(each.architecture == machine for each in places)]
        systems = [each for each in places if each.architecture == machines[0]]
        yield _names(systems), ", ".join(machines), places[0]


def _nvidia() -> Iterator[str]:
    yield "| system | machine | branches | signed by | fabric manager | DCGM |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for systems, machines, each in _alike(Source.NVIDIA):
        key = f"`{each.key_url.split('/')[-1]}` `{each.fingerprint or 'fingerprint unknown'}`" if each.key_url else ""
        has = [("yes" if there else "no") if each.branches else "" for there in (each.fabric_manager, each.dcgm)]
        yield f"| {systems} | {machines} | {_numbers(each.branches)} | {key} | {has[0]} | {has[1]} |"


def _distro() -> Iterator[str]:
    yield "| system | machine | branches | open modules | signed modules | fabric manager |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for systems, machines, each in _alike(Source.DISTRO):
        columns = [_numbers(found) for found in (each.branches, each.open, each.signed)]
        yield f"| {systems} | {machines} | {' | '.join(columns)} | {'yes' if each.fabric_manager else 'no'} |"


def _lacking() -> Iterator[str]:
    told = dict.fromkeys((" ".join(each.system), each.place, text) for each in CELLS for text in (each.lacks,) if text)
    yield from (f"- {place}: {text}." for _, place, text in told)
    hands = dict.fromkeys((" ".join(each.system), each.by_hand) for each in CELLS if each.by_hand)
    yield from (f"- {system}, by hand: {text}." for system, text in hands)


def _branches() -> Iterator[str]:
    yield "| branch | kind | ends | CUDA | read in |"
    yield "| --- | --- | --- | --- | --- |"
    for each in BRANCHES:
        yield f"| {each.number} | {each.kind} | {each.end or 'with the next one'} | {each.cuda} | {each.source} |"


def _chips() -> Iterator[str]:
    yield "| architecture | branches | open modules | models |"
    yield "| --- | --- | --- | --- |"
    for architecture in Architecture:
        for kind in OpenModules:
            found = [each for each in CHIPS.values() if each.architecture is architecture and each.open is kind]
            if found:
                last, first = last_branch(found[0]), dict.fromkeys(filter(None, map(first_version, found)))
                limits = [f"to {last}"] if last else []
                limits += [f"from {', '.join(sorted(first))}"] if first else []
                models = ", ".join(dict.fromkeys(each.model for each in found))
                name = architecture.name.capitalize()
                yield f"| {name} | {'; '.join(limits) or 'all'} | {kind} | {models} |"


def _sources() -> Iterator[str]:
    for each in dict.fromkeys(source for place in CELLS for source in place.sources):
        yield f"- {each}"


def page() -> str:
    parts = {
        "NVIDIA's repositories": _nvidia(),
        "The distributions' own archives": _distro(),
        "What is missing": _lacking(),
        "Branches": _branches(),
        "Chips": _chips(),
        "Where this was read": _sources(),
    }
    return TOP + "".join(f"\n## {title}\n\n" + "".join(f"{line}\n" for line in lines) for title, lines in parts.items())


def test_the_page_says_what_the_tables_hold(golden: Golden) -> None:
    golden(PAGE, page())

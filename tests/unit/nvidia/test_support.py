"""The support table against itself: every cell is whole, has its sources, and contradicts no other."""

from __future__ import annotations

import re
from datetime import date
from urllib.parse import urlsplit

import pytest

from clustr.families import FAMILIES
from clustr.inventory.gpu import Source
from clustr.nvidia.branches import BRANCHES, PREFERRED, fits
from clustr.nvidia.chips import CHIPS, Architecture
from clustr.nvidia.support import ARCHITECTURES, CELLS, Cell, cell, nearest, of
from clustr.remote.facts import OperatingSystem

TODAY = date(2026, 11, 30)
OPEN_ONLY = 620  # driver installation guide of r620, "Proprietary Kernel Modules Removed"


def called(place: Cell) -> str:
    return " ".join((*place.system, place.source, place.architecture))


@pytest.mark.parametrize("place", CELLS, ids=called)
def test_a_cell_is_whole(place: Cell) -> None:
    assert place.sources
    assert all(place.sources)
    assert set(place.branches) <= {each.number for each in BRANCHES}
    assert list(place.branches) == sorted(place.branches)
    assert set(place.open) | set(place.proprietary) == set(place.branches)
    assert set(place.signed) <= set(place.branches)
    assert not [each for each in place.proprietary if each >= OPEN_ONLY]
    assert re.fullmatch(r"([0-9A-F]{40})?", place.fingerprint)
    if not place.branches:
        assert {place.dcgm, place.toolkit, place.fabric_manager, place.repository} == {False, ""}


@pytest.mark.parametrize("place", [each for each in CELLS if each.repository], ids=called)
def test_a_repository_is_nvidias_and_its_key_lies_in_it(place: Cell) -> None:
    assert place.source is Source.NVIDIA
    url = urlsplit(place.repository)
    assert (url.scheme, url.netloc) == ("https", "developer.download.nvidia.com")
    assert url.path.endswith("/sbsa" if place.architecture == "aarch64" else "/x86_64")
    name = place.system[0] if place.system[0] in ("debian", "ubuntu") else "rhel"
    assert f"/{name}{place.system[1].replace('.', '')}/" in url.path
    key = place.key_url.removeprefix(f"{place.repository}/").removesuffix(".pub")
    assert re.fullmatch(r"[0-9A-Fa-f]{8}", key)
    assert place.fingerprint.endswith(key.upper()) or not place.fingerprint


def test_every_system_that_clustr_knows_is_in_the_table_once_for_each_source_and_architecture() -> None:
    sources = (Source.NVIDIA, Source.DISTRO)
    wanted = [(system, source, machine) for system in FAMILIES for source in sources for machine in ARCHITECTURES]
    found = [(each.system, each.source, each.architecture) for each in CELLS]
    assert len(found) == len(set(found))
    assert set(found) == set(wanted)


def test_one_key_signs_one_repository_name_everywhere() -> None:
    keys: dict[str, set[tuple[str, str]]] = {}
    for each in CELLS:
        if each.repository:
            keys.setdefault(each.repository.split("/")[-2], set()).add((each.fingerprint, each.key_url.split("/")[-1]))
    assert {len(found) for found in keys.values()} == {1}
    assert {name for name, found in keys.items() if not next(iter(found))[0]} == {"rhel10"}


def test_debian_13_never_takes_a_key_that_its_apt_refuses() -> None:
    """SHA-1 signatures end there (NVIDIA/cuda-repo-management#34)."""
    place = of(("debian", "13"), Source.NVIDIA, "x86_64")
    assert place is not None
    assert place.key_url.endswith("/debian13/x86_64/8793F200.pub")
    assert (place.dcgm, place.toolkit, PREFERRED in place.branches) == (False, False, False)


@pytest.mark.parametrize("place", [each for each in CELLS if not each.branches], ids=called)
def test_what_has_nothing_names_what_has(place: Cell) -> None:
    found = nearest(place, lambda other: bool(other.branches))
    assert found is not None
    assert found.architecture == place.architecture


def test_the_nearest_is_of_the_same_system_then_of_the_same_distribution() -> None:
    start = of(("ubuntu", "26.04"), Source.NVIDIA, "x86_64")
    assert start is not None
    own = nearest(start, lambda other: 580 in other.branches)
    assert own is not None
    assert (own.system, own.source) == (start.system, Source.DISTRO)
    kin = nearest(start, lambda other: other.dcgm)
    assert kin is not None
    assert (kin.system, kin.source) == (("ubuntu", "24.04"), Source.NVIDIA)
    assert nearest(start, lambda other: False) is None


def test_a_minor_release_of_enterprise_linux_is_its_major_one() -> None:
    minor = cell(OperatingSystem("rocky", "9.6", "", ""), Source.NVIDIA, "x86_64")
    assert minor is of(("rocky", "9"), Source.NVIDIA, "x86_64")
    assert cell(OperatingSystem("ubuntu", "25.10", "", ""), Source.NVIDIA, "x86_64") is None
    assert cell(OperatingSystem("debian", "12", "", ""), Source.NVIDIA, "riscv64") is None


def test_every_chip_has_a_place_or_is_too_old_for_all() -> None:
    held = {number for each in CELLS for number in each.branches}
    without = [chip for chip in CHIPS.values() if not any(fits(chip, number) for number in held)]
    assert {chip.architecture for chip in without} == {Architecture.KEPLER}
    assert len(without) == len([chip for chip in CHIPS.values() if chip.architecture is Architecture.KEPLER])


def test_branches_are_as_their_sources_say() -> None:
    assert {each.number for each in BRANCHES if each.ended(TODAY)} == {535, 550, 570, 590, 610}
    assert {each.number for each in BRANCHES if each.cuda == 12} == {535, 550, 570}
    assert all(each.source for each in BRANCHES)
    assert [each.end for each in BRANCHES if each.number in (535, 550, 615)] == ["2026-06", "2026-09 at the latest", ""]

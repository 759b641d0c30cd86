"""Which MIG profiles chips have."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter

from clustr.inventory.fields import MigProfile
from clustr.lab.boards import BOARDS as LAB_BOARDS
from clustr.lab.model import GpuModel
from clustr.nvidia.chips import BOARDS, CHIPS
from clustr.nvidia.mig import PROFILES, profiles


def test_each_model_is_one_of_a_chip_with_mig_and_its_profiles_can_be_written() -> None:
    with_mig = {chip.model for chip in (*CHIPS.values(), *BOARDS.values()) if chip.mig}
    assert set(PROFILES) <= with_mig
    for listed in PROFILES.values():
        assert len(set(listed)) == len(listed)
        for profile in listed:
            TypeAdapter(MigProfile).validate_python(profile)


def test_the_largest_is_the_whole_memory_and_none_is_larger() -> None:
    for chip in CHIPS.values():
        sizes = [int(profile.partition("g.")[2].partition("gb")[0]) for profile in profiles(chip)]
        assert not sizes or sizes[-1] == max(sizes) == chip.memory_gb, chip


@pytest.mark.parametrize("model", [model for model in GpuModel if LAB_BOARDS[model].mig])
def test_the_labs_gpus_have_no_other_profiles(model: GpuModel) -> None:
    board = LAB_BOARDS[model]
    assert set(board.mig) <= set(profiles(board.chip))

from __future__ import annotations

import random

import pytest

from clustr.inventory.ranges import LIMIT, expand, fold


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("gpu1", ["gpu1"]),
        ("cp[1-3]", ["cp1", "cp2", "cp3"]),
        ("gpu[08-11]", ["gpu08", "gpu09", "gpu10", "gpu11"]),
        ("gpu[098-101]", ["gpu098", "gpu099", "gpu100", "gpu101"]),
        ("10.0.1.[9-11]", ["10.0.1.9", "10.0.1.10", "10.0.1.11"]),
        ("a[1, 3,5-6]-x", ["a1-x", "a3-x", "a5-x", "a6-x"]),
        ("r[1-2]n[1-2]", ["r1n1", "r1n2", "r2n1", "r2n2"]),
        ("a[7]", ["a7"]),
    ],
)
def test_expand(text: str, members: list[str]) -> None:
    assert list(expand(text)) == members


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a[3-1]", "backwards"),
        ("a[1-3", "pair"),
        ("a1-3]", "pair"),
        ("a[[1-3]]", "pair"),
        ("a[]", "no range"),
        ("a[x-y]", "no range"),
        ("a[1-2-3]", "no range"),
        ("a[-1]", "no range"),
        ("a[1-010]", "two widths"),
        (f"a[1-{LIMIT + 1}]", "more than 10,000"),
        ("a[1-999999999]", "more than 10,000"),
        ("a[1-200]b[1-200]", "more than 10,000"),
        ("a[1-9999999999]", "no range"),
    ],
)
def test_expand_refuses(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        expand(text)


@pytest.mark.parametrize(
    ("names", "folded"),
    [
        (["cp1", "cp2", "cp3", "mon1", "gpu01", "gpu02", "gpu05"], "cp[1-3] mon1 gpu[01-02,05]"),
        (["n9", "n10", "n11"], "n[9-11]"),
        (["a3", "a1", "a2"], "a[1-3]"),
        (["gpu1", "gpu01"], "gpu1 gpu01"),
        (["db", "web", "db"], "db web"),
        (["10.0.0.1", "10.0.0.2", "10.0.1.1"], "10.0.0.[1-2] 10.0.1.1"),
        (["r1n1", "r1n2", "r2n1"], "r1n[1-2] r2n1"),
        ([], ""),
    ],
)
def test_fold(names: list[str], folded: str) -> None:
    assert fold(names) == folded


def test_what_is_folded_can_be_expanded_again() -> None:
    dice = random.Random(4)
    for _ in range(500):
        names = {
            f"{dice.choice(['gpu', 'cp', 'r1-'])}{dice.choice(['', '0', '00'])}{dice.randint(0, 120)}"
            f"{dice.choice(['', '', '-x'])}"
            for _ in range(dice.randint(1, 40))
        }
        parts = [member for part in fold(names).split() for member in expand(part)]
        assert sorted(parts) == sorted(names)

"""Each kind of wrong inventory, and word for word what is said of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clustr.errors import InventoryError
from clustr.inventory.load import load, read
from tests.conftest import Golden

GOLDEN = Path(__file__).parent / "golden"
WRONG = sorted(path.name for path in GOLDEN.glob("*.yaml"))
LINE = re.compile(r"(?P<file>[\w-]+\.yaml):(?P<line>\d+):(?P<column>\d+) +(?P<field>\S.*?)? {3}(?P<text>.+)")


@pytest.fixture(autouse=True)
def in_golden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN)
    monkeypatch.delenv("CLUSTR_TEST_UNSET", raising=False)


def refused(name: str) -> InventoryError:
    with pytest.raises(InventoryError) as caught:
        load(Path(name))
    return caught.value


@pytest.mark.parametrize("name", WRONG)
def test_says_all_that_is_wrong(name: str, golden: Golden) -> None:
    error = refused(name)
    golden(GOLDEN / f"{Path(name).stem}.txt", f"{error.detail}\n{error.problem}\n")


@pytest.mark.parametrize("name", WRONG)
def test_points_into_the_file(name: str) -> None:
    error = refused(name)
    lines = (GOLDEN / name).read_text().splitlines()
    assert error.mistakes
    for mistake in error.mistakes:
        match = LINE.fullmatch(mistake)
        assert match, mistake
        assert 1 <= int(match["line"]) <= len(lines) + 1
        # What is wrong, then what to write.
        assert re.search(r": \S|\?$|: $", match["text"]), mistake
    assert f"{len(error.mistakes)} mistake" in error.problem
    assert error.exit_code == 3


@pytest.mark.parametrize("name", WRONG)
def test_never_shows_a_plain_secret(name: str) -> None:
    assert "hunter" not in str(refused(name).detail)


def test_validate_only_warns_of_what_is_not_on_this_machine() -> None:
    found = read(Path("absent.yaml"))
    assert len(found.warnings) == len(refused("absent.yaml").mistakes) == 6
    password = found.cluster.nodes[0].sudo.password
    assert password is not None
    assert str(password) == "***"
    with pytest.raises(InventoryError, match=r"nodes\.0\.sudo\.password"):
        password.reveal()


def test_there_is_a_golden_text_for_each() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {Path(name).stem for name in WRONG}


def test_an_inventory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InventoryError) as caught:
        load(tmp_path / "inventory.yaml")
    assert caught.value.problem == f"There is no {tmp_path}/inventory.yaml."
    assert "clustr init" in caught.value.remedy


def test_a_folder_and_a_binary_are_no_inventories(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match="Is a directory"):
        load(tmp_path)
    (tmp_path / "x").write_bytes(b"cluster: a\nnodes: \xff\xfe")
    with pytest.raises(InventoryError, match=r"no UTF-8 text \(line 2\)"):
        load(tmp_path / "x")
    (tmp_path / "y").write_bytes(b"cluster: a\x00b")
    with pytest.raises(InventoryError) as caught:
        load(tmp_path / "y")
    assert "no YAML" in caught.value.detail


def test_deep_nesting_and_many_aliases_are_answered_at_once(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
    (tmp_path / "bomb").write_text(bomb)
    assert len(_mistakes(tmp_path / "bomb")) == 31


def test_a_mistake_in_every_one_of_a_thousand_nodes(tmp_path: Path) -> None:
    nodes = "".join(f"  - {{name: n{n}, address: 10.0.0.300, rolls: [agent]}}\n" for n in range(1000))
    (tmp_path / "many").write_text(f"cluster: lab\nnodes:\n{nodes}")
    assert len(_mistakes(tmp_path / "many")) == 2000


def _mistakes(path: Path) -> tuple[str, ...]:
    with pytest.raises(InventoryError) as caught:
        load(path)
    return caught.value.mistakes

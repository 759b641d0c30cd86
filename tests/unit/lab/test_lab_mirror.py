"""The lab's mirror: which file, which bytes; and where downloads come from at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from clustr.errors import UsageError
from clustr.lab import mirror, source
from clustr.lab.model import Origin, Source, Spec


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-9", range(10)),
        ("bytes=90-", range(90, 100)),
        ("bytes=90-500", range(90, 100)),
        ("bytes=-10", range(90, 100)),
        ("bytes=-500", range(100)),
        ("bytes=100-", None),
        ("bytes=9-3", None),
        ("bytes=-0", None),
        ("bytes=-", range(100)),
        ("bytes=0-1,5-6", range(100)),
        ("lines=1-2", range(100)),
    ],
)
def test_ranges(header: str, part: range | None) -> None:
    assert mirror.wanted(header, 100) == part


def test_only_files_inside_the_folder_are_found(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/v1+lab1").write_text("x")
    (tmp_path / "out").write_text("secret")
    (tmp_path / "in/link").symlink_to(tmp_path / "out")
    folder = tmp_path / "in"
    assert mirror.find(folder, "/v1%2Blab1?x=1") == folder / "v1+lab1"
    assert mirror.find(folder, "/v1+lab1") == folder / "v1+lab1"
    for wrong in ("/", "/../out", "/%2e%2e/out", "/link", "/none", "/v1+lab1/x"):
        assert mirror.find(folder, wrong) is None, wrong


def test_a_folder_with_one_k3s_tells_its_version(tmp_path: Path) -> None:
    releases = tmp_path / "k3s-io/k3s/releases/download"
    for version in ("v1.36.3+lab1", "v1.36.3+lab2"):
        (releases / version).mkdir(parents=True)
    assert source.k3s_version(tmp_path) == ""
    (releases / "v1.36.3+lab1/k3s").touch()
    assert source.k3s_version(tmp_path) == "v1.36.3+lab1"
    (releases / "v1.36.3+lab2/k3s").touch()
    assert source.k3s_version(tmp_path) == ""


def test_a_stand_in_is_known_by_its_version() -> None:
    versions = ("v1.36.3+lab1", "v1.36.5+k3s1", "")
    assert [Source(Origin.FOLDER, k3s_version=version).stand_in for version in versions] == [True, False, False]


def test_what_artifacts_may_be(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.touch()
    chosen = source.choose(Spec(artifacts="https://mirror.example/", artifacts_ca=ca))
    assert (chosen.origin, chosen.mirror, chosen.ca) == (Origin.MIRROR, "https://mirror.example", ca)
    assert source.choose(Spec(artifacts="none")).origin is Origin.NOTHING
    for wrong in (
        Spec(artifacts="http://mirror.example"),
        Spec(artifacts="/no/such/folder"),
        Spec(artifacts=str(tmp_path), artifacts_ca=ca),
        Spec(artifacts="https://mirror.example", artifacts_ca=tmp_path / "none.pem"),
    ):
        with pytest.raises(UsageError):
            source.choose(wrong)

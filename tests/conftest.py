"""What all tests share: `--update-golden` rewrites expected texts instead of comparing with them; clustr's wheel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.wheel import Wheel, installed_wheel

CLUSTERS = {"lab_nodes": "main", "gpu_lab": "gpu"}  # by the fixture that brings one up
Golden = Callable[[Path, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the expected texts; look at the diff")


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two processes share the tests (run.sh): all that uses a cluster of the session is in one, and so is each file.

    The clusters come first, since they take longest, then other labs.
    """
    groups = {item: group(item) for item in items}
    order = [*CLUSTERS.values(), *dict.fromkeys(each for each in groups.values() if each.startswith("lab/"))]
    items.sort(key=lambda item: order.index(groups[item]) if groups[item] in order else len(order))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(groups[item]))


def group(item: pytest.Item) -> str:
    used = getattr(item, "fixturenames", ())
    of_cluster = next((name for fixture, name in CLUSTERS.items() if fixture in used), None)
    return of_cluster or item.path.relative_to(Path(__file__).parent).as_posix()


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compares a text with the file that holds it."""

    def compare(path: Path, text: str) -> None:
        if request.config.getoption("--update-golden"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Wheel:
    """clustr, installed from its wheel outside the checkout."""
    return installed_wheel(tmp_path_factory.mktemp("wheel"))

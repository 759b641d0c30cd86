"""What all tests share: `--update-golden` rewrites expected texts instead of comparing with them; clustr's wheel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.wheel import Wheel, installed_wheel

Golden = Callable[[Path, str], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the expected texts; look at the diff")


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

"""The README's picture is what this run showed. `pytest --update-golden` draws it anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.bootstrapped import Bootstrapped
from tests.lab.picture import picture, words

PICTURE = Path(__file__).parents[2] / "docs/run.svg"


def test_the_readme_shows_a_real_run(bootstrapped: Bootstrapped, request: pytest.FixtureRequest) -> None:
    made = picture(bootstrapped.shown.expect().stdout, bootstrapped.done.expect().stdout)
    if request.config.getoption("--update-golden"):
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_text(made, encoding="utf-8")
    assert words(made) == words(PICTURE.read_text(encoding="utf-8"))

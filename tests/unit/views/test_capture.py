"""The README's picture."""

from __future__ import annotations

import html
import re
from xml.etree import ElementTree

from clustr.views.capture import capture

SHOWN = [
    ("clustr plan", "\x1b[32m+\x1b[0m base_os   package chrony\n" + "x" * 150 + "\n"),
    ("clustr doctor", "\x1b[?25l\x1b[2Khealthy.\n"),
]


def words(picture: str) -> str:
    root = ElementTree.fromstring(picture)
    return html.unescape("".join(root.itertext())).replace("\xa0", " ")


def test_it_shows_the_commands_and_all_of_their_output() -> None:
    text = words(capture(SHOWN, "clustr"))
    for part in ("$ clustr plan", "base_os   package chrony", "x" * 150, "$ clustr doctor", "healthy."):
        assert part in text
    assert "\x1b" not in text


def test_it_keeps_the_colours() -> None:
    assert len(set(re.findall(r"fill: (#[0-9a-f]{6})", capture(SHOWN, "clustr")))) > 1


def test_it_loads_nothing_and_is_the_same_each_time() -> None:
    picture = capture(SHOWN, "clustr")
    assert re.findall(r"https?://(?!www\.w3\.org/)[^\"') ]+", picture.replace("https://www.textualize.io", "")) == []
    assert "font-face" not in picture
    assert picture == capture(SHOWN, "clustr")

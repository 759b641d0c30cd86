"""What recordings of a terminal and the README's picture are made with."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.lab.picture import picture, words
from tests.lab.terminal import COLUMNS, at_terminal, left_on_screen

DRAWN_OVER = """
import sys, time
from rich.console import Console
from rich.live import Live
from rich.text import Text

console = Console(highlight=False)
with Live(console=console, get_renderable=lambda: Text("one at work\\ntwo at work"), transient=True):
    time.sleep(0.4)
    console.print(f"a note, {console.width} wide", style="green")
    time.sleep(0.4)
print("done", file=sys.stderr)
sys.exit(3)
"""

PLAN = "\n".join(
    ["lab   1 server   k3s v1.36.3", *(f"  + base_os  file {n}" for n in "abcdefghijklmnopqrstuvw"), "end"]
)
BOOTSTRAP = f"{PLAN}\n\x1b[32m✓\x1b[0m Prepare nodes   5 nodes   1 min 3 s\nlab: 5 of 5 nodes done in 1 min 4 s."


def test_only_what_stays_is_left() -> None:
    done = at_terminal([sys.executable, "-c", DRAWN_OVER], dict(os.environ), Path("/"))
    assert done.status == 3
    assert "at work" not in done.stdout
    assert f"\x1b[32ma note, {COLUMNS} wide\x1b[0m\ndone\n" in done.stdout


def test_lines_are_drawn_over() -> None:
    assert left_on_screen("a\r\nb\r\x1b[2K\x1b[1A\x1b[2Kc\r\nd\n") == "c\nd\n"


def test_a_command_that_does_not_end_is_told() -> None:
    with pytest.raises(TimeoutError, match="still here"):
        at_terminal(["bash", "-c", "echo still here; exec sleep 60"], dict(os.environ), Path("/"), within=0.5)


def test_the_picture_has_the_ends_and_the_words_that_stay() -> None:
    said = words(picture(PLAN, BOOTSTRAP))
    assert said.startswith("clustr $ clustr plan CLUSTER 0 server k3s 0 + base_os file a")
    assert "file v" not in said
    assert said.endswith("$ clustr bootstrap --yes … ✓ Prepare nodes 0 nodes 0 s CLUSTER: 0 of 0 nodes done in 0 s.")
    slower = BOOTSTRAP.replace("1 min 3 s", "58 s").replace("5 nodes", "7 nodes")
    assert words(picture(PLAN.replace("v1.36.3", "v1.37.0"), slower)) == said
    named = (PLAN.replace("lab ", "other "), BOOTSTRAP.replace("lab:", "other:"))
    assert words(picture(*named)) == said
    assert words(picture(PLAN, BOOTSTRAP.replace("✓", "✗"))) != said
    assert words(picture(PLAN.replace("file c", "file x"), BOOTSTRAP)) != said

"""A run as it is shown while it happens, and at its end."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from clustr.engine import events
from clustr.engine.events import NodeStarted, NodeStatus, StageStarted
from clustr.views.commands import copyable
from clustr.views.live import Live
from clustr.views.plain import Plain
from clustr.views.progress import Progress
from clustr.views.report_view import Ending
from clustr.views.screen import UNLIMITED, Screen
from tests.conftest import Golden
from tests.unit.views.things import EVERYONE, GPUS, NO_BRANCH, STAGE, run

HERE = Path(__file__).parent / "golden"
INVENTORY = Path("inventory.yaml")


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ana")


class Clock:
    """A second for every look at it."""

    def __init__(self) -> None:
        self.seconds = 0

    def __call__(self) -> datetime:
        self.seconds += 1
        return datetime(2026, 11, 24, 15, 58) + timedelta(seconds=self.seconds)


def test_piped_it_is_a_line_for_each_event(golden: Golden) -> None:
    out = io.StringIO()
    view = Plain(Screen(out), clock=Clock())
    for event in run():
        view.emit(event)
    golden(HERE / "run-plain.txt", out.getvalue())


def test_verbose_it_has_the_output_too() -> None:
    out = io.StringIO()
    view = Plain(Screen(out), verbose=True)
    for event in run():
        view.emit(event)
    assert "gpu03   | Building nvidia/580.105.08" in out.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_in_place_it_is_a_bar_and_a_line_for_each_node(golden: Golden, width: int) -> None:
    progress = Progress()
    pictures = []
    for number, event in enumerate(run()):
        progress.see(event, number * 10.0)
        pictures.append("\n".join(progress.lines(number * 10.0 + 5, width)))
    golden(HERE / f"run-live-{width}.txt", "\n\n".join(dict.fromkeys(pictures)) + "\n")


def test_never_more_than_a_dozen_lines_and_every_failed_node_named() -> None:
    progress = Progress()
    progress.see(StageStarted(STAGE, EVERYONE), 0)
    for node in GPUS:
        progress.see(NodeStarted(STAGE, node), 0)
        progress.see(NodeStatus(node, "waiting for the package lock (unattended-upgr, pid 812), " * 3), 0)
    progress.see(events.NodeFailed(STAGE, "cp3", "", "", 0, "", "", "", ""), 1)
    lines = progress.lines(60, 80)
    assert len(lines) <= 12
    assert max(map(len, lines)) <= 80
    assert "✗ cp3" in lines[-1]
    assert "  and 7 more" in lines


@pytest.mark.parametrize("width", [80, UNLIMITED])
def test_the_end(golden: Golden, width: int) -> None:
    ending = Ending()
    for event in run():
        ending.see(event)
    lines = ending.lines("h100-lab", INVENTORY, width)
    golden(HERE / f"run-end-{'narrow' if width == 80 else 'wide'}.txt", "\n".join(lines) + "\n")


def test_the_same_failure_of_several_nodes_is_shown_once_with_one_command_for_all() -> None:
    from dataclasses import replace

    ending = Ending()
    for node in ("gpu11", "gpu12"):
        ending.see(replace(NO_BRANCH, node=node, remedy=f"clustr bootstrap --limit {node}", log=f"/tmp/{node}.log"))
    lines = ending.lines("h100-lab", Path("site 1.yaml"), UNLIMITED)
    assert lines[0].startswith("✗ gpu[11-12] ")
    assert "          clustr bootstrap -i 'site 1.yaml' --limit gpu11 --limit gpu12" in lines
    assert sum("Unable to locate" in line for line in lines) == 1


def test_proposed_commands_can_be_copied() -> None:
    assert copyable("clustr plan --limit a", INVENTORY) == "clustr plan --limit a"
    assert copyable("wait, or `clustr unlock`", Path("b.yaml")) == "wait, or `clustr unlock -i b.yaml`"
    assert copyable("a defect in clustr: report it", Path("b.yaml")) == "a defect in clustr: report it"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_live_view_leaves_the_terminal_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stays of it are the stages and the notes; the bar and the cursor are given back."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    out = Terminal()
    screen = Screen(out)
    assert screen.moves
    view = Live(screen)
    for event in run():
        view.emit(event)
    view.pause()
    text = out.getvalue()
    assert "Prepare nodes   1 of 3 nodes" in text
    assert "the lock of ana@desk was silent" in text
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l"), "the cursor stays hidden"


@pytest.mark.parametrize(
    ("ends", "line"),
    [
        (events.NodeDone(STAGE, "a", 1.0), f"✓ {STAGE}   1 node   2.0 s"),
        (events.NodeSkipped(STAGE, "a", "x"), f"! {STAGE}   0 of 1 node   2.0 s   ! a"),
        (replace(NO_BRANCH, node="a"), f"✗ {STAGE}   0 of 1 node   2.0 s   ✗ a"),
    ],
)
def test_a_stage_that_was_not_done_has_no_good_sign(
    monkeypatch: pytest.MonkeyPatch, ends: events.Event, line: str
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    view = Live(Screen(out))
    for event in (StageStarted(STAGE, ("a",)), ends, events.StageDone(STAGE, 2.0)):
        view.emit(event)
    assert f"\x1b[2K{line}\n" in out.getvalue()


@pytest.mark.timeout(60)
def test_many_threads_and_a_fast_picture_never_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    view = Live(Screen(Terminal()), frames=500)

    def work(_: int) -> None:
        for event in run() * 5:
            view.emit(event)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    view.pause()


@pytest.mark.parametrize(("name", "value"), [("TERM", "dumb"), ("TERM", "unknown")])
def test_a_dumb_terminal_gets_plain_lines(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert not Screen(Terminal()).moves


def test_no_color_takes_the_colour_and_leaves_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured, bare = Terminal(), Terminal()
    Screen(coloured).show(["✗ gpu11   failed"])
    monkeypatch.setenv("NO_COLOR", "1")
    Screen(bare).show(["✗ gpu11   failed"])
    assert "\x1b[" in coloured.getvalue()
    assert bare.getvalue() == "✗ gpu11   failed\n"


def test_what_a_node_sends_cannot_steer_the_terminal() -> None:
    out = io.StringIO()
    Screen(out).show(["evil \x1b[2J\x1b]0;title\x07 line \r back [red]markup[/red] :smile:"])
    assert out.getvalue() == "evil  line  back [red]markup[/red] :smile:\n"


def test_signs_that_a_stream_cannot_say_do_not_become_the_sign_for_unknown() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", errors="replace")
    Screen(stream).show(["✓ cp1", "✗ cp2", "? cp3"])
    stream.flush()
    assert raw.getvalue() == b"ok cp1\nx cp2\n? cp3\n"

"""What a run leaves on the laptop."""

from __future__ import annotations

import json
import stat
from datetime import datetime
from pathlib import Path

import pytest

from clustr.engine.events import Output
from clustr.views.errors_view import keep_traceback
from clustr.views.journal import Journal, state_home
from tests.unit.views.things import plan, run

NOW = datetime(2026, 11, 24, 15, 58, 1)


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "clustr"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_run_leaves_its_events_a_log_for_each_node_and_its_plan(state: Path) -> None:
    with Journal("h100-lab", "bootstrap", NOW) as journal:
        journal.plan(plan())
        for event in run():
            journal.emit(event)
    folder = state / "h100-lab" / "2026-11-24T15-58-01"
    assert journal.folder == folder
    names = {path.name for path in folder.iterdir()}
    assert names == {"events.jsonl", "plan.json", "gpu03.log", "gpu11.log", "gpu12.log", "gpu13.log"}
    assert "Building nvidia/580.105.08" in (folder / "gpu03.log").read_text()
    assert "E: Unable to locate package" in (folder / "gpu11.log").read_text()
    lines = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["Command", *(type(event).__name__ for event in run())]
    assert all(datetime.fromisoformat(line["time"]).tzinfo for line in lines)
    assert json.loads((folder / "plan.json").read_text())["cluster"] == "h100-lab"


def test_only_its_owner_reads_it(state: Path) -> None:
    with Journal("h100-lab", "plan", NOW) as journal:
        journal.plan(plan())
        journal.emit(Output("cp1", "a line"))
        kept = keep_traceback(ValueError("x"))
    folders = (state, journal.folder.parent, journal.folder)
    files = (*journal.folder.iterdir(), kept)
    assert {mode(path) for path in folders} == {0o700}
    assert {mode(path) for path in files} == {0o600}


def test_each_event_is_on_disk_at_once() -> None:
    journal = Journal("h100-lab", "plan", NOW)
    journal.emit(Output("cp1", "a line"))
    assert len((journal.folder / "events.jsonl").read_text().splitlines()) == 2
    journal.close()


def test_two_runs_in_one_second_have_a_folder_each() -> None:
    first, second = Journal("h100-lab", "plan", NOW), Journal("h100-lab", "plan", NOW)
    assert first.folder != second.folder
    for journal in (first, second):
        journal.close()


def test_what_comes_after_the_end_is_dropped_in_silence() -> None:
    journal = Journal("h100-lab", "plan", NOW)
    journal.close()
    journal.close()
    journal.emit(Output("cp1", "late"))
    assert "late" not in (journal.folder / "events.jsonl").read_text()


def test_the_state_folder_is_where_xdg_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    for unset in ("", "relative/path"):
        monkeypatch.setenv("XDG_STATE_HOME", unset)
        assert state_home() == Path("/home/ana/.local/state/clustr")

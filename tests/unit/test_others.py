"""What is told of other runs: who is at work, and how what a cut run began has ended."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from clustr import others
from clustr.engine.events import Event, Note
from clustr.errors import LockedError, UnreachableError
from clustr.others import finish_others, tell_of_others
from clustr.remote.connection import Result
from clustr.remote.facts import Applying, Facts, LockFacts, Seen
from clustr.remote.lock import SILENCE
from tests.fakes import FakeConnection
from tests.unit.engine.things import cluster_of, facts

CLUSTER = cluster_of("cp1", "cp2", "cp3", "n1", "n2")
WENT_WELL = "run run1-aaaa\ndone 0\nstatus done\n"
FAILED = "run run1-bbbb\nfailed 2 41 apt-get install tree\ngoal base_os, package tree\nstatus failed\n"


def lock(silent_for: int, run_id: str = "run1") -> LockFacts:
    return LockFacts(True, run_id, silent_for, "ana@desk", "bootstrap", 300)


def seen(locked: LockFacts | None = None, **applying: Applying) -> Seen:
    found: dict[str, Facts] = {}
    for node in CLUSTER.nodes:
        servers = locked if locked and node.name.startswith("cp") else LockFacts()
        found[node.name] = replace(facts(node.name), lock=servers, applying=applying.get(node.name, Applying()))
    return Seen(found)


class Work:
    """A session whose nodes answer nothing but the note that an end was read."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.lines = {node.name: FakeConnection({"read_to_its_end": Result(0, "", "")}) for node in CLUSTER.nodes}
        self.session: Any = SimpleNamespace(cluster=CLUSTER, fleet=self.lines, emit=self.events.append)

    @property
    def notes(self) -> list[tuple[str, str]]:
        return [(event.node, event.text) for event in self.events if isinstance(event, Note)]


def told(seen: Seen) -> list[tuple[str, str]]:
    work = Work()
    tell_of_others(work.session, seen)
    return work.notes


def test_where_nobody_was_nothing_is_told() -> None:
    assert told(seen()) == []


def test_a_run_at_work_is_told_by_the_server_that_heard_of_it_last() -> None:
    looked = seen(lock(25))
    looked.facts["cp2"] = replace(looked["cp2"], lock=lock(3))  # type: ignore[index]
    ((node, words),) = told(looked)
    assert node == ""
    assert words.startswith("ana@desk (bootstrap, since ")
    assert words.endswith("run run1) is at work, last beat 3 s ago: what is seen here may change meanwhile")


def test_what_a_run_at_work_has_just_ended_is_not_told_as_left_behind() -> None:
    assert len(told(seen(lock(3), n1=Applying(False, "run1-aaaa", WENT_WELL, "ana@desk")))) == 1


def test_how_a_cut_run_ended_is_told_for_each_node_that_shares_it() -> None:
    left = seen(
        lock(SILENCE + 30),
        cp2=Applying(False, "run1-cccc", "", "ana@desk"),
        n1=Applying(False, "run1-aaaa", WENT_WELL, "ana@desk"),
        n2=Applying(False, "run1-bbbb", FAILED, "ana@desk"),
    )
    first, *rest = told(left)
    assert first[1].endswith("was cut off: no beat for 90 s")
    assert rest == [
        ("cp2", "run run1 of ana@desk was cut off here in the middle of its changes"),
        ("n1", "run run1 of ana@desk went well here to its end"),
        (
            "n2",
            "run run1 of ana@desk failed here at base_os, package tree (line 41 of the script): apt-get install tree",
        ),
    ]


def test_nodes_with_the_same_end_are_told_together() -> None:
    first, second = (
        Applying(False, f"run1-{name}", WENT_WELL.replace("aaaa", name), "ana@desk") for name in ("n1", "n2")
    )
    assert told(seen(n1=first, n2=second)) == [("n[1-2]", "run run1 of ana@desk went well here to its end")]


def test_a_verdict_of_an_apply_before_is_not_this_ones() -> None:
    left = seen(n1=Applying(False, "run1-dddd", WENT_WELL, "ana@desk"))
    assert told(left) == [("n1", "run run1 of ana@desk was cut off here in the middle of its changes")]


def test_what_was_told_is_noted_on_its_node_and_nowhere_else() -> None:
    work = Work()
    finish_others(work.session, seen(n1=Applying(False, "run1-aaaa", WENT_WELL, "ana@desk")))
    assert {name: len(line.scripts) for name, line in work.lines.items() if line.scripts} == {"n1": 1}
    assert len(work.notes) == 1


def test_a_run_that_beats_is_not_disturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    def beats(session: object) -> None:
        raise LockedError("locked")

    monkeypatch.setattr(others, "wait_for_lock", beats)
    work = Work()
    with pytest.raises(LockedError):
        finish_others(work.session, seen(lock(3), n1=Applying(True, "run1-aaaa", "", "ana@desk")))
    assert [line.scripts for line in work.lines.values()] == [[]] * 5


def test_half_of_the_servers_silent_is_the_end_with_what_to_do() -> None:
    looked = seen()
    silent = {name: UnreachableError(f"{name} does not answer", f"try: ssh {name}") for name in ("cp1", "cp3")}
    looked = Seen({name: each for name, each in looked.facts.items() if name not in silent}, silent)
    with pytest.raises(UnreachableError) as stopped:
        finish_others(Work().session, looked)
    assert stopped.value.problem == "2 of 3 servers do not answer: cp1 and cp3. Nothing was changed."
    assert "bring one of them back" in stopped.value.remedy
    assert "try: ssh cp3" in stopped.value.detail

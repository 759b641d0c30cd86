"""An apply followed over cuts: what is asked again, what is given up, and what another run has left."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from clustr.engine import apply as engine_apply
from clustr.engine.apply import NotBegun, Superseded, apply, attach, over_a_cut
from clustr.engine.events import Event, GoalDone, NodeStatus, Output
from clustr.engine.fleet import Fleet
from clustr.engine.goal import Goal
from clustr.engine.makers import step
from clustr.engine.plan import Change, Kind
from clustr.engine.script import Status, apply_work
from clustr.errors import ApplyError, CutError, HostKeyError, UnreachableError
from clustr.inventory.model import Node
from clustr.remote.connection import Result
from clustr.remote.lock import Holder
from tests.unit.engine.things import cluster_of

ANA = Holder("ana", "desk", "run1", "bootstrap")


class Line:
    """Answers a script with lines: NAME in them is the apply's own, "cut" ends the line there, "an hour" takes one."""

    def __init__(self, net: Net) -> None:
        self.net = net

    def run(
        self,
        script: str,
        *,
        sudo: bool = True,
        on_line: Callable[[str], None] | None = None,
        timeout: float | None = None,
    ) -> Result:
        self.net.scripts.append(script)
        found = re.search(r"^run_id=(run1-\w+)$", script, re.MULTILINE)
        self.net.name = found[1] if found else self.net.name
        for line in self.net.answers.pop(0):
            if line == "cut":
                raise CutError("the connection was cut")
            if line == "an hour":
                self.net.sleep(3600)
            if on_line:
                on_line(line.replace("NAME", self.net.name))
        return Result(0, "", "")

    def close(self) -> None:
        self.net.closed += 1


class Net:
    """A node behind a line that breaks; `down` is how often it does not open before it does."""

    def __init__(self, *answers: list[str], down: int = 0) -> None:
        self.answers = list(answers)
        self.down = down
        self.scripts: list[str] = []
        self.name = ""
        self.closed = 0
        self.opened = 0
        self.events: list[Event] = []
        self.sleep: Callable[[float], None] = lambda seconds: None
        self.fleet = Fleet(cluster_of("cp1"), self.open)

    def open(self, node: Node) -> Line:
        self.opened += 1
        if self.opened > 1 and self.down:
            self.down -= 1
            raise UnreachableError("no answer")
        return Line(self)

    def apply(self) -> Status:
        goals = [step(name, probe="ask", wanted="yes", apply="act").of("test") for name in ("first", "second")]
        changes = [change_of(goal) for goal in goals]
        return apply(self.fleet, "cp1", "One", changes, ANA, self.events.append, reboots=False).status


def change_of(goal: Goal) -> Change:
    return Change("cp1", "cp1", goal.component, goal.name, Kind.ADD, "no", "yes", work=apply_work(0, goal))


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("clustr.engine.apply.time", clock)
    monkeypatch.setattr("clustr.remote.waits.time", clock)
    return clock


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


VERDICT = ["::verdict", "run NAME", "done 0", "done 1", "status done"]


def test_a_cut_line_is_opened_again_and_the_log_followed_from_the_next_line_on() -> None:
    net = Net(
        ["::goal 0", "one", "cut"],
        ["two", "cut"],
        ["::done 0", "::goal 1", "::done 1", *VERDICT],
        down=3,
    )
    assert net.apply() is Status.DONE
    assert [event.line for event in net.events if isinstance(event, Output)] == ["one", "two"]
    assert len([event for event in net.events if isinstance(event, GoalDone)]) == 2
    assert "systemd-run" in net.scripts[0]
    assert [re.search(r"tail -n \+(\d+)", script)[1] for script in net.scripts[1:]] == ["3", "4"]  # type: ignore[index]
    assert any(isinstance(event, NodeStatus) and "connection lost" in event.doing for event in net.events)


def test_a_verdict_that_came_in_part_is_read_anew() -> None:
    net = Net(["::goal 0", "::verdict", "run NAME", "cut"], ["::done 0", *VERDICT])
    assert net.apply() is Status.DONE


def test_the_time_to_come_back_counts_from_the_cut(clock: Clock) -> None:
    """Not from the apply's begin: many take longer than that."""
    net = Net(["::goal 0", "an hour", "cut"], ["::done 0", *VERDICT], down=3)
    net.sleep = clock.sleep
    assert net.apply() is Status.DONE


def test_a_node_that_stays_away_is_given_up(clock: Clock) -> None:
    begun = clock.now
    with pytest.raises(UnreachableError, match="no answer"):
        Net(["::goal 0", "cut"], down=1000).apply()
    assert 240 <= clock.now - begun <= engine_apply.RECONNECT_WITHIN


def test_a_line_that_opens_and_breaks_for_ever_is_given_up(clock: Clock) -> None:
    with pytest.raises(UnreachableError, match="cut"):
        Net(["::goal 0", "cut"], *[["cut"]] * 1000).apply()


def test_a_node_that_booted_by_itself_is_a_failure_that_is_not_told_twice() -> None:
    net = Net(["::goal 0", "cut"], ["::cut"], [])
    with pytest.raises(ApplyError, match="was cut off in the middle of its changes"):
        net.apply()
    assert "read_to_its_end" in net.scripts[-1]


def test_a_start_that_never_came_through_is_told_apart() -> None:
    with pytest.raises(NotBegun):
        Net(["cut"], ["::other"]).apply()


def test_another_run_has_worked_there_meanwhile() -> None:
    with pytest.raises(Superseded):
        Net(["::goal 0", "cut"], ["::other"]).apply()


def test_another_runs_verdict_is_not_this_ones() -> None:
    net = Net(["::goal 0", "::verdict", "run other", "status done"], [])
    with pytest.raises(ApplyError, match="was cut off"):
        net.apply()


def test_an_apply_of_another_run_is_followed_without_its_marks() -> None:
    net = Net(
        ["building", "cut"], ["more", "::verdict", "run run0-1", "failed 3 41 false", "goal test, x", "status failed"]
    )
    verdict = attach(net.fleet, "cp1", "run0-1", net.events.append)
    assert (verdict.status, verdict.goal, verdict.line) == (Status.FAILED, "test, x", 41)
    assert [event.line for event in net.events if isinstance(event, Output)] == ["building", "more"]


def test_what_may_be_asked_twice_is_asked_over_a_new_line() -> None:
    net = Net(["cut"], [])
    over_a_cut(net.fleet, "cp1", lambda line: line.run("ask"), net.events.append)
    assert (net.scripts, net.opened, net.closed) == (["ask", "ask"], 2, 1)


def test_a_changed_host_key_is_not_waited_for() -> None:
    net = Net(["cut"])
    original = net.open

    def changed(node: Node) -> Line:
        if net.opened:
            raise HostKeyError("its host key has changed")
        return original(node)

    net.fleet = Fleet(cluster_of("cp1"), changed)
    with pytest.raises(HostKeyError):
        over_a_cut(net.fleet, "cp1", lambda line: line.run("ask"), net.events.append)


def test_only_the_broken_line_is_replaced() -> None:
    """Two that work on a node find it cut: the second takes the line that the first has opened."""
    net = Net()
    broken = net.fleet["cp1"]
    first = net.fleet.reopen("cp1", broken)
    assert net.fleet.reopen("cp1", broken) is first
    assert (net.opened, net.closed) == (2, 1)

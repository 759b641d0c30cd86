"""What a plan costs each of 300 nodes, as their own servers counted it. No time is looked at: see `make bench`."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from clustr import actions
from clustr.engine.preflight import Name
from clustr.session import Options
from clustr.views.view import Output, View, choose_view
from tests.simulated.nodes import Counts, Nodes
from tests.simulated.work import NONE, Done, stages

PART = 5  # of the work: every fifth file, service and setting is enough to be counted
WORK = Done(files=4, packages=2, services=2, sysctls=2)
GOALS = 1 + 4 + 1 + 2 + 3 * 2  # the program in the drop-ins, files, packages, settings, three for each service
PLAN = Counts(connections=1, execs=2, sftp=0)  # facts, probes
BOOTSTRAP = Counts(connections=1, execs=5, sftp=0)  # the same, a second look, the changes, a look at what they came to
# These nodes are simulated on one machine: what preflight asks of a real one is not theirs to have.
OPTIONS = Options(stages=stages(PART), ignore=frozenset(Name))


def view(inventory: Path) -> View:
    return choose_view(Output.TABLE, io.StringIO(), inventory)


def test_a_plan_with_nothing_to_do_takes_one_connection_and_two_execs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with Nodes(tmp_path, 300) as nodes:
        two = nodes.inventory(2)  # the second is no server, so the run's lock is not among its execs
        first, _ = actions.plan(two, OPTIONS, view(two))
        assert len(first.changes) == 2 * GOALS
        assert nodes.counts()["n002"] == PLAN

        nodes.forget()
        actions.bootstrap(two, OPTIONS, view(two), lambda *_: True)
        assert nodes.counts()["n002"] == BOOTSTRAP
        done = nodes.done()
        assert {done.pop("n001"), done.pop("n002")} == {WORK}
        assert set(done.values()) == {NONE}

        nodes.spread("n002")
        nodes.forget()
        every = nodes.inventory()
        plan, seen = actions.plan(every, OPTIONS, view(every))
        assert not seen.silent
        assert (plan.changes, plan.blind, plan.goals) == ((), (), 300 * GOALS)
        assert nodes.counts() == dict.fromkeys(nodes.names, PLAN)
        assert set(nodes.done().values()) == {WORK}

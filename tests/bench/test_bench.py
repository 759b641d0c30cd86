"""The bench's own judgement: what a command cost, and what it says of the aims."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from tests.bench import aims
from tests.bench.case import Again, Case, Row
from tests.bench.measure import Cost, cost
from tests.bench.profiled import from_stacks
from tests.simulated.nodes import HOUSE

BURN = "import time\nwhile time.process_time() < 0.4: pass\n"
# A daemon as ssh's ControlPersist is one: in a session of its own, its parent gone at once.
DAEMON = f"""
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        {"; ".join(["held = bytearray(80_000_000)", "held[::4096] = bytes(len(held[::4096]))"])}
        exec({BURN!r})
        open(sys.argv[1], "w").write(str(os.getpid()))
        time.sleep(60)
    os._exit(0)
os.wait()
while not os.path.exists(sys.argv[1]): time.sleep(0.1)
time.sleep(1.5)
"""


def measured(tmp_path: Path, script: str, *words: str, limit: float = 30) -> Cost:
    command = [sys.executable, "-c", script, *words]
    return cost(command, log=tmp_path / "log", limit=limit, environment=dict(os.environ), cwd=tmp_path)


def test_what_a_command_leaves_behind_is_counted_and_ended(tmp_path: Path) -> None:
    found = measured(tmp_path, DAEMON, str(tmp_path / "pid"))
    assert found.status == 0
    assert found.cpu_s > 0.35
    assert found.peak_mb > 75
    assert not Path("/proc", (tmp_path / "pid").read_text()).exists()


def test_a_command_is_stopped_at_its_limit(tmp_path: Path) -> None:
    assert measured(tmp_path, "import time; time.sleep(60)", limit=0.5).status == 124


def test_a_failure_is_told(tmp_path: Path) -> None:
    assert measured(tmp_path, "import sys; print('why'); sys.exit(3)").status == 3
    assert (tmp_path / "log").read_text() == "why\n"


def row(tool: str, wall: float, case: Case = Case.WORK, run: Again = Again.AGAIN, *, whole: bool = True) -> Row:
    return Row(case, tool, "1", 100, run, wall, 2.0, 100.0, 1.0, 2.0, 8.0, whole)


def test_an_aim_is_met_or_missed_with_what_holds_it_back() -> None:
    rows = [row("clustr", 10), row("bare loop", 5), row("pyinfra", 60), row("ansible", 150)]
    told = aims.told(rows).splitlines()
    assert told[0] == "MISSED  work, again, 100 nodes: 2.00 times the bare loop (aim: under 1.5)"
    assert "the nodes 8.0 s (8.0) for 2.0 execs each" in told[1]
    assert told[2] == "met     work, again: 6.0 times as fast as pyinfra (aim: 5)"
    assert told[3] == "MISSED  work, again: 15.0 times as fast as ansible (aim: 20)"


def test_a_tool_that_was_stopped_took_at_least_that() -> None:
    told = aims.told([row("clustr", 10), row("ansible", 360, whole=False)])
    assert told == "met     work, again: at least 36.0 times as fast as ansible (aim: 20)"


def test_what_a_profile_says_stands_under_the_aim_that_was_missed() -> None:
    rows = [row("clustr", 10), row("bare loop", 5)]
    told = aims.told(rows, {(Case.WORK, Again.AGAIN): ["profile: paramiko 60%"]}).splitlines()
    assert told[2] == "    profile: paramiko 60%"
    assert aims.misses_the_loop(rows, Case.WORK, Again.AGAIN)
    assert not aims.misses_the_loop([row("clustr", 7), row("bare loop", 5)], Case.WORK, Again.AGAIN)


def test_a_profile_names_whose_code_held_the_interpreter() -> None:
    stacks = (
        f"main ({HOUSE}/clustr/cli/main.py:3);send (/x/site-packages/paramiko/transport.py:9) 60\n"
        f"main ({HOUSE}/clustr/cli/main.py:3) 30\nloads (/usr/lib/python3.11/json/__init__.py:346) 10\n"
    )
    told = list(from_stacks(stacks, 2.0))
    assert told[0].startswith("profile: the interpreter was at work for 1.0 s of 2.0 s")
    assert told[1] == "  paramiko 60%, clustr 30%, Python 10%"
    assert told[2] == "  paramiko send 60%, clustr main 30%, Python loads 10%"


def test_time_per_node_is_judged_at_each_step() -> None:
    plans = [replace(row("clustr", wall, Case.PLAN), nodes=nodes) for nodes, wall in ((10, 1), (100, 20), (1000, 200))]
    facts = [replace(row("clustr", wall, Case.FACTS), nodes=nodes) for nodes, wall in ((10, 1), (100, 10), (1000, 90))]
    told = [line[:30] for line in aims.told([*plans, *facts]).splitlines()]
    assert told[1:] == ["met     facts grows in line wi", "MISSED  plan grows in line wit"]

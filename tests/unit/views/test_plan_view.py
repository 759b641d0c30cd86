"""Plans as a person reads them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from clustr.engine.plan import Plan, StagePlan
from clustr.views.plan_view import nothing_to_do, plan_lines
from clustr.views.screen import UNLIMITED
from tests.conftest import Golden
from tests.unit.views.things import GPUS, blind_plan, change, chrony, config, driver, plan

HERE = Path(__file__).parent / "golden"


@pytest.mark.parametrize(
    ("name", "width", "whole"), [("wide", UNLIMITED, False), ("whole", UNLIMITED, True), ("narrow", 80, False)]
)
def test_a_plan(golden: Golden, name: str, width: int, whole: bool) -> None:
    golden(HERE / f"plan-{name}.txt", "\n".join(plan_lines(plan(), width=width, whole=whole)) + "\n")


def test_what_could_not_be_looked_at_is_said(golden: Golden) -> None:
    golden(HERE / "plan-blind.txt", "\n".join(plan_lines(blind_plan(), width=80)) + "\n")


def test_a_narrow_plan_loses_no_node_and_no_goal() -> None:
    text = "\n".join(plan_lines(plan(), width=40))
    goals = {each.goal for each in plan().changes}
    assert {goal for goal in goals if goal not in text} == set()
    assert "gpu[01-16]" in text
    assert "drains, reboots" in text


def test_only_equal_changes_are_folded() -> None:
    odd = replace(driver("gpu07"), before="575.57.08")
    stage = StagePlan("Prepare nodes", GPUS, tuple(odd if node == "gpu07" else driver(node) for node in GPUS))
    lines = plan_lines(replace(plan(), stages=(stage,)), width=UNLIMITED)
    assert "  gpu[01-06,08-16]" in lines
    assert "575.57.08 -> 580.105.08" in lines[lines.index("  gpu07") + 1]


def test_files_with_equal_beginnings_are_not_equal() -> None:
    """The part of a diff that is cut off may differ, so the shown part must not speak for both."""
    long = "\n".join(f"+line {number}" for number in range(30))
    files = [replace(chrony(node), diff=f"{long}\n+{node}") for node in ("gpu01", "gpu02")]
    lines = plan_lines(replace(plan(), stages=(StagePlan("Prepare nodes", GPUS, tuple(files)),)), width=UNLIMITED)
    assert "  gpu01" in lines
    assert "  gpu02" in lines


def test_a_new_node_is_rebooted_but_not_drained() -> None:
    fresh = replace(
        plan(), scope=replace(plan().scope, known=frozenset()), stages=(StagePlan("P", GPUS, (driver("gpu01"),)),)
    )
    lines = plan_lines(fresh, width=UNLIMITED)
    assert lines[-1] == "1 change on 1 node. 1 node is rebooted."
    assert not any("drains" in line for line in lines)


def test_a_note_stands_below_its_change_and_says_whose_it_is_where_nodes_differ() -> None:
    """Equal changes stay one row: sixteen nodes differ in what holds their GPUs, not in what is wanted of them."""
    drivers = [replace(driver(node), note="stops nvidia-persistenced.service") for node in GPUS[:3]]
    drivers[2] = replace(drivers[2], note="reboots: python3 (pid 812) holds /dev/nvidia0")
    both = plan_lines(replace(plan(), stages=(StagePlan("P", GPUS, tuple(drivers)),)), width=UNLIMITED)
    assert "  gpu[01-03]" in both
    assert "          gpu[01-02]: stops nvidia-persistenced.service" in both
    assert "          gpu03: reboots: python3 (pid 812) holds /dev/nvidia0" in both
    one = plan_lines(replace(plan(), stages=(StagePlan("P", GPUS, tuple(drivers[:2])),)), width=UNLIMITED)
    assert "          stops nvidia-persistenced.service" in one


def test_a_mode_alone_is_shown() -> None:
    mode = change("cp1", "base_os", "/etc/thing", "0644 root:root", "0600 root:root")
    lines = plan_lines(replace(plan(), stages=(StagePlan("P", ("cp1",), (mode,)),)), width=UNLIMITED)
    assert any("0644 root:root -> 0600 root:root" in line for line in lines)


def test_a_secret_change_shows_its_name_and_nothing_of_its_value() -> None:
    secret = change("cp1", "k3s_server", "agents' token", None, None)
    lines = plan_lines(replace(plan(), stages=(StagePlan("P", ("cp1",), (secret,)),)), width=UNLIMITED)
    assert "    ~ k3s_server  agents' token   not shown" in lines


def test_nothing_to_do() -> None:
    stages = (StagePlan("Prepare nodes", tuple(f"gpu{n}" for n in range(20)), ()),)
    done = Plan("h100-lab", stages, 1412)
    assert nothing_to_do(done, "inventory.yaml", 3.21) == (
        "h100-lab is as inventory.yaml says: 20 nodes, 1,412 goals, 3.2 s."
    )


def test_a_new_file_is_its_length_unless_asked() -> None:
    alone = replace(plan(), stages=(StagePlan("P", ("cp1",), (config("cp1"),)),))
    assert not any("+line 3" in line for line in plan_lines(alone, width=UNLIMITED))
    assert any("+line 20" in line for line in plan_lines(alone, width=UNLIMITED, whole=True))

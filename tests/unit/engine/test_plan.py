"""Plans: what is shown, in which order, and what is taken away."""

from __future__ import annotations

from dataclasses import replace

from clustr.engine.goal import Disrupts, Goal, Later
from clustr.engine.makers import Reads, file, packages, service, sha256, step, sums
from clustr.engine.plan import Change, Kind, Plan, make_plan, wanted
from clustr.engine.script import Answer
from clustr.engine.stage import Stage
from clustr.families import Manager
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Record, Seen
from tests.unit.engine.things import cluster_of, component, facts

CLUSTER = cluster_of("cp1", "agent1", "agent2")
SEEN = Seen({node.name: facts(node.name) for node in CLUSTER.nodes})


def everyone(cluster: Cluster, _seen: Seen) -> tuple[Node, ...]:
    return cluster.nodes


def plan_of(goals: list[Goal], answers: list[str], seen: Seen = SEEN) -> Plan:
    stage = Stage("Only", everyone, (component("thing", lambda *_: goals),))
    looked = wanted(CLUSTER, seen, [stage])
    return make_plan(CLUSTER, seen, [stage], looked, {name: [Answer(text) for text in answers] for name in seen.facts})


def only(plan: Plan, node: str = "cp1") -> Change:
    (change,) = [change for change in plan.changes if change.node == node]
    return change


def test_what_holds_is_no_change() -> None:
    goals = [file("/etc/thing", "a\n"), step("value", probe="", wanted="1", apply="")]
    assert plan_of(goals, ["0644 root:root\na\n", "1\n"]).changes == ()


def test_a_changed_file_is_a_diff_and_an_absent_one_an_addition() -> None:
    change = only(plan_of([file("/etc/thing", "a\nb\n")], ["0644 root:root\na\nc\n"]))
    assert (change.kind, change.diff) == (Kind.CHANGE, "@@ -1,2 +1,2 @@\n a\n-c\n+b")
    change = only(plan_of([file("/etc/thing", "a\n")], ["absent\n"]))
    assert (change.kind, change.diff) == (Kind.ADD, "@@ -0,0 +1 @@\n+a")


def test_a_missing_newline_at_the_end_of_a_file_counts() -> None:
    assert plan_of([file("/etc/thing", "a\n")], ["0644 root:root\na"]).changes != ()


def test_mode_alone_is_a_value_not_a_diff() -> None:
    change = only(plan_of([file("/etc/thing", "a\n", mode=0o600)], ["0644 root:root\na\n"]))
    assert (change.before, change.after, change.diff) == ("0644 root:root", "0600 root:root", "")


def test_a_secret_file_shows_neither_content_nor_sum() -> None:
    change = only(plan_of([file("/etc/thing", "s3cret\n", secret=True)], [f"0644 root:root\n{sha256('old')}\n"]))
    assert (change.before, change.after, change.diff) == (None, None, "")
    assert "s3cret" not in repr(change)


def test_an_answer_known_later_is_a_change_that_says_when() -> None:
    change = only(plan_of([file("/etc/token", Later("First server", "join token"))], ["absent\n"]))
    assert (change.known, change.after) == ("First server", None)


def test_a_probe_that_could_not_look_is_told_and_is_no_change() -> None:
    stage = Stage("Only", everyone, (component("thing", lambda *_: [file("/etc/thing", "a\n")]),))
    looked = wanted(CLUSTER, SEEN, [stage])
    answers = {name: [Answer("", "status 1: broken")] for name in SEEN.facts}
    plan = make_plan(CLUSTER, SEEN, [stage], looked, answers)
    assert plan.changes == ()
    assert {(blind.node, blind.goal) for blind in plan.blind} == {(name, "/etc/thing") for name in SEEN.facts}


def test_what_no_goal_wants_any_more_is_removed_last_made_first_and_packages_are_named() -> None:
    records = (
        Record(1, "thing", "", "packages", "# stays: apt-get remove thing"),
        Record(2, "thing", "", "/etc/gone", "restore_file /etc/gone"),
        Record(3, "thing", "", "/etc/kept", "restore_file /etc/kept"),
        Record(4, "thing", "", "thing.service runs", "undo_started thing.service"),
    )
    seen = Seen({"cp1": replace(facts("cp1"), records=records)})
    plan = plan_of([file("/etc/kept", "a\n")], ["0644 root:root\na\n"], seen)
    assert [(change.kind, change.goal) for change in plan.changes] == [
        (Kind.REMOVE, "thing.service runs"),
        (Kind.REMOVE, "/etc/gone"),
        (Kind.REMOVE, "packages"),
    ]
    assert plan.changes[-1].after == "stays: apt-get remove thing"
    assert "forget " in plan.changes[0].work.script


def test_goals_about_two_nodes_on_one_server_keep_apart() -> None:
    goals = [
        step("label tier", probe="", wanted="x", apply="", undo="u", about=about) for about in ("agent1", "agent2")
    ]
    records = tuple(Record(1, "thing", about, "label tier", "u") for about in ("agent1", "agent2", "agent3"))
    seen = Seen({"cp1": replace(facts("cp1"), records=records)})
    plan = plan_of(goals, ["x", "x"], seen)
    assert [(change.kind, change.node, change.on) for change in plan.changes] == [(Kind.REMOVE, "agent3", "cp1")]


def test_a_restart_is_planned_from_what_the_files_will_be() -> None:
    config = file("/etc/thing.conf", "new\n")
    drop_in, boot, runs = service("thing.service", reads=[config])
    assert isinstance(drop_in.wanted, str)
    text = drop_in.wanted.split("\n", 1)[1]
    total = sums(Reads(drop_in.name, sha256(text)), Reads("/etc/thing.conf", sha256("new\n")))
    assert total in runs.probe
    assert total in runs.apply
    change = only(plan_of([boot, runs], ["enabled\n", "runs with other files\n"]))
    assert change.goal == "thing.service runs"


def test_answers_of_several_lines_show_what_differs() -> None:
    change = only(plan_of([packages(Manager.APT, ["chrony", "curl"])], ["chrony absent\ncurl installed\n"]))
    assert (change.before, change.after) == ("chrony absent", "chrony installed")


def test_packages_name_each_state() -> None:
    goal = packages(Manager.APT, ["chrony", "curl"], hold=True)
    change = only(plan_of([goal], ["chrony installed\ncurl held\n"]))
    assert (change.before, change.after) == ("chrony installed", "chrony held")


def test_disruption_is_shown() -> None:
    change = only(plan_of([file("/etc/thing", "a\n", disrupts=Disrupts.REBOOT)], ["absent\n"]))
    assert change.disrupts is Disrupts.REBOOT

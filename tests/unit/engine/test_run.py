"""The run: order, width, stop rules, reboots, and that one node's failure is its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import pytest

from clustr.engine import run as engine_run
from clustr.engine import work as engine_work
from clustr.engine.events import Event, GoalDone, NodeFailed, NodeSkipped, Note
from clustr.engine.fleet import Fleet
from clustr.engine.goal import Disrupts, Goal, Later
from clustr.engine.makers import step
from clustr.engine.observe import ask_all
from clustr.engine.plan import make_plan, wanted
from clustr.engine.rollout import Halted
from clustr.engine.run import Report, Run, Without
from clustr.engine.stage import Stage
from clustr.engine.window import Stop
from clustr.errors import ApplyError, ClustrError, LockedError
from clustr.inventory.model import Cluster, Node, Rollout
from clustr.remote.facts import Seen
from clustr.remote.lock import Holder
from tests.unit.engine.simulated import SimulatedNode, World
from tests.unit.engine.things import cluster_of, component


@pytest.fixture(autouse=True)
def _simulated_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(connection: SimulatedNode, node: Node) -> object:
        return connection.world.facts(node.name)

    monkeypatch.setattr(engine_run, "read_facts", read)
    monkeypatch.setattr(engine_work, "read_facts", read)


def goal(name: str, disrupts: Disrupts = Disrupts.NOTHING) -> Goal:
    return step(name, probe="ask", wanted="yes", apply="act", disrupts=disrupts)


def everyone(cluster: Cluster, _seen: Seen) -> tuple[Node, ...]:
    return cluster.nodes


def agents(cluster: Cluster, _seen: Seen) -> tuple[Node, ...]:
    return cluster.agents


def servers(cluster: Cluster, _seen: Seen) -> tuple[Node, ...]:
    return cluster.servers


def stage(title: str, goals: Iterable[Goal], nodes: object = everyone, at_once: int = 64) -> Stage:
    kept = list(goals)
    return Stage(title, nodes, (component(title.lower(), lambda *_: kept),), at_once)  # type: ignore[arg-type]


def go(
    world: World,
    cluster: Cluster,
    stages: Sequence[Stage],
    gate: object = None,
    *,
    between: object = None,
    stop: Stop | None = None,
    begin: Callable[[], None] = lambda: None,
    without: Without = lambda stage, seen: {},
) -> tuple[Report, list[Event]]:
    events: list[Event] = []
    fleet = Fleet(cluster, world.open)
    seen = Seen({node.name: world.facts(node.name) for node in cluster.nodes})
    goals = wanted(cluster, seen, stages)
    plan = make_plan(cluster, seen, stages, goals, ask_all(goals, fleet, events.append))
    if callable(between):
        between()
    run = Run(
        cluster,
        seen,
        plan,
        fleet,
        stages=stages,
        run=Holder("ana", "desk", "run1", "bootstrap"),
        gate=gate or (lambda stage, node, returns: []),  # type: ignore[arg-type]
        without=without,
        emit=events.append,
        stop=Stop() if stop is None else stop,
        begin=begin,
        log=lambda node: f"{node}.log",
    )
    return run.go(), events


def names(events: Iterable[Event], kind: type[Event]) -> list[str]:
    return [event.node for event in events if isinstance(event, kind)]  # type: ignore[attr-defined]


def test_a_node_that_is_left_out_after_a_stage_goes_no_further_and_the_others_do() -> None:
    world, asked = World(fails={("n1", "a")}), dict[str, list[str]]()

    def without(stage: Stage, seen: Seen) -> dict[str, ClustrError]:
        asked[stage.title] = list(seen.facts)
        return {"n2": ApplyError("is cut off")} if stage.title == "One" else {}

    stages = [stage("One", [goal("a")]), stage("Two", [goal("b")]), stage("Three", [goal("c")])]
    report, events = go(world, cluster_of("cp1", "n1", "n2", "n3"), stages, without=without)
    assert asked == {"One": ["cp1", "n2", "n3"], "Two": ["cp1", "n3"]}  # after the last nobody goes further
    assert set(report.done) == {"cp1", "n3"}
    assert {name: str(error) for name, error in report.failed.items() if name == "n2"} == {"n2": "is cut off"}
    assert set(names(events, NodeFailed)) == {"n1", "n2"}
    assert not {"n2: b", "n2: c"} & set(world.happened)


def test_who_is_left_out_is_looked_at_even_where_the_stage_had_nothing_to_do() -> None:
    world = World(met={"cp1": {"a"}, "n1": {"a"}})
    stages = [stage("One", [goal("a")]), stage("Two", [goal("b")])]
    report, _ = go(world, cluster_of("cp1", "n1"), stages, without=lambda stage, seen: {"n1": ApplyError("is cut off")})
    assert (report.done, set(report.failed)) == (("cp1",), {"n1"})


def test_stages_follow_each_other_and_goals_keep_their_order() -> None:
    world = World()
    report, _ = go(world, cluster_of("cp1"), [stage("One", [goal("a"), goal("b")]), stage("Two", [goal("c")])])
    assert world.happened == ["cp1: a", "cp1: b", "cp1: c"]
    assert report.done == ("cp1",)


def test_a_node_stops_at_its_first_failed_goal_and_the_others_finish() -> None:
    world = World(fails={("n2", "a")})
    stages = [stage("One", [goal("a"), goal("b")]), stage("Two", [goal("c")])]
    report, events = go(world, cluster_of("cp1", "n1", "n2"), stages)
    assert set(report.done) == {"cp1", "n1"}
    assert set(report.failed) == {"n2"}
    assert "n2: b" not in world.happened
    assert "n2: c" not in world.happened
    (failed,) = [event for event in events if isinstance(event, NodeFailed)]
    assert (failed.component, failed.goal, failed.line, failed.log) == ("one", "a", 41, "n2.log")
    assert "E: it broke" in failed.detail


def test_what_is_done_is_what_was_planned() -> None:
    world = World(met={"n1": {"a"}})
    _, events = go(world, cluster_of("cp1", "n1"), [stage("One", [goal("a"), goal("b")])])
    done = {(event.node, event.goal) for event in events if isinstance(event, GoalDone)}
    assert done == {("cp1", "a"), ("cp1", "b"), ("n1", "b")}


def test_more_than_the_plan_showed_stops_that_node_with_both_lists() -> None:
    world = World(met={"n1": {"a"}})
    stages = [stage("One", [goal("a"), goal("b")])]
    report, _ = go(world, cluster_of("cp1", "n1"), stages, between=lambda: world.met["n1"].clear())
    assert set(report.failed) == {"n1"}
    detail = report.failed["n1"].detail
    assert detail.splitlines()[0] == "planned:"
    assert "found now:" in detail
    assert "n1: a" not in world.happened
    assert "n1: b" not in world.happened


def test_known_nodes_whose_changes_disrupt_are_drained_and_given_back() -> None:
    world = World(knows=("cp1", "n1"))
    go(world, cluster_of("cp1", "n1"), [stage("One", [goal("a", Disrupts.WORKLOADS)], agents)])
    assert world.happened == ["cordon n1", "drain n1", "n1: a", "uncordon n1"]


def test_a_node_that_the_cluster_does_not_know_is_not_drained() -> None:
    world = World(knows=("cp1",))
    go(world, cluster_of("cp1", "n1"), [stage("One", [goal("a", Disrupts.WORKLOADS)], agents)])
    assert world.happened == ["n1: a"]


def test_a_refused_drain_leaves_the_node_uncordoned_and_otherwise_untouched() -> None:
    world = World(knows=("cp1", "n1"), refuses_drain={"n1"})
    report, _ = go(world, cluster_of("cp1", "n1"), [stage("One", [goal("a", Disrupts.WORKLOADS)], agents)])
    assert world.happened == ["cordon n1", "drain n1", "uncordon n1"]
    assert set(report.failed) == {"n1"}


def test_a_boot_comes_after_its_goal_and_the_rest_after_the_boot() -> None:
    world = World(knows=("cp1", "n1"))
    goals = [goal("a"), goal("kernel", Disrupts.REBOOT), goal("b")]
    report, _ = go(world, cluster_of("cp1", "n1"), [stage("One", goals, agents)])
    assert world.happened == ["cordon n1", "drain n1", "n1: a", "n1: kernel", "reboot n1", "n1: b", "uncordon n1"]
    assert report.done == ("n1",)


def test_a_boot_is_told_from_the_one_before_it_and_not_from_the_last_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """The node may have booted by itself since: its reboot would count as over before it has begun."""
    world, old = World(), list[str]()

    def wait(_open: object, old_boot_id: str, _within: float) -> None:
        old.append(old_boot_id)

    monkeypatch.setattr(engine_work, "wait_for_boot", wait)
    goals = [goal("kernel", Disrupts.REBOOT)]
    go(world, cluster_of("cp1"), [stage("One", goals)], between=lambda: world.boots.update(cp1=1))
    assert old == ["boot1-of-cp1"]


def test_a_node_that_a_person_cordoned_stays_so_and_is_named() -> None:
    world = World(knows=("cp1", "n1"), cordoned={"n1"})
    report, events = go(world, cluster_of("cp1", "n1"), [stage("One", [goal("a", Disrupts.WORKLOADS)], agents)])
    assert report.done == ("n1",)
    note = "stays cordoned, which this run has not done; to let pods in: kubectl uncordon n1"
    assert [event for event in events if isinstance(event, Note)] == [Note(note, "n1")]


def test_a_node_whose_kubelet_says_nothing_after_its_boot_takes_no_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    """The API goes on to call it Ready for a while."""
    monkeypatch.setattr("clustr.engine.work.GATE_WITHIN", 0.0)
    world = World(knows=("cp1", "n1"), kubelets_gone={"n1"})
    report, _ = go(world, cluster_of("cp1", "n1"), [stage("One", [goal("kernel", Disrupts.REBOOT)], agents)])
    assert report.failed["n1"].detail == "the API does not call it Ready since its last boot"
    assert world.happened == ["cordon n1", "drain n1", "n1: kernel", "reboot n1"]


def test_a_goal_that_a_boot_does_not_make_true_gets_no_second_boot() -> None:
    world = World(vain={("n1", "kernel")})
    report, _ = go(world, cluster_of("cp1", "n1"), [stage("One", [goal("kernel", Disrupts.REBOOT)], agents)])
    assert world.happened == ["n1: kernel", "reboot n1"]
    assert "and a boot" in report.failed["n1"].problem


def test_after_a_boot_goals_are_those_of_the_facts_that_it_left() -> None:
    """What held a device is gone then, so that the same goal is met without another boot."""
    world = World(knows=("cp1", "n1"), vain={("n1", "driver")})

    def goals(_cluster: Cluster, node: Node, seen: Seen) -> list[Goal]:
        if seen[node.name].boot_id.startswith("boot0"):
            return [goal("driver", Disrupts.REBOOT)]
        world.vain.clear()
        return [goal("driver", Disrupts.WORKLOADS)]

    stages = [Stage("One", agents, (component("one", goals),))]
    report, _ = go(world, cluster_of("cp1", "n1"), stages)
    assert report.done == ("n1",)
    assert world.happened == ["cordon n1", "drain n1", "n1: driver", "reboot n1", "n1: driver", "uncordon n1"]


def test_a_boot_that_the_plan_did_not_show_is_not_made() -> None:
    """An earlier stage may leave other facts: who holds a device is asked again."""
    world, seen_once = World(knows=("cp1", "n1")), list[str]()

    def goals(_cluster: Cluster, node: Node, _seen: Seen) -> list[Goal]:
        seen_once.append(node.name)
        return [goal("driver", Disrupts.WORKLOADS if len(seen_once) == 1 else Disrupts.REBOOT)]

    report, _ = go(world, cluster_of("cp1", "n1"), [Stage("One", agents, (component("one", goals),))])
    assert "has changed since the plan was made" in report.failed["n1"].problem
    assert world.happened == []


def test_the_rollout_disturbs_only_so_many_at_once() -> None:
    nodes = ["cp1", *(f"n{number}" for number in range(8))]
    world = World(knows=tuple(nodes), seconds=0.02)
    go(world, cluster_of(*nodes, rollout=Rollout(at_once="2")), [stage("One", [goal("a", Disrupts.WORKLOADS)], agents)])
    assert world.most_at_work == 2


def test_after_too_many_failures_no_further_node_is_disturbed() -> None:
    nodes = ["cp1", *(f"n{number}" for number in range(6))]
    world = World(knows=tuple(nodes), fails={(f"n{number}", "a") for number in range(6)})
    stages = [stage("One", [goal("a", Disrupts.WORKLOADS)], agents)]
    report, events = go(world, cluster_of(*nodes, rollout=Rollout(at_once="1", max_failures=1)), stages)
    assert len(report.failed) == 2
    assert len(names(events, NodeSkipped)) == 4
    assert len([what for what in world.happened if what.startswith("drain")]) == 2


def test_a_node_that_does_not_come_back_stops_the_rollout_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clustr.engine.work.BOOT_WITHIN", 0.1)
    nodes = ["cp1", *(f"n{number}" for number in range(4))]
    world = World(knows=tuple(nodes), dead={"n0"})
    stages = [stage("One", [goal("kernel", Disrupts.REBOOT)], agents)]
    report, events = go(world, cluster_of(*nodes, rollout=Rollout(at_once="1", max_failures=9)), stages)
    assert set(report.failed) == {"n0"}
    assert sorted(names(events, NodeSkipped)) == ["n1", "n2", "n3"]


def test_never_more_than_one_server_down() -> None:
    world = World(knows=("cp1", "cp2", "cp3"), fails={("cp1", "a")})
    report, events = go(world, cluster_of("cp1", "cp2", "cp3"), [stage("One", [goal("a")], servers, at_once=1)])
    assert set(report.failed) == {"cp1"}
    assert names(events, NodeSkipped) == ["cp2", "cp3"]


def test_what_is_not_known_yet_skips_the_node_and_says_what_is_missing() -> None:
    goals = [step("token", probe="ask", wanted=Later("First server", "join token"), apply="act")]
    report, _ = go(World(), cluster_of("cp1", "n1"), [stage("One", goals, agents)])
    assert report.skipped == {"n1": "join token is not known: First server is not done"}


def test_a_node_keeps_its_place_in_the_plan_when_facts_change_meanwhile() -> None:
    """The server that answers for Node objects may be another by the time that their stage comes."""
    moved = World(knows=("cp1",))
    cluster = cluster_of("cp1", "cp2")

    def asked(cluster: Cluster, seen: Seen) -> tuple[Node, ...]:
        return (cluster.node("cp2" if seen["cp1"].boot_id.startswith("boot1") else "cp1"),)

    stages = [stage("One", [goal("kernel", Disrupts.REBOOT)], servers, at_once=1), stage("Two", [goal("label")], asked)]
    report, _ = go(moved, cluster, stages)
    assert "cp1: label" in moved.happened
    assert set(report.failed) == set()


def test_a_red_gate_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clustr.engine.work.GATE_WITHIN", 0.0)

    def red(_stage: Stage, _node: Node, _returns: bool) -> list[str]:
        return ["k3s.ready: no"]

    report, _ = go(World(), cluster_of("cp1"), [stage("One", [goal("a")])], red)
    assert report.failed["cp1"].detail == "k3s.ready: no"


def test_a_drained_node_passes_more_checks_before_it_takes_pods_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which it does not where one is red; a node that no pod runs on is not asked for them."""
    monkeypatch.setattr("clustr.engine.work.GATE_WITHIN", 0.0)
    world = World(knows=("cp1", "n1"))

    def gate(_stage: Stage, _node: Node, returns: bool) -> list[str]:
        return ["gpu.uvm: no device node"] if returns else []

    stages = [stage("One", [goal("a", Disrupts.WORKLOADS)], agents)]
    report, _ = go(world, cluster_of("cp1", "n1", "n2", rollout=Rollout(at_once="1", max_failures=0)), stages, gate)
    assert report.failed["n1"].detail == "gpu.uvm: no device node"
    assert report.done == ("n2",)
    assert [what for what in world.happened if "n1" in what] == ["cordon n1", "drain n1", "n1: a"]


@pytest.mark.parametrize(("at_once", "nodes", "width"), [("10%", 50, 5), ("10%", 3, 1), ("4", 100, 4), ("100%", 7, 7)])
def test_the_width_of_a_rollout(at_once: str, nodes: int, width: int) -> None:
    assert Rollout(at_once=at_once).width(nodes) == width


def test_what_may_not_begin_is_skipped_and_says_why() -> None:
    """The lock is asked for before each thing that is done to a node, not once for all."""
    world, asked = World(knows=("cp1", "n1")), [0]

    def begin() -> None:
        asked[0] += 1
        if "n1: kernel" in world.happened:
            raise Halted("this run lost the lock to bob@laptop")

    goals = [goal("kernel", Disrupts.REBOOT), goal("b")]
    report, _ = go(world, cluster_of("cp1", "n1"), [stage("One", goals, agents)], begin=begin)
    assert world.happened == ["cordon n1", "drain n1", "n1: kernel"]
    assert report.skipped == {"n1": "this run lost the lock to bob@laptop"}
    assert asked == [4]  # the node, its drain, its script, its boot


def test_once_the_lock_is_lost_no_further_node_is_begun() -> None:
    stop, world = Stop(), World()

    def lose(stage: Stage, node: Node, returns: bool) -> list[str]:
        stop.lost = LockedError("this run lost the lock to bob@laptop", "see who works there: clustr unlock")
        return []

    report, _ = go(world, cluster_of("cp1", "n1"), [stage("One", [goal("a")], at_once=1)], lose, stop=stop)
    assert world.happened == ["cp1: a"]
    assert report.skipped == {"n1": "this run lost the lock to bob@laptop; see who works there: clustr unlock"}
    assert (report.lost, report.stopped) == (stop.lost, False)


def test_ctrl_c_during_a_drain_gives_the_node_back_untouched() -> None:
    stop, world, asked = Stop(), World(knows=("cp1", "n1")), [0]

    def begin() -> None:
        asked[0] += 1
        if asked[0] == 2:  # while it waits for its drain
            stop.press()

    goals = [goal("a", Disrupts.WORKLOADS)]
    report, _ = go(world, cluster_of("cp1", "n1"), [stage("One", goals, agents)], stop=stop, begin=begin)
    assert world.happened == ["cordon n1", "drain n1", "uncordon n1"]
    assert report.stopped
    assert report.skipped == {"n1": "stopped by Ctrl-C after its drain; it takes pods again"}


def test_ctrl_c_during_a_drain_says_where_a_node_stays_cordoned() -> None:
    stop, world, asked = Stop(), World(knows=("cp1", "n1"), cordoned={"n1"}), [0]

    def begin() -> None:
        asked[0] += 1
        if asked[0] == 2:
            stop.press()

    goals = [goal("a", Disrupts.WORKLOADS)]
    report, _ = go(world, cluster_of("cp1", "n1"), [stage("One", goals, agents)], stop=stop, begin=begin)
    assert report.skipped == {"n1": "stopped by Ctrl-C after its drain; it stays cordoned, as it was"}

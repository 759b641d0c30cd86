"""Nodes behind a firewall that clustr opens: what preflight could not try is said, and tried before anybody joins."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from clustr import readiness
from clustr.engine.events import Event, Note
from clustr.engine.preflight import Name, cut_off, questions_once_open, untried
from clustr.errors import ApplyError
from clustr.inventory.model import Cluster, Role
from clustr.remote.facts import Firewall, Interface, Seen
from clustr.remote.reach import Peer, Questions, Reach
from clustr.session import Options
from tests.components.k3s_nodes import bare, cluster_of, running, with_facts
from tests.unit.engine.preflight_case import THREE

TWO = cluster_of("cp1", "cp2", "gpu1")


def walled(cluster: Cluster, *names: str, kind: Firewall = Firewall.FIREWALLD, seen: Seen | None = None) -> Seen:
    seen = seen or bare(cluster)
    for name in names:
        seen = with_facts(seen, name, firewall=kind)
    return seen


def asked(cluster: Cluster, seen: Seen) -> dict[str, list[tuple[str, int]]]:
    found = questions_once_open(cluster, seen)
    assert not any(each.sources for each in found.values())
    return {name: [(peer.node, peer.port) for peer in each.peers] for name, each in found.items()}


def test_nodes_whose_ports_could_not_be_tried_are_named() -> None:
    seen = walled(TWO, "cp2", seen=walled(TWO, "gpu1", "cp1", kind=Firewall.UFW))
    assert list(untried(TWO, seen)) == [
        ("ufw is active: whether other nodes reach it is tried once its rules are in, not before", ("cp1", "gpu1")),
        ("firewalld is active: whether other nodes reach it is tried once its rules are in, not before", ("cp2",)),
    ]
    assert list(untried(TWO, bare(TWO))) == []
    assert list(untried(TWO, walled(TWO, "cp1", seen=running(TWO)))) == []


def test_they_are_tried_at_the_ports_without_which_a_join_hangs() -> None:
    server = [6443, 2379, 2380, 10250]
    assert asked(TWO, walled(TWO, "cp1", "gpu1")) == {
        "cp1": [("gpu1", 10250)],
        "cp2": [*(("cp1", port) for port in server), ("gpu1", 10250)],
        "gpu1": [("cp1", 6443)],
    }
    assert asked(TWO, bare(TWO)) == {}
    assert asked(THREE, walled(THREE, "cp1", seen=running(THREE))) == {}
    monitor = TWO.nodes[2].model_copy(update={"roles": frozenset({Role.MONITOR})})
    watched = TWO.model_copy(update={"nodes": (*TWO.nodes[:2], monitor)})
    assert list(untried(watched, walled(watched, "gpu1"))) == []
    assert asked(watched, walled(watched, "cp1"))["cp2"] == [("cp1", port) for port in server]
    assert "gpu1" not in asked(watched, walled(watched, "cp1"))


def test_an_address_that_a_node_does_not_have_is_not_asked() -> None:
    lost = with_facts(walled(TWO, "cp1"), "cp1", interfaces=(Interface("lo", ("127.0.0.1/8",), 65536),))
    assert asked(TWO, lost) == {}
    assert list(untried(TWO, lost)) == []


def lost(name: str, *ports: int) -> Reach:
    number = [node.name for node in TWO.nodes].index(name) + 1
    return Reach(tuple((Peer(name, f"10.0.0.{number}", port), "") for port in ports))


@pytest.mark.parametrize(("asker", "peer", "port", "left"), [
    ("cp1", "cp2", 2380, "cp2"),
    ("cp2", "cp1", 2379, "cp2"),
    ("gpu1", "cp2", 6443, "gpu1"),
    ("cp1", "gpu1", 10250, "gpu1"),
])  # fmt: skip
def test_of_two_that_do_not_reach_each_other_the_one_that_joins_is_left_out(
    asker: str, peer: str, port: int, left: str
) -> None:
    line = f"{asker} does not reach {peer} at port {port}: nothing comes back"
    assert cut_off(TWO, walled(TWO, peer), {asker: lost(peer, port)}) == {left: (line,)}


def test_a_node_at_work_is_never_left_out_for_a_new_one() -> None:
    here = running(TWO)
    nodes = tuple(each for each in here.kube_nodes() if each.name != "cp1")
    for name in ("cp1", "cp2"):
        here = with_facts(here, name, k3s=replace(here[name].k3s, nodes=nodes))
    assert set(cut_off(TWO, here, {"cp1": lost("cp2", 2379)})) == {"cp1"}


def test_a_node_that_could_not_be_asked_is_none_that_reaches_the_others() -> None:
    assert cut_off(TWO, bare(TWO), {"gpu1": Reach(error="the line was cut")}) == {
        "gpu1": ("what gpu1 reaches could not be told: the line was cut",)
    }
    assert cut_off(TWO, bare(TWO), {"gpu1": Reach()}) == {}


def session(events: list[Event]) -> Any:
    return SimpleNamespace(cluster=TWO, fleet={}, emit=events.append, mask=SimpleNamespace(learn=lambda secrets: None))


def test_who_is_cut_off_is_told_with_the_way_that_is_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def answers(questions: dict[str, Questions], *_: object) -> dict[str, Reach]:
        return {"cp2": lost("cp1", 2379, 2380), **{name: Reach() for name in questions if name != "cp2"}}

    monkeypatch.setattr(readiness, "ask_reach", answers)
    seen = walled(TWO, "cp1")
    (error,) = readiness.left_out(session([]), Options(), seen).values()
    assert (type(error), error.node) == (ApplyError, "cp2")
    assert error.detail == "cp2 does not reach cp1 at port 2379, 2380: nothing comes back"
    assert readiness.left_out(session([]), Options(ignore=frozenset({Name.NETWORK_UNREACHED})), seen) == {}


@pytest.mark.parametrize("ignore", [frozenset(), frozenset({Name.NETWORK_UNREACHED})])
def test_the_note_comes_before_the_plan(ignore: frozenset[Name], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "look", lambda *_: walled(TWO, "cp1"))
    monkeypatch.setattr(readiness, "ask_reach", lambda asked, *_: {name: Reach(sources_asked=1) for name in asked})
    monkeypatch.setattr("clustr.artifacts.ensure_sums", lambda cluster, seen, server: seen)
    events: list[Event] = []
    at_work = session(events)
    at_work.fleet |= {node.name: None for node in TWO.nodes}
    readiness.seen_before_plan(at_work, Options(ignore=ignore))
    told = [(event.node, event.text.partition(":")[0]) for event in events if isinstance(event, Note)]
    assert told == ([] if ignore else [("cp1", "firewalld is active")])

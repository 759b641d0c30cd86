"""What actions decide between looking and doing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clustr import actions, readiness
from clustr.engine.events import Event, Note, RunDone
from clustr.engine.plan import Plan
from clustr.errors import ApplyError, ClustrError, PlanChangedError, UnreachableError
from clustr.remote.facts import Datastore, Facts, Seen
from clustr.results import Bootstrapped
from clustr.session import Options
from clustr.stages import STAGES
from tests.unit.engine.things import cluster_of, facts

CLUSTER = cluster_of("cp1", "cp2", "cp3")


def holding(name: str, *, knows: tuple[str, ...] = ()) -> Facts:
    plain = facts(name, knows=knows)
    return replace(plain, k3s=replace(plain.k3s, datastore=Datastore.ETCD))


def session() -> Any:
    return SimpleNamespace(cluster=CLUSTER, fleet=None, emit=lambda event: None)


def looks(monkeypatch: pytest.MonkeyPatch, *seen: dict[str, Facts]) -> list[int]:
    """The next looks find this; returns where they are counted."""
    left, count = list(seen), [0]

    def look(*_: object, **__: object) -> Seen:
        count[0] += 1
        return Seen(left.pop(0) if len(left) > 1 else left[0])

    for module in (actions, readiness):
        monkeypatch.setattr(module, "look", look)
    return count


FRESH = {name: facts(name) for name in ("cp1", "cp2", "cp3")}


def test_a_cluster_founded_since_the_plan_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    looks(monkeypatch, {**FRESH, "cp1": holding("cp1")})
    with pytest.raises(PlanChangedError):
        actions._servers_as_planned(session(), Seen(FRESH))


def test_a_server_that_joined_since_the_plan_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    looks(monkeypatch, {**FRESH, "cp1": holding("cp1"), "cp2": holding("cp2")})
    seen = actions._servers_as_planned(session(), Seen({**FRESH, "cp1": holding("cp1")}))
    assert seen["cp2"].k3s.datastore is Datastore.ETCD


def test_an_api_between_two_leaders_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    count = looks(monkeypatch, {"cp2": holding("cp2")}, {"cp2": holding("cp2", knows=("cp1", "cp2"))})
    monkeypatch.setattr("clustr.remote.waits.time.sleep", lambda seconds: None)
    seen = readiness._settled(session(), Seen({**FRESH, "cp2": holding("cp2")}))
    assert seen.knows("cp1")
    assert count == [2]


def test_fresh_servers_are_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    count = looks(monkeypatch, FRESH)
    assert readiness._settled(session(), Seen(FRESH)) == Seen(FRESH)
    assert count == [0]


def bootstrapped(monkeypatch: pytest.MonkeyPatch, merge_error: ClustrError) -> tuple[Bootstrapped | None, list[Event]]:
    """A bootstrap with nothing to do on cp1, whose kubeconfig cannot be had or merged."""
    events: list[Event] = []

    @contextmanager
    def at_work(*_: object) -> Iterator[Any]:
        yield SimpleNamespace(cluster=CLUSTER, emit=events.append, journal=SimpleNamespace(plan=lambda plan: None))

    def merge(*_: object) -> Path:
        raise merge_error

    monkeypatch.setattr(actions, "session", at_work)
    monkeypatch.setattr(actions, "seen_before_plan", lambda *_, **__: Seen({"cp1": facts("cp1")}))
    monkeypatch.setattr(actions, "_plan", lambda *_: Plan("lab", (), 3))
    monkeypatch.setattr(actions, "_merge_kubeconfig", merge)
    view: Any = None
    return actions.bootstrap(Path("x.yaml"), Options(), view, lambda made, seen: True), events


def test_a_kubeconfig_that_cannot_be_merged_is_a_note_beside_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ClustrError("/home/ana/.kube/config is no YAML", "mend or move it, then: clustr kubeconfig")
    result, events = bootstrapped(monkeypatch, error)
    assert result is not None
    assert (result.report.done, result.kubeconfig) == (("cp1",), None)
    words = "your kubeconfig is as it was: /home/ana/.kube/config is no YAML; mend or move it, then: clustr kubeconfig"
    assert events == [RunDone(("cp1",), (), 0.0), Note(words)]


def test_a_kubeconfig_that_no_server_has_yet_needs_no_words_beside_the_report(monkeypatch: pytest.MonkeyPatch) -> None:
    result, events = bootstrapped(monkeypatch, UnreachableError("no server of lab gives its kubeconfig"))
    assert result is not None
    assert events == [RunDone(("cp1",), (), 0.0)]


def test_who_cannot_join_is_looked_for_once_the_firewalls_are_open(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def run(*_: object, **options: Any) -> Any:
        given.update(options)
        return SimpleNamespace(go=lambda: None)

    monkeypatch.setattr(actions, "Run", run)
    monkeypatch.setattr(actions, "left_out", lambda *_: {"cp2": ApplyError("is cut off")})
    hold: Any = SimpleNamespace(stop=None, begin=None)
    at_work = session()
    at_work.run = None
    actions._work(at_work, Seen(FRESH), Plan("test", (), 0), Options(), hold)
    told = [stage.title for stage in STAGES if given["without"](stage, Seen(FRESH))]
    assert told == ["Prepare nodes"]

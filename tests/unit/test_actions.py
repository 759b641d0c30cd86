"""What actions decide between looking and doing."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from clustr import actions, readiness
from clustr.errors import PlanChangedError
from clustr.remote.facts import Datastore, Facts, Seen
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

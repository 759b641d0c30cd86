"""Commands where some nodes do not answer: what is done on the others, and what is said of those."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clustr import actions
from clustr.engine.events import Connecting, Event, NodeRead, NodeSilent, Note
from clustr.engine.fleet import Fleet
from clustr.errors import NotUpError, SudoError, UnreachableError
from clustr.inventory.model import Node
from clustr.remote.connection import Connection
from clustr.remote.lock import Held, Holder, Lock, read_lock
from clustr.session import Options
from tests.fakes import FakeConnection
from tests.unit.engine.things import cluster_of
from tests.unit.remote.lock_servers import Server

NAMES = ("cp1", "cp2", "cp3")
ANA = Holder("ana", "desk", "run-a", "bootstrap")
INVENTORY = Path("inventory.yaml")
VIEW: Any = SimpleNamespace()


class World:
    """Three servers that hold the lock of a run that is gone; those in `off` do not answer any more."""

    def __init__(self, folder: Path) -> None:
        for name in NAMES:
            (folder / name).mkdir()
        self.servers: dict[str, Connection] = {name: Server(folder / name) for name in NAMES}
        self.off: set[str] = set()
        self.events: list[Event] = []
        Lock("lab", ANA, NAMES, self.servers).take()

    def open(self, node: Node) -> Connection:
        if node.name in self.off:
            raise NotUpError(f"{node.name} does not answer on port 22", "is it on?", node=node.name)
        return self.servers[node.name]

    @property
    def holders(self) -> list[str]:
        return [held.server for held in read_lock(self.servers)]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(tmp_path)

    @contextmanager
    def session(*_: object) -> Iterator[Any]:
        cluster = cluster_of(*NAMES)
        yield SimpleNamespace(cluster=cluster, fleet=Fleet(cluster, world.open), emit=world.events.append)

    monkeypatch.setattr(actions, "session", session)
    return world


def unlock(asked: list[Held], *, yes: bool = True) -> Held | None:
    def confirm(held: Held) -> bool:
        asked.append(held)
        return yes

    return actions.unlock(INVENTORY, VIEW, confirm)


@pytest.mark.parametrize("off", NAMES)
def test_unlock_frees_where_a_server_answers_and_names_the_other(world: World, off: str) -> None:
    world.off = {off}
    asked: list[Held] = []
    held = unlock(asked)
    assert held
    assert held.holder == ANA
    assert asked == [held]
    assert world.holders == [off]
    assert world.events == [Note(f"{off} does not answer on port 22: is it on?; then again: clustr unlock", off)]


def test_unlock_frees_nothing_that_nobody_agreed_to(world: World) -> None:
    world.off = {"cp1"}
    assert unlock([], yes=False)
    assert world.holders == list(NAMES)


def test_unlock_where_no_server_answers(world: World) -> None:
    world.off = set(NAMES)
    with pytest.raises(UnreachableError, match="no server of test answers") as caught:
        unlock([])
    assert caught.value.detail.splitlines()[0] == "cp1  cp1 does not answer on port 22: is it on?"
    assert len(caught.value.detail.splitlines()) == 3
    assert world.events == []


def test_a_server_whose_sudo_refuses_is_no_server_without_a_lock(world: World) -> None:
    world.servers["cp1"] = FakeConnection({"": SudoError("sudo refuses the password of ana", "correct it")}, "cp1")
    assert unlock([])
    assert [event for event in world.events if isinstance(event, Note) and event.node == "cp1"]
    assert world.holders == []


def test_a_server_that_falls_silent_before_it_is_freed_is_named(world: World) -> None:
    def confirm(_: Held) -> bool:
        server = world.servers["cp2"]
        assert isinstance(server, Server)
        server.down = True
        return True

    assert actions.unlock(INVENTORY, VIEW, confirm)
    assert [event.node for event in world.events if isinstance(event, Note)] == ["cp2"]


def test_exec_says_of_a_silent_node_what_to_do(world: World) -> None:
    world.servers |= {name: FakeConnection({"uname -r": "6.1.0\n"}, name) for name in NAMES}
    world.off = {"cp3"}
    said = actions.execute(INVENTORY, ["uname", "-r"], Options(limit=("cp[23]",)), VIEW)
    assert [(each.nodes, each.status, each.output) for each in said] == [
        (("cp2",), 0, "6.1.0"),
        (("cp3",), -1, "cp3 does not answer on port 22: is it on?"),
    ]


def test_progress_of_exec_comes_to_its_end(world: World) -> None:
    """Of the nodes that --limit names, each is told of once, whether it answers or not."""
    world.servers |= {name: FakeConnection({"true": ""}, name) for name in NAMES}
    world.off = {"cp3"}
    actions.execute(INVENTORY, ["true"], Options(limit=("cp[23]",)), VIEW)
    assert world.events == [
        Connecting("command", 2),
        NodeRead("cp2", "command"),
        NodeSilent("cp3", "cp3 does not answer on port 22", "is it on?"),
    ]

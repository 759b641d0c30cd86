"""One run at a time: a lock that lies on the cluster's servers, so that it binds every laptop.

A folder is made by mkdir on every server that answers, in inventory order, and holds while it is ours on more than
half of them. Its holder beats every BEAT seconds; after SILENCE seconds without one, the next run takes it over.
"""

from __future__ import annotations

import getpass
import re
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from clustr.errors import LockedError, UnreachableError
from clustr.remote.connection import Connection
from clustr.templates import render

BEAT = 10.0  # seconds
SILENCE = 60  # seconds
LIMIT = 30.0  # seconds for one server to answer


class Act(StrEnum):
    TAKE = "take"
    BEAT = "beat"
    RELEASE = "release"
    READ = "read_only"
    FREE = "free"


class Answer(StrEnum):
    TAKEN = "taken"
    TAKEN_OVER = "taken_over"
    HELD = "held"
    LOST = "lost"
    RELEASED = "released"
    READ = "read"
    FREED = "freed"


@dataclass(frozen=True)
class Holder:
    who: str
    host: str  # the machine that the run was started on
    run_id: str
    command: str

    def __str__(self) -> str:
        return f"{self.who}@{self.host}" if self.who else "a run that left no name"


@dataclass(frozen=True)
class Held:
    """The lock as one server tells it; times in seconds, by that server's clock."""

    server: str
    holder: Holder
    held_for: int
    silent_for: int


def this_run(run_id: str, command: str) -> Holder:
    return Holder(getpass.getuser(), socket.gethostname(), run_id, command)


@dataclass
class Lock:
    """Held by this run. `connections` is looked into anew at each beat: a server that rebooted has a new one there."""

    cluster: str
    holder: Holder
    servers: tuple[str, ...]  # all of the cluster's, in inventory order
    connections: Mapping[str, Connection]
    taken_over: tuple[Held, ...] = ()
    _beats: dict[str, float] = field(default_factory=dict)  # the last one on each server, by our own clock

    def beat(self) -> None:
        """Call every BEAT seconds; raises LockedError when the lock is no longer ours on more than half."""
        for server in self._beats:
            answer, held = self._ask(Act.BEAT, server)
            if answer is Answer.TAKEN:
                self._beats[server] = time.monotonic()
            elif answer is Answer.LOST:
                by = f" to {held.holder}" if held else ": somebody freed it"
                raise LockedError(f"{self.cluster}: this run lost the lock{by}", "see who works there: clustr unlock")
        if not self._valid():
            remedy = "nothing new is started; run it again when the servers answer"
            raise LockedError(f"{self.cluster}: less than half of the servers answer the lock", remedy)

    def release(self) -> None:
        """Frees it wherever it is ours and the server answers; the rest is taken over after SILENCE seconds."""
        for server in self._beats:
            self._ask(Act.RELEASE, server)
        self._beats.clear()

    def _take(self) -> None:
        for server in self.servers:
            answer, held = self._ask(Act.TAKE, server)
            if answer is Answer.HELD and held:
                self.release()
                raise LockedError(locked_words(self.cluster, held), "Wait for it, or free it: clustr unlock")
            if answer is Answer.TAKEN_OVER and held:
                self.taken_over += (held,)
            if answer in (Answer.TAKEN, Answer.TAKEN_OVER):
                self._beats[server] = time.monotonic()
        if not self._valid():
            count = f"{len(self._beats)} of {len(self.servers)} servers"
            self.release()
            problem = f"{self.cluster} cannot be locked: {count} answer, more than half must"
            raise LockedError(problem, "bring the other servers back, or take them out of the inventory")

    def _valid(self) -> bool:
        fresh = [server for server, at in self._beats.items() if time.monotonic() - at < SILENCE]
        return 2 * len(fresh) > len(self.servers)

    def _ask(self, act: Act, server: str) -> tuple[Answer | None, Held | None]:
        return _ask(self.connections.get(server), server, act, self.holder)


def take_lock(cluster: str, holder: Holder, servers: Sequence[str], connections: Mapping[str, Connection]) -> Lock:
    """Locks the cluster, or raises LockedError that says who holds it. `servers` are all, in inventory order."""
    lock = Lock(cluster, holder, tuple(servers), connections)
    lock._take()
    return lock


def read_lock(connections: Mapping[str, Connection]) -> tuple[Held, ...]:
    """Who holds it, on each server where somebody does."""
    return tuple(held for _, held in _ask_all(connections, Act.READ) if held)


def free_lock(connections: Mapping[str, Connection]) -> tuple[Held, ...]:
    """Frees it on every server, whoever holds it; returns who did."""
    return tuple(held for _, held in _ask_all(connections, Act.FREE) if held)


def locked_words(cluster: str, held: Held) -> str:
    """`h100-lab is locked by ana@desk since 14:02 (bootstrap, last beat 4 s ago).`"""
    since = time.strftime("%H:%M", time.localtime(time.time() - held.held_for))
    command = f"{held.holder.command}, " if held.holder.command else ""
    return f"{cluster} is locked by {held.holder} since {since} ({command}last beat {held.silent_for} s ago)."


def _ask_all(connections: Mapping[str, Connection], act: Act) -> list[tuple[Answer | None, Held | None]]:
    nobody = Holder("", "", "", "")
    return [_ask(connection, server, act, nobody) for server, connection in connections.items()]


def _ask(connection: Connection | None, server: str, act: Act, holder: Holder) -> tuple[Answer | None, Held | None]:
    """(None, None) where the server does not answer."""
    if connection is None:
        return None, None
    fields = {name: _one_line(getattr(holder, name)) for name in ("who", "host", "run_id", "command")}
    try:
        result = connection.run(render("remote/lock.sh", act=act, silence=SILENCE, **fields), timeout=LIMIT)
    except UnreachableError:
        return None, None
    if result.status:
        problem = f"the lock cannot be {'read' if act is Act.READ else 'written'} in /var/lib/clustr"
        raise LockedError(problem, "see: df /var/lib", node=server, detail=result.stderr.strip())
    said = dict(line.split("=", 1) for line in result.stdout.splitlines() if "=" in line)
    try:
        return Answer(said["answer"]), _held(server, said)
    except (KeyError, ValueError) as error:
        problem = "what it says of the lock makes no sense"
        remedy = "see what is in /var/lib/clustr/lock there"
        raise LockedError(problem, remedy, node=server, detail=_one_line(result.stdout)[:500]) from error


def _held(server: str, said: Mapping[str, str]) -> Held | None:
    if "silent_for" not in said:
        return None
    holder = Holder(*(_one_line(said.get(name, "")) for name in ("who", "host", "run_id", "command")))
    return Held(server, holder, int(said["held_for"]), int(said["silent_for"]))


def _one_line(value: str) -> str:
    return re.sub(r"[^\x20-\x7e]+", " ", value).strip()

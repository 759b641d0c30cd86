"""One run at a time: a lock that lies on the cluster's servers, so that it binds every laptop.

A folder is made by mkdir on every server that answers, in inventory order, and holds while it is ours on more than
half of them. Its holder beats every BEAT seconds; after SILENCE seconds without one, the next run takes it over.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from clustr.errors import LockedError, PreflightError, UnreachableError
from clustr.remote.connection import Connection
from clustr.remote.local_user import local_user
from clustr.templates import render

BEAT = 10.0  # seconds
SILENCE = 60  # seconds
SURE = SILENCE - BEAT  # seconds; what is begun in this time is begun before anybody can take the lock over
LIMIT = 30.0  # seconds for one server to answer
LOOK = 1.0  # seconds between two looks at another's lock
SLACK = 1.5  # seconds; ages are told in whole ones
TELL = 10.0  # seconds


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


NOBODY = Holder("", "", "", "")


@dataclass(frozen=True)
class Held:
    """The lock as one server tells it; times in seconds, by that server's clock."""

    server: str
    holder: Holder
    held_for: int
    silent_for: int


def this_run(run_id: str, command: str) -> Holder:
    return Holder(local_user(), socket.gethostname(), run_id, command)


@dataclass
class Lock:
    """This run's: `take` it, `beat`, and `release` it on each of `left_on`, however either has ended.

    `connections` is looked into anew at each beat: a server that rebooted has a new one there. Each server is beaten
    on by itself, so that one that does not answer delays no other.
    """

    cluster: str
    holder: Holder
    servers: tuple[str, ...]  # all of the cluster's, in inventory order
    connections: Mapping[str, Connection]
    taken_over: tuple[Held, ...] = ()
    _beats: dict[str, float] = field(default_factory=dict)  # the last one on each server, by our own clock
    _left_on: set[str] = field(default_factory=set)

    @property
    def held_on(self) -> tuple[str, ...]:
        return tuple(self._beats)

    @property
    def left_on(self) -> tuple[str, ...]:
        """Where it may lie: on servers that were asked for it, whether or not they have said so, and not yet freed."""
        return tuple(server for server in self.servers if server in self._left_on)

    def beat(self, server: str) -> bool:
        """Call every BEAT seconds; False where the server does not answer. Raises LockedError when it is not ours."""
        begun = now()
        answer, held = self._ask(Act.BEAT, server)
        if answer is Answer.TAKEN:
            self._beats[server] = begun
        elif answer is Answer.LOST:
            by = f" to {held.holder}" if held else ": another run took it over, or somebody freed it"
            raise LockedError(f"{self.cluster}: this run lost the lock{by}", "see who works there: clustr unlock")
        return answer is not None

    def silent_for(self, server: str) -> float:
        """Seconds since the last beat that the server took."""
        return now() - self._beats[server]

    def is_sure(self) -> bool:
        """Whether nobody can have taken it over: on more than half of the servers the last beat is young."""
        fresh = [server for server in self._beats if self.silent_for(server) < SURE]
        return 2 * len(fresh) > len(self.servers)

    def release(self, server: str) -> bool:
        """Frees it where it is ours; False where the server does not answer. What is left is taken over in time."""
        answer, _ = self._ask(Act.RELEASE, server)
        if answer:
            self._left_on.discard(server)
        return answer is not None

    def take(self) -> None:
        """Raises LockedError where another holds it, UnreachableError where too few servers answer."""
        self._beats.clear()
        for server in self.servers:
            if server in self.connections:
                self._left_on.add(server)  # before it is asked: Ctrl-C may come before the answer
            begun = now()
            answer, held = self._ask(Act.TAKE, server)
            if answer is Answer.HELD and held:
                self._left_on.discard(server)
                raise LockedError(locked_words(self.cluster, held), "Wait for it, or free it: clustr unlock")
            if answer is Answer.TAKEN_OVER and held:
                self.taken_over += (held,)
            if answer in (Answer.TAKEN, Answer.TAKEN_OVER):
                self._beats[server] = begun
        if 2 * len(self._beats) <= len(self.servers):
            raise too_few(self.servers, {server: "" for server in self.servers if server not in self._beats})

    def _ask(self, act: Act, server: str) -> tuple[Answer | None, Held | None]:
        return _ask(self.connections.get(server), server, act, self.holder)


def now() -> float:
    """Seconds that pass while the laptop sleeps too.

    Linux has a clock of its own for that (clock_gettime(2), CLOCK_BOOTTIME); macOS counts them in CLOCK_MONOTONIC.
    """
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def too_few(servers: Sequence[str], silent: Mapping[str, str]) -> UnreachableError:
    """The error where half of the servers or more do not answer; `silent` says why, where it is known."""
    listed, count = " and ".join(silent), f"{len(silent)} of {len(servers)} servers"
    return UnreachableError(
        f"{count} {'does' if len(silent) == 1 else 'do'} not answer: {listed}. Nothing was changed.",
        "More than half of the servers must answer, for etcd and for the lock: bring one of them back, run it again.",
        detail="\n".join(f"{server}  {why}" for server, why in silent.items() if why),
    )


def watch(cluster: str, connections: Mapping[str, Connection], tell: Callable[[Held], None]) -> None:
    """Waits for a holder that shows no beat, until it has been silent so long that its lock may be taken over.

    `tell` is told now and then whom it waits for. Raises LockedError as soon as the holder beats: it is at work.
    """
    begun = now()
    told = -TELL
    while held := min(read_lock(connections), key=lambda each: each.silent_for, default=None):
        waited = now() - begun
        if held.silent_for > SILENCE:
            return
        if held.silent_for + SLACK < waited:  # the beat is younger than this wait
            raise LockedError(locked_words(cluster, held), "Wait for it, or free it: clustr unlock")
        if waited - told >= TELL:
            told = waited
            tell(held)
        time.sleep(LOOK)


def read_lock(connections: Mapping[str, Connection]) -> tuple[Held, ...]:
    """Who holds it, on each server where somebody does."""
    told = (_ask(connection, server, Act.READ, NOBODY) for server, connection in connections.items())
    return tuple(held for _, held in told if held)


def lock_on(server: str, connection: Connection) -> Held | None:
    """Who holds it on this server. Raises UnreachableError, or PreflightError where it cannot be read."""
    return _answer(connection, server, Act.READ, NOBODY)[1]


def free_lock(server: str, connection: Connection) -> Held | None:
    """Frees it on this server, whoever holds it; returns who did. Raises as `lock_on`."""
    return _answer(connection, server, Act.FREE, NOBODY)[1]


def locked_words(cluster: str, held: Held) -> str:
    """`h100-lab is locked by ana@desk since 14:02 (bootstrap, last beat 4 s ago).`"""
    since = time.strftime("%H:%M", time.localtime(time.time() - held.held_for))
    command = f"{held.holder.command}, " if held.holder.command else ""
    return f"{cluster} is locked by {held.holder} since {since} ({command}last beat {held.silent_for} s ago)."


def _ask(connection: Connection | None, server: str, act: Act, holder: Holder) -> tuple[Answer | None, Held | None]:
    """(None, None) where the server does not answer."""
    if connection is None:
        return None, None
    try:
        return _answer(connection, server, act, holder)
    except UnreachableError:
        return None, None


def _answer(connection: Connection, server: str, act: Act, holder: Holder) -> tuple[Answer, Held | None]:
    fields = {name: _one_line(getattr(holder, name)) for name in ("who", "host", "run_id", "command")}
    result = connection.run(render("remote/lock.sh", act=act, silence=SILENCE, **fields), timeout=LIMIT)
    if result.status:
        problem = f"the lock cannot be {'read' if act is Act.READ else 'written'} in /var/lib/clustr"
        raise PreflightError(problem, "make room there; see: df /var/lib", node=server, detail=result.stderr.strip())
    said = dict(line.split("=", 1) for line in result.stdout.splitlines() if "=" in line)
    try:
        return Answer(said["answer"]), _held(server, said)
    except (KeyError, ValueError) as error:
        problem = "what it says of the lock makes no sense"
        remedy = "see what is in /var/lib/clustr/lock there"
        raise PreflightError(problem, remedy, node=server, detail=_one_line(result.stdout)[:500]) from error


def _held(server: str, said: Mapping[str, str]) -> Held | None:
    if "silent_for" not in said:
        return None
    holder = Holder(*(_one_line(said.get(name, "")) for name in ("who", "host", "run_id", "command")))
    return Held(server, holder, int(said["held_for"]), int(said["silent_for"]))


def _one_line(value: str) -> str:
    return re.sub(r"[^\x20-\x7e]+", " ", value).strip()

"""The cluster's lock while a run is at work: taken, kept alive, watched, and freed at the end, whatever the end is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

from clustr.engine.events import Emit, NodeStatus, Note
from clustr.engine.rollout import Halted
from clustr.engine.window import Stop, every, in_time, interruptible
from clustr.errors import ClustrError, LockedError
from clustr.inventory.ranges import fold
from clustr.remote.lock import BEAT, SILENCE, Held, Lock, locked_words, watch
from clustr.remote.waits import wait_until
from clustr.session import Session

SERVERS_WITHIN = 300.0  # seconds that servers which do not answer the lock get, before nothing new is begun
FREED_WITHIN = 5.0  # seconds that freeing the lock may take at the end
DEAF = 2.5 * BEAT  # seconds without an answer after which a server's connection is opened anew
STOPPING = "Ctrl-C: nothing new is started; waiting for what runs. Ctrl-C again leaves it running on its nodes."


@dataclass(frozen=True)
class Hold:
    """The lock, held. `stop` says that nothing new may start: a person pressed Ctrl-C, or the lock is another's."""

    lock: Lock
    stop: Stop

    def begin(self) -> None:
        """Called before anything is done to a node. Raises Halted where another run may be at work by now.

        A laptop that slept, or had no network for a while, waits here until the servers say whose the lock is.
        """
        wait_until(lambda: self.stop.lost or self.lock.is_sure(), every=0.5, within=SERVERS_WITHIN)
        if self.stop.lost:
            raise Halted(f"{self.stop.lost.problem}; {self.stop.lost.remedy}")
        if not self.lock.is_sure():
            raise Halted("the servers do not answer: nobody can tell whether the lock is still this run's")


@contextmanager
def holding(at_work: Session) -> Iterator[Hold]:
    """Raises LockedError where another run is at work, UnreachableError where too few servers answer."""
    cluster = at_work.cluster
    lock = Lock(cluster.name, at_work.run, tuple(node.name for node in cluster.servers), at_work.fleet.held)
    with interruptible(lambda: at_work.emit(Note(STOPPING))) as stop:
        try:
            _take(at_work, lock)
            stop.patient = True
            with every(BEAT, *(partial(_beat, at_work, lock, stop, server) for server in lock.held_on)):
                yield Hold(lock, stop)
        finally:
            stop.patient = True  # one more Ctrl-C does not keep the lock from being freed
            _release(at_work.emit, lock)


def _take(at_work: Session, lock: Lock) -> None:
    try:
        lock.take()
    except LockedError:
        _release(at_work.emit, lock)
        wait_for_lock(at_work)  # raises it again where its holder beats
        lock.take()
    for holder, silent_for in {held.holder: held.silent_for for held in lock.taken_over}.items():
        at_work.emit(Note(f"the lock of {holder} was silent for {silent_for} s and is taken over"))


def wait_for_lock(at_work: Session) -> None:
    """Until nobody holds the lock, or it may be taken over. Raises LockedError where its holder is at work."""
    name, servers = at_work.cluster.name, {server.name for server in at_work.cluster.servers}
    begun: list[Held] = []

    def tell(held: Held) -> None:
        if not begun:
            words = f"{locked_words(name, held)} Waiting for a beat; after {SILENCE} s without one it is taken over."
            at_work.emit(Note(words))
        begun.append(held)
        at_work.emit(NodeStatus(held.server, f"waiting for {held.holder}: no beat for {held.silent_for} s"))

    watch(name, {each: line for each, line in dict(at_work.fleet.held).items() if each in servers}, tell)


def _beat(at_work: Session, lock: Lock, stop: Stop, server: str) -> None:
    """One beat on one server. A connection that stays deaf is opened anew: the run may have other work there."""
    broken = at_work.fleet.held.get(server)
    try:
        if not lock.beat(server) and lock.silent_for(server) > DEAF:
            with suppress(ClustrError):
                at_work.fleet.reopen(server, broken)
    except LockedError as lost:
        if stop.lost is None:
            stop.lost = lost
            at_work.emit(Note(f"{lost.problem}. Nothing new is started."))
    except ClustrError as error:
        at_work.emit(Note(f"the lock cannot be kept: {error.problem}", server))


def _release(emit: Emit, lock: Lock) -> None:
    left = in_time(lock.left_on, lock.release, FREED_WITHIN)
    if left:
        emit(Note(f"the lock may stay on {fold(left)}: it is taken over after {SILENCE} s, or free it: clustr unlock"))

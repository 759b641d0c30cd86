"""What other runs are doing, and what they left: who is at work, and how what a cut run began has ended.

All of it is in the facts that are read anyway. A lock that lies silent tells that its run was cut; an apply whose end
nobody has read names its run on its node.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from clustr.engine.apply import attach
from clustr.engine.events import Note
from clustr.engine.observe import look
from clustr.engine.script import Status, Verdict, read_script, read_verdict
from clustr.engine.window import each
from clustr.holding import wait_for_lock
from clustr.inventory.ranges import fold
from clustr.remote.facts import Applying, LockFacts, Seen
from clustr.remote.lock import SILENCE, too_few
from clustr.session import Session


def tell_of_others(at_work: Session, seen: Seen) -> None:
    """Says who else is at work, and how what a cut run began has ended."""
    lock = lock_of(seen, (server.name for server in at_work.cluster.servers))
    if lock.held:
        at_work.emit(Note(_of_lock(lock)))
    for words, nodes in _endings(seen, lock).items():
        at_work.emit(Note(words, fold(nodes)))


def finish_others(at_work: Session, seen: Seen) -> Seen:
    """What the nodes say once no other run is at work: whose lock is silent is waited for, what it left on nodes is
    followed to its end, and told.

    Raises LockedError where another run is at work, UnreachableError where too few servers answer to tell.
    """
    servers = [server.name for server in at_work.cluster.servers]
    silent = {name: seen.silent[name] for name in servers if name in seen.silent}
    if 2 * len(silent) >= len(servers) > 0:
        raise too_few(servers, {name: error.in_a_list for name, error in silent.items()})
    waited = lock_of(seen, servers)
    if waited.held and waited.silent_for <= SILENCE:
        wait_for_lock(at_work)
        seen = look(at_work.cluster, at_work.fleet, at_work.emit, seen.sums)
    tell_of_others(at_work, seen)
    left = {name: facts.applying for name, facts in seen.facts.items() if facts.applying.run_id}
    active = {name: applying for name, applying in left.items() if applying.active}
    each(active, lambda name: _follow(at_work, name, active[name]))
    each(left, lambda name: at_work.fleet[name].run(read_script(left[name].run_id), timeout=30))
    return look(at_work.cluster, at_work.fleet, at_work.emit, seen.sums) if active else seen


def lock_of(seen: Seen, servers: Iterable[str]) -> LockFacts:
    """The lock as the server tells it that heard of its holder last."""
    held = [seen[name].lock for name in servers if seen.answered(name) and seen[name].lock.held]
    return min(held, key=lambda lock: lock.silent_for, default=LockFacts())


def _follow(at_work: Session, node: str, applying: Applying) -> None:
    verdict = attach(at_work.fleet, node, applying.run_id, at_work.emit)
    at_work.emit(Note(f"{_run(applying)} {_ended(verdict)}", node))


def _of_lock(lock: LockFacts) -> str:
    who = lock.who or "a run that left no name"
    since = time.strftime("%H:%M", time.localtime(time.time() - lock.held_for))
    what = f"{who} ({lock.command}, since {since}, run {lock.run_id})" if lock.run_id else who
    if lock.silent_for <= SILENCE:
        return f"{what} is at work, last beat {lock.silent_for} s ago: what is seen here may change meanwhile"
    return f"{what} was cut off: no beat for {lock.silent_for} s"


def _endings(seen: Seen, lock: LockFacts) -> dict[str, list[str]]:
    """A sentence for each end that nobody has read, and the nodes that it is true of."""
    found: dict[str, list[str]] = {}
    for name, words in _unread(seen, lock):
        found.setdefault(words, []).append(name)
    return found


def _unread(seen: Seen, lock: LockFacts) -> Iterator[tuple[str, str]]:
    for name, facts in seen.facts.items():
        applying = facts.applying
        at_work = lock.held and lock.silent_for <= SILENCE and applying.run_id.startswith(f"{lock.run_id}-")
        if applying.active:
            yield name, f"{_run(applying)} is at work here"
        elif applying.run_id and not at_work:
            yield name, f"{_run(applying)} {_ended(_verdict(applying))}"


def _verdict(applying: Applying) -> Verdict:
    verdict = read_verdict(applying.verdict.splitlines())
    return verdict if verdict.run_id == applying.run_id else Verdict(applying.run_id, Status.CUT)


def _run(applying: Applying) -> str:
    run = applying.run_id.partition("-")[0]
    return f"run {run} of {applying.who}" if applying.who else f"run {run}"


def _ended(verdict: Verdict) -> str:
    """What became of the apply, told by a run that did not begin it."""
    match verdict.status:
        case Status.FAILED:
            return f"failed here at {verdict.goal or 'a goal'} (line {verdict.line} of the script): {verdict.command}"
        case Status.CUT:
            return "was cut off here in the middle of its changes"
        case _:
            return "went well here to its end"

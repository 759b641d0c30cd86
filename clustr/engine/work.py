"""One node's share of one stage: look again, drain, apply, boot, look again, gate, uncordon."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from clustr.engine.apply import NotBegun, apply, over_a_cut
from clustr.engine.events import Emit, NodeStatus, Note
from clustr.engine.fleet import Fleet
from clustr.engine.goal import Disrupts, Goal, Later
from clustr.engine.observe import ask
from clustr.engine.plan import Change, Kind, differences
from clustr.engine.script import Answer, Verdict, read_script
from clustr.engine.stage import Stage, stage_goals
from clustr.errors import ApplyError, ClustrError, PlanChangedError, UnreachableError
from clustr.inventory.model import Cluster, Node
from clustr.remote import kubectl
from clustr.remote.facts import Seen
from clustr.remote.facts_reader import read_facts
from clustr.remote.lock import Holder
from clustr.remote.waits import read_boot_id, wait_for_boot
from clustr.templates import text

BOOT_WITHIN = 1800.0  # seconds: servers with many GPUs and much memory take ten minutes and more to come up
END_PODS_WITHIN = 120.0  # k3s gets a minute to stop, its pods ten seconds
GATE_WITHIN = 300.0
GATE_EVERY = 2.0

# One sentence for each check that does not hold; True asks as well for those that a drained node has to pass.
Gate = Callable[[Stage, Node, bool], Sequence[str]]


class NotKnownYet(Exception):
    """A goal still waits for what an earlier stage should have told; str() names it."""


class LostAtBoot(ApplyError):
    """The node did not come back from its reboot."""


@dataclass(frozen=True)
class Share:
    """What a node does in a stage. `planned` are the changes that the person saw."""

    cluster: Cluster
    seen: Seen
    fleet: Fleet
    stage: Stage
    place: int  # of the stage in the list
    node: Node
    planned: tuple[Change, ...]
    run: Holder
    without: frozenset[str]  # nodes that failed before: goals about them are left out
    emit: Emit
    begin: Callable[[], None]  # before anything new is done to the node; raises Halted where it may not be

    def goals(self) -> list[Goal]:
        """The stage's goals on this node; none where the plan has nothing for it but to take things away."""
        if all(change.kind is Kind.REMOVE for change in self.planned):
            return []
        found = stage_goals(self.stage, self.cluster, self.node, self.seen)
        return [goal for goal in found if goal.about not in self.without]


def second_look(share: Share) -> list[Change]:
    """What is to be done now: the plan's removals, and the goals that are not true.

    Raises PlanChangedError where that is more than the plan showed, NotKnownYet where an answer is still missing.
    """
    goals = share.goals()
    for goal in goals:
        if isinstance(goal.wanted, Later):
            raise NotKnownYet(f"{goal.wanted.fact} is not known: {goal.wanted.stage} is not done")
    found = differences(share.place, share.node.name, goals, _answers(share, goals))
    planned = {change.key: change for change in share.planned}
    strange = [change for change in found if not _was_shown(change, planned.get(change.key))]
    if strange:
        raise PlanChangedError(
            "it has changed since the plan was made; nothing was done there in this stage",
            f"clustr plan --limit {share.node.name}",
            node=share.node.name,
            detail="\n".join(["planned:", *_lines(share.planned), "found now:", *_lines(found)]),
        )
    return [change for change in share.planned if change.kind is Kind.REMOVE] + found


def _was_shown(change: Change, planned: Change | None) -> bool:
    if planned is None:
        return False
    return change.disrupts <= planned.disrupts and (bool(planned.known) or planned.diff == change.diff)


def _lines(changes: Sequence[Change]) -> list[str]:
    return [f"  {change.component}  {change.goal}  {change.before} -> {change.after}" for change in changes] or [
        "  nothing"
    ]


def _answers(share: Share, goals: Sequence[Goal], before: str = "") -> list[Answer]:
    answers = over_a_cut(share.fleet, share.node.name, lambda line: ask(line, goals, before), share.emit)
    for goal, answer in zip(goals, answers, strict=True):
        if answer.error:
            raise ApplyError(
                f"{goal.component}, {goal.name}: could not look", "", node=share.node.name, detail=answer.error
            )
    return answers


def do(share: Share, changes: Sequence[Change]) -> None:
    """Applies the changes, booting where one needs it, until a look finds nothing more to do.

    No goal gets a second boot, and a stage without a boot gets no second round.
    """
    left, booted = list(changes), set[tuple[str, str, str]]()
    while left:
        now, boots = _until_boot(left)
        verdict = _apply(share, now, boots)
        if boots:
            booted.add(now[-1].key)
            share = reboot(share)
        goals = share.goals()
        left = differences(share.place, share.node.name, goals, _answers(share, goals, read_script(verdict.run_id)))
        in_vain = [each for each in left if not boots or (each.disrupts is Disrupts.REBOOT and each.key in booted)]
        if in_vain:
            raise ApplyError(
                "is still not as wanted after its changes were made" + (", and a boot" if boots else ""),
                f"clustr plan --limit {share.node.name}",
                node=share.node.name,
                detail="\n".join(_lines(in_vain)),
            )


def _apply(share: Share, changes: Sequence[Change], boots: bool) -> Verdict:
    """Once more where the line was cut before it was begun: a connection that stood idle may have died unseen."""

    def once() -> Verdict:
        share.begin()
        return apply(share.fleet, share.node.name, share.stage.title, changes, share.run, share.emit, reboots=boots)

    try:
        return once()
    except NotBegun:
        return once()


def _until_boot(changes: Sequence[Change]) -> tuple[list[Change], bool]:
    """The changes up to the first that needs a boot, that one included, and whether there is one."""
    for place, change in enumerate(changes):
        if change.disrupts is Disrupts.REBOOT:
            return list(changes[: place + 1]), True
    return list(changes), False


def reboot(share: Share) -> Share:
    """Boots the node and waits until it answers under a new boot id; returns the share with what it says then.

    What it says of its cluster stays as it was before: k3s may still be on its way up.
    """
    name = share.node.name
    share.emit(NodeStatus(name, "rebooting"))
    fleet = share.fleet
    old = over_a_cut(fleet, name, read_boot_id, share.emit)  # it may have booted by itself since the last look
    share.begin()
    with suppress(UnreachableError):  # the answer may be lost with the connection; what counts is the new boot id
        fleet[name].run(text("engine/reboot.sh"), timeout=END_PODS_WITHIN)
    try:
        wait_for_boot(lambda: fleet.reopen(name), old, BOOT_WITHIN)
    except UnreachableError as error:
        raise LostAtBoot(
            "did not come back from its reboot", "look at its console", node=name, detail=error.problem
        ) from error
    facts = over_a_cut(fleet, name, lambda line: read_facts(line, share.node), share.emit)
    facts = replace(facts, k3s=share.seen[name].k3s)
    return replace(share, seen=replace(share.seen, facts={**share.seen.facts, name: facts}))


def hold_gate(share: Share, gate: Gate, server: str = "") -> None:
    """Waits until the stage's checks hold on the node.

    One that was drained is given back by `server`: it has to be Ready, and more checks have to hold.
    """
    share.emit(NodeStatus(share.node.name, "waiting for its checks"))
    deadline = time.monotonic() + GATE_WITHIN
    while True:
        red = gate(share.stage, share.node, bool(server)) or _not_ready(share, server)
        if not red:
            return
        # A check that could not look because the line is cut would never hold.
        over_a_cut(share.fleet, share.node.name, lambda line: line.run(":", sudo=False, timeout=30), share.emit)
        if time.monotonic() > deadline:
            raise ApplyError(
                "its checks do not hold",
                f"clustr doctor --limit {share.node.name}",
                node=share.node.name,
                detail="\n".join(red),
            )
        time.sleep(GATE_EVERY)


def _not_ready(share: Share, server: str) -> Sequence[str]:
    if not server:
        return ()
    name = share.node.name
    boot_id = over_a_cut(share.fleet, name, read_boot_id, share.emit)
    ready = over_a_cut(share.fleet, server, lambda line: kubectl.node_ready(line, name, boot_id), share.emit)
    return () if ready else ("the API does not call it Ready since its last boot",)


def drain(share: Share, server: str) -> None:
    """Takes the work off the node; a refused drain leaves it uncordoned and otherwise untouched."""
    share.begin()
    share.emit(NodeStatus(share.node.name, "draining"))
    name, run_id, seconds = share.node.name, share.run.run_id, share.cluster.rollout.drain_seconds
    over_a_cut(share.fleet, server, lambda line: kubectl.drain(line, name, run_id, seconds), share.emit)


def give_back(share: Share, server: str) -> bool:
    """Lets pods in again; False where the node stays cordoned, which somebody else has done, and says so."""
    name, run_id = share.node.name, share.run.run_id
    cordon = over_a_cut(share.fleet, server, lambda line: kubectl.uncordon_marked(line, name, run_id), share.emit)
    if cordon is kubectl.Cordon.THEIRS:
        share.emit(Note(f"stays cordoned, which this run has not done; to let pods in: kubectl uncordon {name}", name))
    return cordon is not kubectl.Cordon.THEIRS


def as_clustr_error(node: str, error: Exception) -> ClustrError:
    """Every failure of a node's work in the one form that is shown."""
    if isinstance(error, ClustrError):
        return error
    return ApplyError(f"{type(error).__name__}: {error}", "this is a defect in clustr: please report it", node=node)

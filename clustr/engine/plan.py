"""The difference between what is wanted and what is there. The plan is the diff that runs."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from clustr.engine.goal import Disrupts, Goal, Later, Show
from clustr.engine.script import Answer, Work, apply_work, remove_work
from clustr.engine.stage import Component, Stage, name_of, stage_goals
from clustr.inventory.model import Cluster
from clustr.remote.facts import Record, Seen


class Kind(StrEnum):
    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"


@dataclass(frozen=True)
class Change:
    """A goal whose probe did not answer what is wanted, or something of ours that no goal wants any more."""

    node: str  # that it is about
    on: str  # where the script runs
    component: str
    goal: str
    kind: Kind
    before: str | None  # None: hidden, or not known yet
    after: str | None
    diff: str = ""
    disrupts: Disrupts = Disrupts.NOTHING
    known: str = ""  # "" or the stage after which the answer is known
    note: str = ""  # what else there is to know before it is done
    work: Work = field(default=Work("", "", ""), repr=False, compare=False)

    @property
    def key(self) -> tuple[str, str, str]:
        return self.node, self.component, self.goal


@dataclass(frozen=True)
class StagePlan:
    """A stage's changes, by the node where the script runs, in the order in which they are applied."""

    title: str
    nodes: tuple[str, ...]
    changes: tuple[Change, ...]

    def on(self, node: str) -> tuple[Change, ...]:
        return self._by_node.get(node, ())

    @cached_property
    def _by_node(self) -> dict[str, tuple[Change, ...]]:
        found: dict[str, list[Change]] = {}
        for change in self.changes:
            found.setdefault(change.on, []).append(change)
        return {node: tuple(changes) for node, changes in found.items()}


@dataclass(frozen=True)
class Blind:
    """A probe that could not look: no plan can be made for that goal."""

    node: str
    component: str
    goal: str
    error: str


@dataclass(frozen=True)
class Scope:
    """What a plan is about, as plain words and numbers for a screen."""

    servers: int = 0
    agents: int = 0
    monitors: int = 0
    versions: tuple[str, ...] = ()  # "k3s v1.36.5+k3s1"
    known: frozenset[str] = frozenset()  # nodes of the running cluster: what disrupts them drains them first
    at_once: int = 1  # of those, by `rollout`

    @classmethod
    def of(cls, cluster: Cluster, seen: Seen) -> Scope:
        known = frozenset(node.name for node in cluster.nodes if seen.knows(node.name))
        return cls(
            len(cluster.servers),
            len(cluster.agents),
            len(cluster.monitors),
            (f"k3s {cluster.k3s.version}",),
            known,
            cluster.rollout.width(len(known)),
        )


@dataclass(frozen=True)
class Plan:
    cluster: str
    stages: tuple[StagePlan, ...]
    goals: int  # that were looked at
    blind: tuple[Blind, ...] = ()
    scope: Scope = Scope()

    @property
    def changes(self) -> tuple[Change, ...]:
        return tuple(change for stage in self.stages for change in stage.changes)


@dataclass(frozen=True)
class NodeGoals:
    """What one stage wants on one node."""

    stage: Stage
    node: str
    goals: tuple[Goal, ...]


def wanted(
    cluster: Cluster, seen: Seen, stages: Sequence[Stage], only: frozenset[str] | None = None
) -> list[NodeGoals]:
    """All goals of all nodes that answered (`only`: of those nodes), in the order of the stages.

    What is equal on many nodes is one object: a thousand nodes' goals are a hundred megabytes.
    """
    one: dict[Goal, Goal] = {}
    return [
        NodeGoals(
            stage, node.name, tuple(one.setdefault(goal, goal) for goal in stage_goals(stage, cluster, node, seen))
        )
        for stage in stages
        for node in stage.nodes(cluster, seen)
        if seen.answered(node.name) and (only is None or node.name in only)
    ]


def make_plan(
    cluster: Cluster,
    seen: Seen,
    stages: Sequence[Stage],
    goals: Sequence[NodeGoals],
    answers: Mapping[str, Sequence[Answer]],
) -> Plan:
    """`answers` holds for each node the answers to all its goals, in the order in which `goals` lists them."""
    blind: list[Blind] = []
    rest = {node: iter(each) for node, each in answers.items()}
    removals = _removals(seen, stages, goals)
    plans = []
    for stage in stages:
        mine = [each for each in goals if each.stage is stage]
        changes = [change for each in mine for change in removals.get((stage.title, each.node), ())]
        for each in mine:
            found = [next(rest[each.node]) for _ in each.goals]
            blind += [
                Blind(goal.about or each.node, goal.component, goal.name, answer.error)
                for goal, answer in zip(each.goals, found, strict=True)
                if answer.error
            ]
            changes += differences(stages.index(stage), each.node, each.goals, found)
        nodes = tuple(each.node for each in mine)
        left = [change for (title, node), gone in removals.items() if title == stage.title for change in gone]
        changes += [change for change in left if change.on not in nodes]
        plans.append(StagePlan(stage.title, tuple(dict.fromkeys((*nodes, *(c.on for c in changes)))), tuple(changes)))
    looked_at = sum(len(each.goals) for each in goals)
    return Plan(cluster.name, tuple(plans), looked_at, tuple(blind), Scope.of(cluster, seen))


def differences(stage: int, node: str, goals: Sequence[Goal], answers: Sequence[Answer]) -> list[Change]:
    """The goals that are not true. `stage` is the stage's place in the list; it orders the records."""
    return [
        _change(stage * 1000 + place, node, goal, answer)
        for place, (goal, answer) in enumerate(zip(goals, answers, strict=True))
        if not answer.error and not _holds(goal, answer)
    ]


def _holds(goal: Goal, answer: Answer) -> bool:
    """Whether a probe's answer is the wanted one. A file's content counts to the letter; else outer space does not."""
    if isinstance(goal.wanted, Later):
        return False
    return answer.text == goal.wanted if goal.show is Show.DIFF else answer.text.strip() == goal.wanted.strip()


def _change(order: int, node: str, goal: Goal, answer: Answer) -> Change:
    before: str | None = answer.text.strip()
    kind = Kind.ADD if before in ("absent", "") else Kind.CHANGE
    later = goal.wanted if isinstance(goal.wanted, Later) else None
    after = None if isinstance(goal.wanted, Later) else goal.wanted.strip()
    diff = ""
    if goal.show is Show.DIFF and isinstance(goal.wanted, str):
        diff = _diff("" if kind is Kind.ADD else answer.text, goal.wanted)
        before, after = before and before.partition("\n")[0], goal.wanted.partition("\n")[0]
    elif goal.show is Show.HIDDEN or goal.secret:
        before, after = ("absent" if kind is Kind.ADD else None), None
    elif before is not None and after is not None:
        before, after = _apart(before, after)
    return Change(
        goal.about or node,
        node,
        goal.component,
        goal.name,
        kind,
        before,
        after,
        diff,
        goal.disrupts,
        known=later.stage if later else "",
        note=goal.note,
        work=apply_work(order, goal),
    )


def _apart(before: str, after: str) -> tuple[str, str]:
    """Two answers of several lines, the lines that they share left out."""
    old, new = before.splitlines(), after.splitlines()
    if len(new) < 2:
        return before, after
    return "\n".join(line for line in old if line not in new), "\n".join(line for line in new if line not in old)


def _diff(before: str, after: str) -> str:
    """A unified diff of two answers of a file's probe, the line with mode and owner aside."""
    old, new = (text.partition("\n")[2].splitlines() for text in (before, after))
    return "\n".join(list(difflib.unified_diff(old, new, lineterm="", n=1))[2:])


def _removals(seen: Seen, stages: Sequence[Stage], goals: Sequence[NodeGoals]) -> dict[tuple[str, str], list[Change]]:
    """What records name and no goal wants any more, by stage and node, last made first."""
    kept = {(each.node, goal.component, goal.about, goal.name) for each in goals for goal in each.goals}
    looked_at = {each.node for each in goals}
    found: dict[tuple[str, str], list[Change]] = {}
    for node in looked_at:
        for record in sorted(seen[node].records, key=lambda record: -record.order):
            if (node, record.component, record.about, record.goal) not in kept:
                found.setdefault((_stage_of(record, stages), node), []).append(_removal(node, record))
    return found


def _stage_of(record: Record, stages: Sequence[Stage]) -> str:
    """The stage that a record's component belongs to; the first for one that clustr no longer has."""
    return next((stage.title for stage in stages if record.component in names(stage.components)), stages[0].title)


def names(components: Iterable[Component]) -> frozenset[str]:
    return frozenset(name_of(component) for component in components)


def _removal(node: str, record: Record) -> Change:
    stays = record.undo.startswith("# stays: ")
    after = f"stays: {record.undo[9:]}" if stays else "removed"
    about, work = record.about or node, remove_work(record)
    return Change(about, node, record.component, record.goal, Kind.REMOVE, "put there by clustr", after, work=work)

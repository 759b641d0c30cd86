"""What a stage and a component are. The stages themselves are in stages.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from clustr.engine.goal import Goal
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Seen


class Component(Protocol):
    """A module of clustr/components: what must be true for one part of the system on one node.

    Pure: the same cluster and facts give the same goals. It may only use what a bare machine can tell; what no
    machine can tell yet is a Later.
    """

    __name__: str

    def goals(self, cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]: ...


@dataclass(frozen=True)
class Stage:
    """A row of the one list that gives the order: which components, on which nodes, how many nodes at once."""

    title: str
    nodes: Callable[[Cluster, Seen], Sequence[Node]]
    components: tuple[Component, ...]
    at_once: int = 64


def name_of(component: Component) -> str:
    return component.__name__.rpartition(".")[2]


def stage_goals(stage: Stage, cluster: Cluster, node: Node, seen: Seen) -> list[Goal]:
    return [
        goal.of(name_of(component)) for component in stage.components for goal in component.goals(cluster, node, seen)
    ]

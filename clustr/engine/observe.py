"""What the nodes say: facts in one exec each, then all probes in one exec each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clustr.engine.events import Connecting, Emit, NodeRead, NodeSilent
from clustr.engine.fleet import Fleet
from clustr.engine.goal import Goal
from clustr.engine.plan import NodeGoals
from clustr.engine.script import Answer, new_nonce, probe_script, read_answers
from clustr.engine.window import each
from clustr.errors import ClustrError
from clustr.inventory.model import Cluster, Node
from clustr.remote.connection import Connection
from clustr.remote.facts import Facts, Seen
from clustr.remote.facts_reader import read_facts
from clustr.remote.reach import Questions, Reach
from clustr.remote.reach_reader import read_reach


def look(
    cluster: Cluster, fleet: Fleet, emit: Emit, sums: Mapping[str, str], only: Sequence[Node] | None = None
) -> Seen:
    """Facts of every node of the inventory, or of these; a node that does not answer is kept with the reason."""
    nodes = cluster.nodes if only is None else only
    emit(Connecting("facts", len(nodes)))

    def read(name: str) -> Facts:
        facts = fleet.over_a_cut(name, lambda line: read_facts(line, cluster.node(name)))
        emit(NodeRead(name, "facts"))
        return facts

    found = each((node.name for node in nodes), read)
    silent = {name: _as_silence(name, error) for name, error in found.items() if isinstance(error, Exception)}
    for name, error in silent.items():
        emit(NodeSilent(name, error.problem, error.remedy, error.detail))
    facts = {name: result for name, result in found.items() if isinstance(result, Facts)}
    return Seen(facts, silent, sums=sums)


def ask_reach(questions: Mapping[str, Questions], fleet: Fleet, emit: Emit) -> dict[str, Reach]:
    """What these nodes reach, by node; one that could not be asked says why."""
    if not questions:
        return {}
    emit(Connecting("what nodes reach", len(questions)))

    def read(name: str) -> Reach:
        answer = fleet.over_a_cut(name, lambda line: read_reach(line, questions[name]))
        emit(NodeRead(name, "what nodes reach"))
        return answer

    found = each(questions, read)
    return {name: Reach(error=str(got)) if isinstance(got, Exception) else got for name, got in found.items()}


def ask_all(goals: Sequence[NodeGoals], fleet: Fleet, emit: Emit) -> dict[str, list[Answer]]:
    """The answers to all goals, by node, in the goals' order. What many nodes answer alike is one object."""
    one: dict[Answer, Answer] = {}
    by_node: dict[str, list[Goal]] = {}
    for each_stage in goals:
        by_node.setdefault(each_stage.node, []).extend(each_stage.goals)
    emit(Connecting("probes", len(by_node)))

    def read(name: str) -> list[Answer]:
        answers = fleet.over_a_cut(name, lambda line: ask(line, by_node[name]))
        emit(NodeRead(name, "probes"))
        return [one.setdefault(answer, answer) for answer in answers]

    found = each(by_node, read)
    return {
        name: [Answer("", str(result))] * len(by_node[name]) if isinstance(result, Exception) else result
        for name, result in found.items()
    }


def ask(connection: Connection, goals: Sequence[Goal], before: str = "") -> list[Answer]:
    """One script that asks all these probes, after `before`. Probes only read: ten minutes mean a hung machine."""
    if not goals and not before:
        return []
    nonce = new_nonce()
    result = connection.run(f"{before}\n{probe_script(goals, nonce)}", timeout=600)
    return read_answers(result.stdout, nonce, len(goals))


def _as_silence(name: str, error: Exception) -> ClustrError:
    if isinstance(error, ClustrError):
        return error
    return ClustrError(f"could not be read: {error}", "this is a defect in clustr: please report it", node=name)

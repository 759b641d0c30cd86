"""What is known before a plan is made: facts of all nodes, sums of what will be downloaded, what stands in the way."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace

from clustr import artifacts
from clustr.components.k3s import datastore, token_secrets
from clustr.engine.events import Note
from clustr.engine.observe import ask_reach, look
from clustr.engine.preflight import (
    REACH_NAMES,
    Finding,
    Name,
    cut_off,
    preflight,
    questions,
    questions_once_open,
    silence,
    untried,
)
from clustr.errors import ApplyError, ClustrError, PreflightError, UnreachableError
from clustr.inventory.model import Cluster
from clustr.inventory.ranges import fold
from clustr.others import finish_others, tell_of_others
from clustr.remote.facts import Datastore, Seen
from clustr.remote.waits import wait_until
from clustr.session import Options, Session


def seen_before_plan(at_work: Session, options: Options, *, alone: bool = False) -> Seen:
    """Facts, preflight, sums of what will be downloaded. Raises PreflightError with all findings at once.

    `alone`: what other runs left at work is waited for first; raises LockedError where one is at work.
    """
    cluster, fleet, ignored = at_work.cluster, at_work.fleet, options.ignored()
    seen = look(cluster, fleet, at_work.emit, {})
    at_work.mask.learn(token_secrets(seen))
    if not seen.facts:
        raise _silence(seen)
    if alone:
        seen = finish_others(at_work, seen)
    else:
        tell_of_others(at_work, seen)
    seen = _settled(at_work, seen)
    at_work.mask.learn(token_secrets(seen))
    if Name.NETWORK_UNREACHED not in ignored:
        for words, nodes in untried(cluster, seen):
            at_work.emit(Note(words, fold(nodes)))
    if not ignored >= REACH_NAMES:
        seen = replace(seen, reach=ask_reach(questions(cluster, seen), fleet, at_work.emit))
    _refuse(cluster, seen, ignored, options.chosen(cluster))
    answering = (node for node in cluster.servers if seen.answered(node.name))
    server = next((artifacts.Server(node, fleet[node.name]) for node in answering), None)
    return artifacts.ensure_sums(cluster, seen, server)


def left_out(at_work: Session, options: Options, seen: Seen) -> dict[str, ClustrError]:
    """The nodes that would join in vain, now that clustr's rules are in the firewalls for which preflight left ways
    untried. `seen` is of the nodes that have them, and of those of the running cluster."""
    if Name.NETWORK_UNREACHED in options.ignored():
        return {}
    answers = ask_reach(questions_once_open(at_work.cluster, seen), at_work.fleet, at_work.emit)
    problem = "is not let join: the network between it and other nodes is not open"
    remedy = "let it through the firewalls and ACLs between them, look at the route, then: clustr bootstrap"
    return {
        name: ApplyError(problem, remedy, node=name, detail="\n".join(lines))
        for name, lines in cut_off(at_work.cluster, seen, answers).items()
    }


def _refuse(cluster: Cluster, seen: Seen, ignored: Container[str], chosen: Container[str] | None = None) -> None:
    """Raises PreflightError with all that stands in the way of the nodes that are `chosen` (None: all), and of the
    cluster as a whole. Silent nodes alone do not: the others go on."""

    def stands(found: Finding) -> bool:
        about_them = chosen is None or found.node in chosen or found.name.startswith("cluster.")
        return about_them and found.name not in ignored

    findings = list(filter(stands, preflight(cluster, seen)))
    if not findings:
        return
    findings = [*filter(stands, silence(cluster, seen)), *findings]
    lines = _folded(findings)
    stand = "thing stands" if len(lines) == 1 else "things stand"
    raise PreflightError(
        f"{len(lines)} {stand} in the way. Nothing was changed.",
        "mend them, or pass --ignore NAME for one that is known to be harmless",
        detail="\n".join(lines),
    )


API_WITHIN = 30.0  # seconds; etcd elects a new leader in a few


def _settled(at_work: Session, seen: Seen) -> Seen:
    """The same, the API asked again where it does not answer and a server's data is gone: a cluster that has just lost
    a server is between two leaders, and only its API can tell that it knows the emptied one."""
    servers = [node for node in at_work.cluster.servers if seen.answered(node.name)]
    holding = [node for node in servers if datastore(seen, node) is not Datastore.NONE]
    if seen.kube_nodes() or not 0 < len(holding) < len(servers):
        return seen
    at_work.emit(Note("the cluster's API does not answer; asking again"))

    def again() -> Seen | None:
        looked = look(at_work.cluster, at_work.fleet, at_work.emit, {}, only=holding)
        return looked if looked.kube_nodes() else None

    found = wait_until(again, every=3, within=API_WITHIN)
    return replace(seen, facts={**seen.facts, **found.facts}) if found else seen


def _folded(findings: Sequence[Finding]) -> list[str]:
    """A line for each finding, nodes with the same one together."""
    nodes: dict[tuple[str, str, str], list[str]] = {}
    for found in findings:
        nodes.setdefault((found.name, found.problem, found.remedy), []).append(found.node)
    return [f"{fold(where)}  {name}  {problem}: {remedy}" for (name, problem, remedy), where in nodes.items()]


def _silence(seen: Seen) -> UnreachableError:
    words: dict[str, list[str]] = {}
    for name, error in seen.silent.items():
        words.setdefault(error.in_a_list, []).append(name)
    detail = "\n".join(f"{fold(names)}  {said}" for said, names in words.items())
    return UnreachableError("no node answers. Nothing was changed.", detail=detail)

"""What each command does: the whole product on one screen."""

from __future__ import annotations

import secrets as random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from clustr import kubeconfig
from clustr.checks.catalogue import all_checks, gate_checks, only
from clustr.checks.check import Finding, State
from clustr.checks.drift import drift
from clustr.checks.learning import Learning
from clustr.checks.run import check_node, not_reached
from clustr.components.k3s import datastore, token_secrets
from clustr.engine.events import Connecting, NodeRead, NodeSilent, Note, RunDone
from clustr.engine.observe import ask_all, look
from clustr.engine.plan import Plan, make_plan, names, wanted
from clustr.engine.run import Report, Run
from clustr.engine.stage import Stage
from clustr.engine.window import each
from clustr.engine.work import as_clustr_error
from clustr.errors import ClustrError, PlanChangedError, UnknownHealthError, UnreachableError
from clustr.holding import Hold, holding
from clustr.inventory.load import Loaded, read
from clustr.inventory.model import Cluster, Node
from clustr.inventory.secrets import Secret
from clustr.others import tell_of_others
from clustr.readiness import left_out, seen_before_plan
from clustr.remote.connection import Connection
from clustr.remote.facts import Datastore, Seen
from clustr.remote.lock import Held, free_lock, lock_on
from clustr.results import Bootstrapped, Health, Said
from clustr.session import Options, Session, View, session
from clustr.stages import STAGES

Confirm = Callable[[Plan, Seen], bool]


def validate(path: Path) -> Loaded:
    return read(path)


def plan(path: Path, options: Options, view: View) -> tuple[Plan, Seen]:
    """What bootstrap would change. Nothing is changed on any node."""
    with session(path, view, "plan") as at_work:
        seen = seen_before_plan(at_work, options)
        made = _plan(at_work, seen, options)
        at_work.journal.plan(made)
        return made, seen


def bootstrap(path: Path, options: Options, view: View, confirm: Confirm) -> Bootstrapped | None:
    """Makes the nodes what the inventory says; None where the person did not want the plan."""
    with session(path, view, "bootstrap") as at_work:
        seen = seen_before_plan(at_work, options, alone=True)
        made = _plan(at_work, seen, options)
        at_work.journal.plan(made)
        if made.blind:
            raise _blind(made)
        if not made.changes:
            asked_for = options.chosen(at_work.cluster) or frozenset((*seen.facts, *seen.silent))
            silent = {name: error for name, error in seen.silent.items() if name in asked_for}
            report = Report(tuple(name for name in seen.facts if name in asked_for), silent, {}, 0.0)
            at_work.emit(RunDone(report.done, tuple(report.failed), report.seconds))
        elif confirm(made, seen):
            report = _run(at_work, seen, made, options)
        else:
            return None
        return Bootstrapped(made, report, _merged_or_told(at_work))


def _merged_or_told(at_work: Session) -> Path | None:
    """Whatever is wrong with the person's own kubeconfig, the run that is over keeps its report."""
    try:
        return _merge_kubeconfig(at_work, None)
    except UnreachableError:  # no server has one yet, and the report says which failed
        return None
    except ClustrError as error:
        at_work.emit(Note(f"your kubeconfig is as it was: {error.problem}; {error.remedy}"))
        return None


def _run(at_work: Session, seen: Seen, made: Plan, options: Options) -> Report:
    """The plan, done under the lock."""
    with holding(at_work) as hold:
        seen = _with_token(at_work.cluster, _servers_as_planned(at_work, seen))
        at_work.mask.learn(token_secrets(seen))
        return _work(at_work, seen, made, options, hold)


def _servers_as_planned(at_work: Session, seen: Seen) -> Seen:
    """What the servers say under the lock. Another run may have founded the cluster while this plan was looked at."""
    servers = [node for node in at_work.cluster.servers if seen.answered(node.name)]
    again = look(at_work.cluster, at_work.fleet, at_work.emit, seen.sums, only=servers)
    if not _founded(at_work.cluster, seen) and _founded(at_work.cluster, again):
        problem = "another run has founded the cluster since the plan was made. Nothing was changed."
        raise PlanChangedError(problem, "clustr plan")
    return replace(seen, facts={**seen.facts, **again.facts})


def _founded(cluster: Cluster, seen: Seen) -> bool:
    return any(datastore(seen, node) is not Datastore.NONE for node in cluster.servers)


def _work(at_work: Session, seen: Seen, made: Plan, options: Options, hold: Hold) -> Report:
    learning = Learning()

    def gate(stage: Stage, node: Node, returns: bool) -> list[str]:
        checks = gate_checks(names(stage.components), returns=returns)
        found = check_node(checks, at_work.cluster, node, at_work.fleet[node.name], learning=learning)
        return [f"{each.check}: {each.evidence}" for each in found if each.state in (State.FAILED, State.UNKNOWN)]

    def without(stage: Stage, seen: Seen) -> dict[str, ClustrError]:
        return left_out(at_work, options, seen) if "base_os" in names(stage.components) else {}

    return Run(
        at_work.cluster,
        seen,
        made,
        at_work.fleet,
        stages=options.stages or STAGES,
        run=at_work.run,
        gate=gate,
        without=without,
        emit=at_work.emit,
        stop=hold.stop,
        begin=hold.begin,
        log=lambda node: str(at_work.journal.log(node)),
    ).go()


def _plan(at_work: Session, seen: Seen, options: Options) -> Plan:
    stages = options.stages or STAGES
    goals = wanted(at_work.cluster, seen, stages, options.chosen(at_work.cluster))
    answers = ask_all(goals, at_work.fleet, at_work.emit)
    return make_plan(at_work.cluster, seen, stages, goals, answers)


def _with_token(cluster: Cluster, seen: Seen) -> Seen:
    """A join token where no server holds one yet; later runs read it back from the servers."""
    if not cluster.servers or any(facts.k3s.token for facts in seen.facts.values()):
        return seen
    return replace(seen, new_token=Secret(random.token_hex(32)))


def doctor(path: Path, options: Options, view: View) -> Health:
    """All checks on all nodes, and drift between them."""
    begun = time.monotonic()
    with session(path, view, "doctor") as at_work:
        cluster, fleet = at_work.cluster, at_work.fleet
        chosen = options.chosen(cluster)
        checks = only(options.only) if options.only else all_checks()
        seen = look(cluster, fleet, at_work.emit, {})
        tell_of_others(at_work, seen)
        nodes = [node for node in cluster.nodes if chosen is None or node.name in chosen]
        todo = [node.name for node in nodes if seen.answered(node.name)]
        at_work.emit(Connecting("checks", len(todo)))
        learning = Learning()

        def look_at(name: str) -> list[Finding]:
            found = check_node(checks, cluster, cluster.node(name), fleet[name], learning=learning)
            at_work.emit(NodeRead(name, "checks"))
            return found

        results = each(todo, look_at)
        at_work.mask.learn(token_secrets(seen))
        findings = [finding for found in results.values() if not isinstance(found, Exception) for finding in found]
        findings = [replace(finding, evidence=at_work.mask.text(finding.evidence)) for finding in findings]
        lost = _not_looked_at(seen, results, nodes)
        findings += [not_reached(cluster.node(name), as_clustr_error(name, error)) for name, error in lost.items()]
        findings += [] if options.only else drift(cluster, seen)
        return Health(cluster.name, tuple(findings), len(nodes), len(checks), time.monotonic() - begun)


def _not_looked_at(
    seen: Seen, results: dict[str, list[Finding] | Exception], nodes: Sequence[Node]
) -> dict[str, Exception]:
    lost = {name: result for name, result in results.items() if isinstance(result, Exception)}
    return {**{node.name: seen.silent[node.name] for node in nodes if node.name in seen.silent}, **lost}


def fetch_kubeconfig(path: Path, view: View, target: Path | None) -> Path:
    """Fetches the cluster's kubeconfig and merges it into `target`, by default ~/.kube/config."""
    with session(path, view, "kubeconfig") as at_work:
        return _merge_kubeconfig(at_work, target)


def _merge_kubeconfig(at_work: Session, target: Path | None) -> Path:
    """From the first server that has one. Raises UnreachableError with what each server said where none has."""
    why = []
    for node in at_work.cluster.servers:
        try:
            text = kubeconfig.fetch(at_work.fleet[node.name], at_work.cluster)
        except ClustrError as error:
            why.append(f"{node.name}  {error.problem}: {error.remedy}")
            continue
        return kubeconfig.merge_into(text, at_work.cluster, target)
    name, remedy = at_work.cluster.name, "make one answer; where k3s does not run yet: clustr bootstrap"
    raise UnreachableError(f"no server of {name} gives its kubeconfig", remedy, detail="\n".join(why))


def execute(path: Path, command: Sequence[str], options: Options, view: View) -> list[Said]:
    """One command on many nodes; equal answers are one."""
    from shlex import join

    with session(path, view, "exec") as at_work:
        cluster = at_work.cluster
        chosen = options.chosen(cluster)
        asked = [node.name for node in cluster.nodes if chosen is None or node.name in chosen]
        at_work.emit(Connecting("command", len(asked)))

        def ask(name: str) -> tuple[int, str]:
            result = at_work.fleet[name].run(join(command) + "\n")
            at_work.emit(NodeRead(name, "command"))
            return result.status, (result.stdout + result.stderr).rstrip()

        groups: dict[tuple[int, str], list[str]] = {}
        for name, result in each(asked, ask).items():
            if isinstance(result, Exception):
                error = as_clustr_error(name, result)
                at_work.emit(NodeSilent(name, error.problem, error.remedy, error.detail))
                result = -1, error.in_a_list
            groups.setdefault(result, []).append(name)
        return [Said(tuple(nodes), status, output) for (status, output), nodes in groups.items()]


def unlock(path: Path, view: View, confirm: Callable[[Held], bool]) -> Held | None:
    """Frees the lock of a run that is gone, where a server answers; returns who held it, None where nobody did."""
    with session(path, view, "unlock") as at_work:
        looked = _on_each(at_work, [server.name for server in at_work.cluster.servers], lock_on)
        held = next(filter(None, looked.values()), None)
        if held and confirm(held):
            _on_each(at_work, list(looked), free_lock)
        return held


def _on_each(
    at_work: Session, servers: Sequence[str], act: Callable[[str, Connection], Held | None]
) -> dict[str, Held | None]:
    """What the act finds on each server that answers; the others are named. Raises UnreachableError where none does."""
    found = each(servers, lambda name: act(name, at_work.fleet[name]))
    silent = {name: as_clustr_error(name, got) for name, got in found.items() if isinstance(got, Exception)}
    if silent and len(silent) == len(found):
        why = "\n".join(f"{name}  {error.in_a_list}" for name, error in silent.items())
        problem, remedy = f"no server of {at_work.cluster.name} answers", "make one answer, then: clustr unlock"
        raise UnreachableError(problem, remedy, detail=why)
    for name, error in silent.items():
        at_work.emit(Note(f"{error.problem}: {error.remedy}; then again: clustr unlock", name))
    return {name: got for name, got in found.items() if not isinstance(got, Exception)}


def _blind(made: Plan) -> UnknownHealthError:
    lines = [f"{each.node}  {each.component}  {each.goal}: {each.error}" for each in made.blind]
    return UnknownHealthError("some goals could not be looked at. Nothing was changed.", detail="\n".join(lines))

"""The run: stage after stage, each node of it through its share. What happened is told in events and in a report."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from clustr.engine.apply import GoalFailed, over_a_cut
from clustr.engine.events import (
    Emit,
    NodeDone,
    NodeFailed,
    NodeSkipped,
    NodeStarted,
    RunDone,
    StageDone,
    StageStarted,
)
from clustr.engine.fleet import Fleet
from clustr.engine.goal import Disrupts
from clustr.engine.plan import Plan, StagePlan
from clustr.engine.rollout import Halted, RolloutGate
from clustr.engine.stage import Stage
from clustr.engine.window import Stop, each
from clustr.engine.work import (
    Gate,
    LostAtBoot,
    NotKnownYet,
    Share,
    as_clustr_error,
    do,
    drain,
    give_back,
    hold_gate,
    second_look,
)
from clustr.errors import ClustrError
from clustr.inventory.model import Cluster, Node, Role
from clustr.remote.facts import Facts, Seen
from clustr.remote.facts_reader import read_facts
from clustr.remote.lock import Holder

# Which nodes go no further after a stage, and why; Seen is of those that are through it, and of the running cluster.
Without = Callable[[Stage, Seen], Mapping[str, ClustrError]]


@dataclass(frozen=True)
class Report:
    """How a run ended, node by node. A node is done, failed or skipped; silent ones count as failed."""

    done: tuple[str, ...]
    failed: Mapping[str, ClustrError]
    skipped: Mapping[str, str]
    seconds: float
    stopped: bool = False  # by Ctrl-C, before everything was started
    lost: ClustrError | None = None  # why the run had to stop by itself: its lock is another's


class Run:
    """One bootstrap. Its state is what was seen so far and who has failed."""

    def __init__(
        self,
        cluster: Cluster,
        seen: Seen,
        plan: Plan,
        fleet: Fleet,
        *,
        stages: Sequence[Stage],
        run: Holder,
        gate: Gate,
        without: Without = lambda stage, seen: {},
        emit: Emit,
        stop: Stop,
        begin: Callable[[], None],
        log: Callable[[str], str],
    ) -> None:
        self._cluster = cluster
        self._seen = seen
        self._plan = plan
        self._fleet = fleet
        self._stages = stages
        self._run = run
        self._gate = gate
        self._without = without
        self._emit = emit
        self._stop = stop
        self._begin = begin
        self._log = log
        self._failed: dict[str, ClustrError] = dict(seen.silent)
        self._skipped: dict[str, str] = {}
        known = sum(1 for node in cluster.nodes if seen.knows(node.name))
        self._rollout = RolloutGate(cluster, known)
        self._server_down = ""

    def go(self) -> Report:
        """All stages; returns when every node is through or has failed. Raises Interrupted on the second Ctrl-C."""
        begun = time.monotonic()
        for place, (stage, planned) in enumerate(zip(self._stages, self._plan.stages, strict=True)):
            if self._stop:
                break
            if planned.changes:
                self._stage(place, stage, planned)
            if self._goes_on(place) and not self._stop:
                self._leave_out(stage, planned)
        seconds = time.monotonic() - begun
        over = {*self._failed, *self._skipped}
        looked_at = {name for stage_plan in self._plan.stages for name in stage_plan.nodes}
        done = tuple(node.name for node in self._cluster.nodes if node.name in looked_at - over)
        self._emit(RunDone(done, tuple(self._failed), seconds))
        return Report(done, self._failed, self._skipped, seconds, self._stop.asked.is_set(), self._stop.lost)

    def _stage(self, place: int, stage: Stage, planned: StagePlan) -> None:
        names = [name for name in planned.nodes if planned.on(name)]
        todo = [name for name in names if name not in self._failed]
        self._emit(StageStarted(stage.title, tuple(todo)))
        begun = time.monotonic()
        results = each(
            todo, lambda name: self._node(place, stage, planned, name), at_once=stage.at_once, stop=self._stop
        )
        fresh = {name: facts for name, facts in results.items() if isinstance(facts, Facts)}
        fresh |= self._servers_again(set(fresh)) if self._goes_on(place) else {}
        self._seen = replace(self._seen, facts={**self._seen.facts, **fresh}, new_token=self._seen.new_token)
        self._emit(StageDone(stage.title, time.monotonic() - begun))

    def _leave_out(self, stage: Stage, planned: StagePlan) -> None:
        """Nodes that are through this stage, and cannot go on to the next."""
        over = {*self._failed, *self._skipped}
        facts = {
            name: facts
            for name, facts in self._seen.facts.items()
            if name not in over and (name in planned.nodes or self._seen.knows(name))
        }
        for name, error in self._without(stage, replace(self._seen, facts=facts)).items():
            self._fail(stage, self._cluster.node(name), error)

    def _servers_again(self, done: set[str]) -> dict[str, Facts]:
        """What the servers say after a stage: the token and the nodes that later stages wait for."""
        servers = [
            n.name
            for n in self._cluster.servers
            if n.name not in {*done, *self._failed} and self._seen.answered(n.name)
        ]
        read = each(servers, lambda name: read_facts(self._fleet[name], self._cluster.node(name)))
        return {name: facts for name, facts in read.items() if isinstance(facts, Facts)}

    def _node(self, place: int, stage: Stage, planned: StagePlan, name: str) -> Facts | None:
        """One node's share; its failure is kept and told, and never stops the others."""
        node = self._cluster.node(name)
        reason = self._reason_to_skip(stage, node)
        if reason:
            self._skip(stage, name, reason)
            return None
        begun = time.monotonic()
        share = Share(
            self._cluster, self._seen, self._fleet, stage, place, node, planned.on(name), self._run,
            frozenset(self._failed) | frozenset(self._skipped), self._emit, self._begin,
        )  # fmt: skip
        try:
            self._begin()
            self._emit(NodeStarted(stage.title, name))
            self._work(share)
            facts = self._after(place, node)
        except (NotKnownYet, Halted) as reason_given:
            self._skip(stage, name, str(reason_given))
            return None
        except Exception as error:
            self._fail(stage, node, error)
            return None
        self._emit(NodeDone(stage.title, name, time.monotonic() - begun))
        return facts

    def _goes_on(self, place: int) -> bool:
        """Whether a later stage has changes, which wait for what the nodes say after this one."""
        return any(planned.changes for planned in self._plan.stages[place + 1 :])

    def _after(self, place: int, node: Node) -> Facts | None:
        if not self._goes_on(place):
            return None
        return over_a_cut(self._fleet, node.name, lambda line: read_facts(line, node), self._emit)

    def _reason_to_skip(self, stage: Stage, node: Node) -> str:
        if self._stop.lost:
            return f"{self._stop.lost.problem}; {self._stop.lost.remedy}"
        if self._stop:
            return "stopped by Ctrl-C before it was begun"
        if self._server_down and node.has(Role.SERVER) and stage.at_once == 1:
            return f"{self._server_down} failed: never more than one server down"
        return ""

    def _work(self, share: Share) -> None:
        disturbs = any(change.disrupts > Disrupts.NOTHING for change in share.planned)
        if disturbs and self._seen.knows(share.node.name):
            self._disturb(share)
        else:
            do(share, second_look(share))
            hold_gate(share, self._gate)

    def _disturb(self, share: Share) -> None:
        """The same for a node with work on it: in its turn, drained before, given back after its gate."""
        name = share.node.name
        with self._rollout.place(share.node):
            if self._stop:
                raise Halted("stopped by Ctrl-C before it was begun")
            server = self._server_for(name)
            try:
                changes = second_look(share)
                drain(share, server)
                if self._stop:
                    takes_pods = give_back(share, server)
                    now = "takes pods again" if takes_pods else "stays cordoned, as it was"
                    raise Halted(f"stopped by Ctrl-C after its drain; it {now}")
                do(share, changes)
                hold_gate(share, self._gate, server)
                give_back(share, server)
            except Halted:
                raise
            except Exception as error:
                self._rollout.failed(name, lost=isinstance(error, LostAtBoot))
                raise

    def _server_for(self, name: str) -> str:
        """A server that can cordon and drain this node: another one where there is one."""
        live = [
            n.name for n in self._cluster.servers if self._seen.answered(n.name) and self._seen[n.name].k3s.api_ready
        ]
        return next((server for server in live if server != name), name)

    def _skip(self, stage: Stage, name: str, reason: str) -> None:
        self._skipped[name] = reason
        self._emit(NodeSkipped(stage.title, name, reason))

    def _fail(self, stage: Stage, node: Node, error: Exception) -> None:
        known = as_clustr_error(node.name, error)
        self._failed[node.name] = known
        if node.has(Role.SERVER) and stage.at_once == 1:
            self._server_down = node.name
        change = error.change if isinstance(error, GoalFailed) else None
        line = error.line if isinstance(error, GoalFailed) else 0
        self._emit(
            NodeFailed(
                stage.title, node.name, change.component if change else "", change.goal if change else "", line,
                known.problem, known.detail, known.remedy, self._log(node.name),
            )
        )  # fmt: skip

"""Runs checks on one node. The loop over nodes is the engine's."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from clustr.checks.backend import ClustrBackend, Host, host_of
from clustr.checks.check import Check, CheckFailed, CouldNotLook, DoesNotApply, Finding, Severity, State
from clustr.checks.learning import Learning
from clustr.errors import ClustrError, UnreachableError
from clustr.inventory.model import Cluster, Node
from clustr.remote.connection import Connection


def check_node(
    checks: Sequence[Check],
    cluster: Cluster,
    node: Node,
    connection: Connection,
    *,
    learning: Learning | None = None,
) -> list[Finding]:
    """What each check comes to on this node, in order; it raises nothing.

    One Learning shared by the nodes of a run lets all but the first of a kind be asked in one script.
    """
    backend = ClustrBackend(node, connection)
    look = _Looking(cluster, node, host_of(backend))
    applying = tuple(check.id for check in checks if check.on(cluster, node) is None)
    # Nodes of a class are machines of a kind: those with GPUs are asked more than others.
    lesson, first = (learning or Learning()).lesson((node.class_name or "", *applying))
    if applying and not first:
        look.prefetch(lambda: backend.fetch([pattern.on(node) for pattern in lesson.patterns()]))
    try:
        return [look.at(each) for each in checks]
    finally:
        if first:
            lesson.teach(backend.asked.values())


def not_reached(node: Node, error: ClustrError) -> Finding:
    """The one finding about a node that no check can look at."""
    evidence = "\n".join(filter(None, (error.problem, error.detail)))
    says, check = "the node answers over SSH", "ssh.answers"
    return Finding(check, says, node.name, State.UNKNOWN, evidence, error.remedy, Severity.FAILURE, "")


class _Looking:
    """One node under inspection. Once its line is cut, nothing more is asked of it."""

    def __init__(self, cluster: Cluster, node: Node, host: Host) -> None:
        self.cluster, self.node, self.host = cluster, node, host
        self.lost: UnreachableError | None = None

    def prefetch(self, fetch: Callable[[], None]) -> None:
        try:
            fetch()
        except UnreachableError as error:
            self.lost = error
        except Exception:  # noqa: S110 - what is not there is asked for again, and told by the check that needs it
            pass

    def at(self, check: Check) -> Finding:
        started = time.monotonic()
        state, evidence = self._state(check)
        fix = check.fix.replace("{node}", self.node.name)
        finding = Finding(check.id, check.says, self.node.name, state, evidence, fix, check.severity, check.source)
        return replace(finding, seconds=time.monotonic() - started)

    def _state(self, check: Check) -> tuple[State, str]:
        try:
            reason = check.on(self.cluster, self.node)
            return (State.SKIPPED, reason) if reason is not None else self._look(check)
        except UnreachableError as error:
            self.lost = error
            return State.UNKNOWN, error.problem
        except ClustrError as error:
            return State.UNKNOWN, error.problem
        except Exception as error:  # whatever else went wrong, it has not seen that all is well
            return State.UNKNOWN, f"{type(error).__name__}: {error}"

    def _look(self, check: Check) -> tuple[State, str]:
        if self.lost:
            return State.UNKNOWN, self.lost.problem
        try:
            return State.OK, check.look(self.host, self.node, self.cluster)
        except CheckFailed as failed:
            return State.WARNING if check.severity is Severity.WARNING else State.FAILED, str(failed)
        except DoesNotApply as reason:
            return State.SKIPPED, str(reason)
        except CouldNotLook as error:
            return State.UNKNOWN, str(error)

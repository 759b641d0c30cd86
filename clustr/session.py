"""What every command that talks to nodes begins with: the inventory, connections, events, a run folder."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol

from clustr.engine.events import Emit, Event, NodeStatus
from clustr.engine.fleet import Fleet
from clustr.engine.preflight import Name
from clustr.engine.stage import Stage
from clustr.errors import ClustrError, UsageError
from clustr.inventory.load import load
from clustr.inventory.model import Cluster
from clustr.inventory.secrets import Secret
from clustr.remote.lock import Holder, this_run
from clustr.remote.open_files import allow_connections
from clustr.views.journal import Journal
from clustr.views.masking import Mask, masked


class View(Protocol):
    """What shows a run to a person or a program."""

    def emit(self, event: Event) -> None: ...

    def ask_passphrase(self, key: Path) -> Secret | None:
        """The passphrase of an encrypted key, None where nobody can be asked."""


@dataclass(frozen=True)
class Options:
    """What a person chose on the command line, the same for every command that has it."""

    limit: tuple[str, ...] = ()  # globs of node names; (): all
    ignore: frozenset[str] = frozenset()  # names of preflight findings
    only: tuple[str, ...] = ()  # globs of check ids; (): all
    stages: tuple[Stage, ...] | None = None  # None: the product's own; tests add theirs

    def ignored(self) -> frozenset[str]:
        """The findings that --ignore names; raises UsageError where it names none that there is."""
        for name in sorted(self.ignore - set(Name)):
            raise UsageError(f"--ignore {name} names no preflight finding", f"there are: {', '.join(Name)}")
        return self.ignore

    def chosen(self, cluster: Cluster) -> frozenset[str] | None:
        """The nodes that --limit names, None for all; raises UsageError where a glob names none."""
        if not self.limit:
            return None
        names = [node.name for node in cluster.nodes]
        for glob in self.limit:
            if not any(fnmatchcase(name, glob) for name in names):
                raise UsageError(f"--limit {glob} names no node of {cluster.name}", f"its nodes: {', '.join(names)}")
        return frozenset(name for name in names if any(fnmatchcase(name, glob) for glob in self.limit))


@dataclass(frozen=True)
class Session:
    """One command at work on one cluster."""

    cluster: Cluster
    fleet: Fleet
    emit: Emit
    journal: Journal
    mask: Mask
    run: Holder  # this one, as other runs are told of it


@contextmanager
def session(path: Path, view: View, command: str) -> Iterator[Session]:
    """Raises InventoryError before anything is contacted; closes all connections at the end.

    No secret leaves it: neither in an event, nor in the words of an error.
    """
    from clustr.remote.ssh import Network

    cluster = load(path)
    allow_connections(len(cluster.nodes))
    mask = Mask(_inventory_secrets(cluster))
    with Journal(cluster.name, command) as journal:
        emit = masked(_both(view.emit, journal.emit), mask)
        network = Network(ask=view.ask_passphrase, tell=lambda node, why: emit(NodeStatus(node, why)))
        fleet = Fleet(cluster, network.open)
        try:
            yield Session(cluster, fleet, emit, journal, mask, this_run(secrets.token_hex(6), command))
        except ClustrError as error:
            error.problem, error.detail = mask.text(error.problem), mask.text(error.detail)
            raise
        finally:
            fleet.close()
            network.close()


def _both(*emits: Callable[[Event], None]) -> Emit:
    def emit(event: Event) -> None:
        for each in emits:
            each(event)

    return emit


def _inventory_secrets(cluster: Cluster) -> list[Secret]:
    found = {
        secret.reveal()
        for node in cluster.nodes
        for secret in (node.ssh.password, node.ssh.passphrase, node.sudo.password)
        if secret
    } | {word for node in cluster.nodes for word in node.artifacts.secrets}
    return [Secret(value) for value in sorted(found)]

"""Nodes that did not answer. Alone they stop nothing: the others go on, and these are failed nodes in the end.

Where something else stops the run they are told with it, so that all is mended in one go.
"""

from __future__ import annotations

from collections.abc import Iterator

from clustr.engine.preflight.findings import Finding, Name
from clustr.errors import ClustrError, HostKeyError, LoginError, SudoError
from clustr.inventory.model import Cluster
from clustr.remote.facts import Seen


def silence(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    for node in cluster.nodes:
        if error := seen.silent.get(node.name):
            yield Finding(
                _name(error), node.name, error.problem, "\n  ".join([error.remedy, *error.detail.splitlines()])
            )


def _name(error: ClustrError) -> Name:
    match error:
        case HostKeyError():
            return Name.NODE_HOST_KEY
        case LoginError():
            return Name.NODE_LOGIN
        case SudoError():
            return Name.NODE_SUDO
        case _:
            return Name.NODE_UNREACHABLE

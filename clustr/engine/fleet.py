"""The connections of a run: each node reached once, held to the end, shared by all that is done there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from clustr.errors import CutError
from clustr.inventory.model import Cluster, Node
from clustr.remote.connection import Connection
from clustr.remote.waits import connect

Open = Callable[[Node], Connection]
Answer = TypeVar("Answer")


class Fleet:
    """Opens a node's connection when it is first asked for."""

    def __init__(self, cluster: Cluster, open: Open) -> None:
        self._cluster = cluster
        self._open = open
        self.closed = False
        self._held: dict[str, Connection] = {}
        self._locks: dict[str, threading.RLock] = {node.name: threading.RLock() for node in cluster.nodes}

    def __getitem__(self, node: str) -> Connection:
        with self._locks[node]:
            if node not in self._held:
                self._held[node] = self._open(self._cluster.node(node))
            return self._held[node]

    @property
    def held(self) -> Mapping[str, Connection]:
        """The connections that are open now; one that is opened anew takes its place here."""
        return self._held

    def reopen(self, node: str, broken: Connection | None = None) -> Connection:
        """A new connection in the old one's place, for a node that was cut off or has booted.

        With `broken` only in that one's place: somebody else may have opened another already.
        """
        with self._locks[node]:
            old = self._held.get(node)
            if old is not None and broken in (None, old):
                del self._held[node]
                old.close()
            return self[node]

    def over_a_cut(
        self,
        node: str,
        ask: Callable[[Connection], Answer],
        *,
        within: float = 0.0,
        tell: Callable[[], None] = lambda: None,
    ) -> Answer:
        """What `ask` says, over a new connection where the line is cut meanwhile: for what may be asked twice.

        The node is tried for `within` seconds then, once where that is 0; `tell` is called before.
        """
        line = self[node]
        try:
            return ask(line)
        except CutError:
            if self.closed:
                raise
        tell()
        return ask(connect(partial(self.reopen, node, line), within))

    def close(self) -> None:
        self.closed = True
        for connection in list(self._held.values()):  # what was left behind may open one meanwhile
            connection.close()
        self._held.clear()

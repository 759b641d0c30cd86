"""How many nodes with work on them may be disturbed at once, and when it stops."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from clustr.inventory.model import Cluster, Node, Role


class Halted(Exception):
    """No further node is disturbed; str() says why."""


class RolloutGate:
    """Binds the nodes that the cluster already knows and whose changes disrupt; never more than one server at once."""

    def __init__(self, cluster: Cluster, known: int) -> None:
        self._places = threading.Semaphore(cluster.rollout.width(known))
        self._server = threading.Lock()
        self._max_failures = cluster.rollout.max_failures
        self._failures = 0
        self._halted = ""
        self._lock = threading.Lock()

    @contextmanager
    def place(self, node: Node) -> Iterator[None]:
        """Waits for a free place; raises Halted where too many have failed by then."""
        with self._places:
            if node.has(Role.SERVER):
                with self._server:
                    self._enter()
                    yield
            else:
                self._enter()
                yield

    def _enter(self) -> None:
        with self._lock:
            if self._halted:
                raise Halted(self._halted)

    def failed(self, node: str, *, lost: bool = False) -> None:
        """Counts a refused drain, a failed goal or a red gate; `lost` is a node that did not come back from a boot."""
        with self._lock:
            self._failures += 1
            if lost:
                self._halted = f"{node} did not come back from its reboot"
            elif self._failures > self._max_failures:
                nodes = "1 node" if self._failures == 1 else f"{self._failures} nodes"
                self._halted = f"{nodes} failed, rollout.max_failures is {self._max_failures}"

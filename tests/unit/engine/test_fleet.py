"""The connections of a run, at its end."""

from __future__ import annotations

from clustr.engine.fleet import Fleet
from clustr.inventory.model import Node
from tests.unit.engine.things import cluster_of


def test_what_a_thread_that_was_left_behind_opens_meanwhile_does_not_end_the_closing() -> None:
    """As after the second Ctrl-C, which nothing may take the place of."""

    class Line:
        def __init__(self, node: str) -> None:
            self.node = node

        def close(self) -> None:
            closed.append(self.node)
            fleet["n1"]  # as another thread does

    def open_line(node: Node) -> Line:
        return Line(node.name)

    closed: list[str] = []
    fleet = Fleet(cluster_of("cp1", "n1"), open_line)  # type: ignore[arg-type]
    assert fleet["cp1"]
    fleet.close()
    assert closed == ["cp1"]

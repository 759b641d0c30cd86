"""The connections of a run, at its end."""

from __future__ import annotations

from clustr.engine.fleet import Fleet
from clustr.inventory.model import Node
from tests.unit.engine.things import cluster_of


def test_what_a_thread_that_was_left_behind_opens_meanwhile_does_not_end_the_closing() -> None:
    """As after the second Ctrl-C, which nothing may take the place of."""

    class Line:
        def close(self) -> None:
            closed.append(self)
            fleet["n1"]  # as another thread does

    def open_line(_node: Node) -> Line:
        return Line()

    closed: list[Line] = []
    fleet = Fleet(cluster_of("cp1", "n1"), open_line)  # type: ignore[arg-type]
    first = fleet["cp1"]
    fleet.close()
    assert closed == [first]

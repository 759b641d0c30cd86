"""The bench's rows as a person reads them."""

from __future__ import annotations

import os
from collections.abc import Sequence

from tests.bench.case import Row

COLUMNS = (
    "case     nodes  run    tool               wall s   x clustr   x loop    cpu s   peak MB   conn   execs"
    "   nodes' cpu s"
)


def head() -> str:
    """What the machine was like: ratios of one run can be compared, seconds of two cannot."""
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    return (
        f"simulated nodes: {os.cpu_count()} cores for tool and nodes together, load average {load} before it began\n"
        "a line with a round trip of 30 ms, half of it in each direction, and one more for TCP's handshake\n"
        "x clustr, x loop: wall time against clustr's and the bare loop's on the same case (the loop only looks, so\n"
        "a first run stands against its one look too); conn, execs: per host"
    )


def line(row: Row, clustr: float = 0.0, loop: float = 0.0) -> str:
    """One row; what is not whole is marked, and counts for nothing."""
    ratios = [f"{row.wall_s / other:8.2f}" if other else f"{'':8}" for other in (clustr, loop)]
    return (
        f"{row.case:8} {row.nodes:5}  {row.run:6} {row.tool:16} {row.wall_s:8.2f}   {ratios[0]}   {ratios[1]}"
        f" {row.cpu_s:8.1f}  {row.peak_mb:8.1f}  {row.connections:5.1f}  {row.execs:6.1f}   {row.nodes_cpu_s:8.1f}"
        + ("" if row.whole else "   stopped, or not whole")
    )


def whole(rows: Sequence[Row]) -> str:
    found = [COLUMNS]
    for row in rows:
        found.append(line(row, wall(rows, row, "clustr"), wall(rows, row, "bare loop")))
    return "\n".join(found)


def wall(rows: Sequence[Row], like: Row, tool: str) -> float:
    """Seconds that this tool took for the same; 0 where it was not measured."""
    same = [row for row in rows if (row.tool, row.case, row.nodes) == (tool, like.case, like.nodes)]
    return next((row.wall_s for row in same if row.run == like.run or tool == "bare loop"), 0.0)

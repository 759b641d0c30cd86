"""Whether the aims are met, and where one is missed, what holds it back, from what was measured."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from tests.bench.case import Again, Case, Row

Profiles = Mapping[tuple[Case, Again], Sequence[str]]  # lines of profiled.py, where a run was looked at

LOOP = {(Case.COMMAND, Again.FIRST): 1.3, (Case.FACTS, Again.FIRST): 1.3, (Case.WORK, Again.AGAIN): 1.5}
FASTER = {"pyinfra": 5.0, "ansible": 20.0, "ansible+mitogen": 0.0}  # 0: no aim was set
MEMORY = 300.0  # MB at 1,000 nodes
GROWTH = 1.3  # time per node, against that at a tenth of the nodes


def told(rows: Sequence[Row], profiles: Profiles | None = None) -> str:
    """A line for each aim; under one that is missed, what holds it back."""
    looked = profiles or {}
    return "\n".join([*_loops(rows, looked), *_peers(rows, looked), *_growth(rows, looked)])


def misses_the_loop(rows: Sequence[Row], case: Case, run: Again) -> bool:
    ours, loop = _row(rows, case, run, "clustr"), _row(rows, case, run, "bare loop")
    return bool(ours and loop and (case, run) in LOOP and ours.wall_s / loop.wall_s >= LOOP[case, run])


def misses_a_peer(rows: Sequence[Row], run: Again) -> bool:
    ours = _row(rows, Case.WORK, run, "clustr")
    others = {tool: _row(rows, Case.WORK, run, tool) for tool in FASTER}
    return any(ours and other and other.wall_s / ours.wall_s < FASTER[tool] for tool, other in others.items())


def misses_growth(rows: Sequence[Row]) -> bool:
    return any(line.startswith("MISSED") for line in _growth(rows, {}))


def _loops(rows: Sequence[Row], profiles: Profiles) -> Iterator[str]:
    for (case, run), aim in LOOP.items():
        ours, loop = _row(rows, case, run, "clustr"), _row(rows, case, run, "bare loop")
        if ours and loop:
            ratio = ours.wall_s / loop.wall_s
            name = f"{case}, {run}, {ours.nodes} nodes: {ratio:.2f} times the bare loop (aim: under {aim})"
            yield _verdict(name, ratio < aim)
            if ratio >= aim:
                yield "    " + _held_back(ours, loop)
                yield from _profile(profiles, case, run)


def _held_back(ours: Row, loop: Row) -> str:
    cores = os.cpu_count() or 1
    least = (ours.cpu_s + ours.nodes_cpu_s) / cores
    return (
        f"clustr's process took {ours.cpu_s:.1f} s of CPU (the loop's {loop.cpu_s:.1f}), the nodes "
        f"{ours.nodes_cpu_s:.1f} s ({loop.nodes_cpu_s:.1f}) for {ours.execs:.1f} execs each ({loop.execs:.1f}): "
        f"{least:.1f} s at least on {cores} cores, and it took {ours.wall_s:.1f}"
    )


def _peers(rows: Sequence[Row], profiles: Profiles) -> Iterator[str]:
    for run in Again:
        ours = _row(rows, Case.WORK, run, "clustr")
        for tool, aim in FASTER.items():
            other = _row(rows, Case.WORK, run, tool)
            if ours and other:
                ratio = other.wall_s / ours.wall_s
                least = "" if other.whole else "at least "  # it was stopped before it was through
                faster = f"work, {run}: {least}{ratio:.1f} times as fast as {tool}"
                yield _verdict(f"{faster} (aim: {aim:.0f})", ratio >= aim) if aim else f"        {faster}"
                if ratio < aim and other.whole:
                    yield "    " + _beside(ours, other)
        if misses_a_peer(rows, run):
            yield from _profile(profiles, Case.WORK, run)


def _beside(ours: Row, other: Row) -> str:
    return (
        f"execs per host: {ours.execs:.1f} against {other.execs:.1f}; "
        f"the nodes' CPU: {ours.nodes_cpu_s:.1f} s against {other.nodes_cpu_s:.1f}; "
        f"the tool's own: {ours.cpu_s:.1f} s against {other.cpu_s:.1f}; nodes and tool share "
        f"{os.cpu_count()} cores here, so what the nodes do weighs as if they were one machine"
    )


def _profile(profiles: Profiles, case: Case, run: Again) -> Iterator[str]:
    yield from (f"    {line}" for line in profiles.get((case, run), ()))


def _growth(rows: Sequence[Row], profiles: Profiles) -> Iterator[str]:
    plans = sorted((row for row in rows if row.case is Case.PLAN), key=lambda row: row.nodes)
    if not plans:
        return
    most = plans[-1]
    yield _verdict(f"{most.peak_mb:.0f} MB at {most.nodes} nodes (aim: under {MEMORY:.0f})", most.peak_mb < MEMORY)
    for case in (Case.FACTS, Case.PLAN):
        found = sorted(
            (row for row in rows if row.case is case and row.tool == "clustr" and row.run is Again.AGAIN),
            key=lambda row: row.nodes,
        )
        per_node = ", ".join(f"{row.wall_s / row.nodes * 1000:.1f} ms at {row.nodes}" for row in found)
        steps = [(after.wall_s / after.nodes) / (row.wall_s / row.nodes) for row, after in pairwise(found)]
        told = f"{case} grows in line with nodes: {per_node} (aim: under {GROWTH} times at ten times the nodes)"
        yield _verdict(told, all(step < GROWTH for step in steps))
    yield from _profile(profiles, Case.PLAN, Again.AGAIN)


def _row(rows: Sequence[Row], case: Case, run: Again, tool: str) -> Row | None:
    found = [row for row in rows if (row.case, row.run, row.tool) == (case, run, tool)]
    return found[0] if found else None


def _verdict(name: str, met: bool) -> str:
    return f"{'met   ' if met else 'MISSED'}  {name}"

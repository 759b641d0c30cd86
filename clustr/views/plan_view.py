"""A plan as a person reads it: what is equal on many nodes is shown once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from clustr.engine.goal import Disrupts
from clustr.engine.plan import Blind, Change, Kind, Plan, StagePlan
from clustr.inventory.ranges import fold
from clustr.views.layout import cut, wrapped
from clustr.views.screen import DIFF_INDENT
from clustr.views.units import count, duration, several

SIGNS = {Kind.ADD: "+", Kind.CHANGE: "~", Kind.REMOVE: "-"}
WIDEST_COMPONENT, WIDEST_DETAIL = 16, 48  # columns that are lined up; what is longer sticks out
NARROW, WIDE = 80, 120  # widths of a line between which the goals' column grows
FOR_DETAIL = 30  # columns that the goals leave to the detail
KEYED = re.compile(r"([A-Za-z][\w.+:/-]*)[ =](\S+)")
LONG = 12  # lines of a diff that are shown without --diff
INDENT = " " * DIFF_INDENT


@dataclass(frozen=True)
class Row:
    """A change in a line: `detail` may be cut, the rest never. Changes with equal rows are shown once."""

    sign: str
    component: str
    goal: str
    detail: str
    disrupts: str
    below: tuple[str, ...]
    diff: str  # the whole of one that is shown in part, so that equal beginnings do not pass for equal files
    notes: tuple[str, ...] = ()  # what the changes of these nodes say besides; never cut


@dataclass(frozen=True)
class Widths:
    line: int
    component: int
    goal: int
    detail: int


def plan_lines(plan: Plan, *, width: int, whole: bool = False) -> list[str]:
    """The plan up to its sum; `whole`: long diffs are not cut."""
    stages = [(stage.title, _folded(stage, plan, whole)) for stage in plan.stages if stage.changes]
    widths = _widths(width, [row for _, groups in stages for _, rows in groups for row in rows])
    lines = _head(plan, width)
    for title, groups in stages:
        lines += ["", title]
        for names, rows in groups:
            lines += [*wrapped(names.split(" "), width, "  "), *(line for row in rows for line in _draw(row, widths))]
    return [*lines, *_unknown(plan.blind, width), "", *wrapped(_sum(plan).split(" "), width, "")]


def nothing_to_do(plan: Plan, inventory: str, seconds: float) -> str:
    nodes = count(len(_nodes(plan)), "node")
    return f"{plan.cluster} is as {inventory} says: {nodes}, {count(plan.goals, 'goal')}, {duration(seconds)}."


def _head(plan: Plan, width: int) -> list[str]:
    """Cluster, nodes by role, versions; on two lines where one is too narrow."""
    scope = plan.scope
    roles = ((scope.servers, "server"), (scope.agents, "agent"), (scope.monitors, "monitor"))
    parts = [
        plan.cluster,
        ", ".join(count(number, role) for number, role in roles if number),
        ", ".join(scope.versions),
    ]
    line = "   ".join(part for part in parts if part)
    return [line] if len(line) <= width else ["   ".join(parts[:2]), " " * (len(plan.cluster) + 3) + parts[2]]


def _nodes(plan: Plan) -> list[str]:
    return list(dict.fromkeys(node for stage in plan.stages for node in stage.nodes))


def _folded(stage: StagePlan, plan: Plan, whole: bool) -> list[tuple[str, list[Row]]]:
    """The stage's changes as rows, each once, under the nodes that have it: ("gpu[01-16]", rows)."""
    on: dict[Row, list[Change]] = {}
    for change in stage.changes:
        on.setdefault(_row(change, plan, whole), []).append(change)
    order = list(dict.fromkeys((*stage.nodes, *(change.node for change in stage.changes))))
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row, changes in on.items():
        nodes = tuple(sorted({change.node for change in changes}, key=order.index))
        groups.setdefault(nodes, []).append(replace(row, notes=_notes(changes)))
    return [(fold(nodes), rows) for nodes, rows in groups.items()]


def _notes(changes: Sequence[Change]) -> tuple[str, ...]:
    """What equal changes say besides; where that differs from node to node, whose it is."""
    said: dict[str, list[str]] = {}
    for change in changes:
        said.setdefault(change.note, []).append(change.node)
    if len(said) == 1:
        return tuple(note for note in said if note)
    return tuple(f"{fold(nodes)}: {note}" for note, nodes in said.items() if note)


def _row(change: Change, plan: Plan, whole: bool) -> Row:
    detail, below = _detail(change, whole)
    return Row(
        SIGNS[change.kind],
        change.component,
        change.goal,
        detail,
        _disrupts(change, plan),
        tuple(below),
        change.diff if below else "",
    )


def _disrupts(change: Change, plan: Plan) -> str:
    """Only nodes of the running cluster have work that is drained first."""
    drains = ("drains",) if change.disrupts > Disrupts.NOTHING and change.on in plan.scope.known else ()
    reboots = ("reboots",) if change.disrupts is Disrupts.REBOOT else ()
    return ", ".join(drains + reboots)


def _detail(change: Change, whole: bool) -> tuple[str, list[str]]:
    """What stands beside the goal, and the lines below it."""
    if change.known:
        return f"known after {change.known}", []
    if change.kind is Kind.REMOVE:
        return change.after or "removed", []
    if change.diff:
        return _of_diff(change, whole)
    if change.after is None:
        return "not shown", []
    return _of_values(change), []


def _of_diff(change: Change, whole: bool) -> tuple[str, list[str]]:
    lines = change.diff.splitlines()
    access = f"{change.before} -> {change.after}" if change.before != change.after else ""
    if change.kind is Kind.ADD:
        detail = count(sum(line.startswith("+") for line in lines), "line")
        return detail, [INDENT + line for line in lines] if whole else []
    shown = lines if whole or len(lines) <= LONG else lines[: LONG - 2]
    rest = len(lines) - len(shown)
    more = [f"... {count(rest, 'more line')}"] if rest else []
    return access, [INDENT + line for line in (*shown, *more)]


def _of_values(change: Change) -> str:
    """before -> after; of answers with several lines (packages and their states) only the lines that differ."""
    old, new = (change.before or "").splitlines(), (change.after or "").splitlines()
    before, after = [line for line in old if line not in new], [line for line in new if line not in old]
    keys = [_key(line) for line in before]
    if all(keys) and keys == [_key(line) for line in after]:
        return _pairs(change, before, after)
    adds = change.kind is Kind.ADD or not before
    return "; ".join(after) if adds else f"{'; '.join(before)} -> {'; '.join(after)}"


def _pairs(change: Change, before: Sequence[str], after: Sequence[str]) -> str:
    """conntrack, socat: absent -> installed"""
    keys: dict[str, list[str]] = {}
    for old, new in zip(before, after, strict=True):
        value = _value(new) if change.kind is Kind.ADD else f"{_value(old)} -> {_value(new)}"
        keys.setdefault(value, []).append(_key(old))
    named = [(", ".join(names), values) for values, names in keys.items()]
    return "; ".join(values if change.goal.endswith(names) else f"{names}: {values}" for names, values in named)


def _key(line: str) -> str:
    """The name in `name state` or `name=value`; "" where a line is no such pair."""
    found = KEYED.fullmatch(line)
    return found[1] if found else ""


def _value(line: str) -> str:
    found = KEYED.fullmatch(line)
    return found[2] if found else line


def _widths(width: int, rows: Sequence[Row]) -> Widths:
    """Columns as wide as their longest word, but not more than they may be; the detail gets what is left."""
    component = _longest((row.component for row in rows), WIDEST_COMPONENT)
    most = min(max(width, NARROW), WIDE) - len("    + ") - component - len("     ") - FOR_DETAIL
    goal = _longest((row.goal for row in rows), most)
    detail = _longest((row.detail for row in rows if row.disrupts), WIDEST_DETAIL)
    return Widths(width, component, goal, detail)


def _longest(words: Iterable[str], most: int) -> int:
    return max((len(word) for word in words if len(word) <= most), default=0)


def _draw(row: Row, widths: Widths) -> list[str]:
    front = f"    {row.sign} {row.component:<{widths.component}}  {row.goal:<{widths.goal}}   "
    end = f"     {row.disrupts}" if row.disrupts else ""
    detail = cut(row.detail, max(widths.line - len(front) - len(end), 0))
    if end:
        detail = f"{detail:<{min(widths.detail, max(widths.line - len(front) - len(end), 0))}}"
    notes = [line for note in row.notes for line in wrapped(note.split(" "), widths.line, INDENT)]
    return [f"{front}{detail}{end}".rstrip(), *notes, *row.below]


def _unknown(blind: Sequence[Blind], width: int) -> list[str]:
    """Goals that could not be looked at, by what hinders; nodes with the same hindrance are shown once."""
    same: dict[tuple[str, str, str], list[str]] = {}
    for each in blind:
        same.setdefault((each.component, each.goal, each.error), []).append(each.node)
    lines = [""] if blind else []
    for (component, goal, error), nodes in same.items():
        lines += wrapped([f"? {fold(nodes)}  ", f"{component},", goal], width, "")
        lines += [f"    could not look: {error}"]
    return lines


def _sum(plan: Plan) -> str:
    changes = plan.changes
    text = f"{count(len(changes), 'change')} on {count(len({change.node for change in changes}), 'node')}."
    disrupted = [change for change in changes if change.disrupts > Disrupts.NOTHING]
    drained = {change.on for change in disrupted if change.on in plan.scope.known}
    rebooted = {change.on for change in disrupted if change.disrupts is Disrupts.REBOOT}
    if drained or rebooted:
        how = " and ".join(
            f"{count(len(nodes), 'node')} {several(len(nodes), 'is', 'are')} {what}"
            for nodes, what in _by_fate(drained, rebooted)
        )
        text += f" {how}" + (f", {plan.scope.at_once} at a time." if drained else ".")
    if plan.blind:
        text += f" {count(len(plan.blind), 'goal')} could not be looked at."
    return text


def _by_fate(drained: set[str], rebooted: set[str]) -> list[tuple[set[str], str]]:
    fates = (
        (drained & rebooted, "drained and rebooted"),
        (drained - rebooted, "drained"),
        (rebooted - drained, "rebooted"),
    )
    return [(nodes, what) for nodes, what in fates if nodes]

"""What the checks came to: failures first, each with its evidence and the command that mends it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clustr.checks.check import Finding, State
from clustr.inventory.ranges import fold
from clustr.results import Health
from clustr.views.commands import copyable
from clustr.views.layout import folded, wrapped
from clustr.views.units import count, duration, several

SIGNS = {State.FAILED: "✗", State.WARNING: "!", State.UNKNOWN: "?"}
WORDS = ((State.FAILED, "failure", "failures"), (State.WARNING, "warning", "warnings"), (State.UNKNOWN, "unknown", ""))


def doctor_lines(health: Health, inventory: Path, width: int) -> list[str]:
    head = f"{health.cluster}   {count(health.nodes, 'node')}, {count(health.checks, 'check')}"
    blocks = [_grouped(health.findings, state) for state in SIGNS]
    same = [group for groups in blocks for group in groups]
    names = max((len(group[0].check) for group in same), default=0)
    lines = [f"{head}, {duration(health.seconds)}", ""]
    for group in same:
        lines += _block(group, names, inventory, width)
    return [*lines, *wrapped(_holding(health.findings).split(" "), width, ""), "", _sum(health.findings)]


def _grouped(findings: Sequence[Finding], state: State) -> list[list[Finding]]:
    """Findings of one state; those that say the same of several nodes are together."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for each in findings:
        if each.state is state:
            groups.setdefault((each.check, each.evidence, _of_any(each)), []).append(each)
    place = {each.check: number for number, each in reversed(list(enumerate(findings)))}
    return sorted(groups.values(), key=lambda group: place[group[0].check])


def _of_any(finding: Finding) -> str:
    return finding.fix.replace(finding.node, "NODE") if finding.node else finding.fix


def _block(group: Sequence[Finding], names: int, inventory: Path, width: int) -> list[str]:
    """Check and nodes, then what was found, then what to do. Too narrow a terminal gets them on lines of their own."""
    first = group[0]
    nodes = [each.node for each in group if each.node]
    front = f"{SIGNS[first.state]} {first.check:<{names}}   {fold(nodes)}".rstrip()
    indent = " " * (names + 5)
    evidence = (first.evidence or first.says).splitlines() or [""]
    if first.state is State.UNKNOWN and not evidence[0].startswith("could not look"):
        evidence[0] = f"could not look: {evidence[0]}"
    lines = [f"{front:<{len(indent) + 11}}   {evidence[0]}"]
    if len(lines[0]) > width:
        lines = [front, *wrapped(evidence[0].split(" "), width, indent)]
    lines += [indent + line for line in evidence[1:]]
    fix = first.fix.replace(f"--limit {first.node}", " ".join(f"--limit {name}" for name in nodes))
    fix = copyable(fix, inventory)
    return lines + (folded(fix, width, indent) if fix else [])


def _holding(findings: Sequence[Finding]) -> str:
    """A check holds where it is ok on every node that it applies to."""
    bad = {each.check for each in findings if each.state in SIGNS}
    good = {each.check for each in findings if each.state is State.OK} - bad
    skipped = [each for each in findings if each.state is State.SKIPPED]
    never = {each.check for each in skipped} - {each.check for each in findings if each.state is not State.SKIPPED}
    text = f"✓ {count(len(good), 'check')} {several(len(good), 'holds', 'hold')}"
    return f"{text}; {len(never)} skipped ({_reasons(skipped, never)})" if never else text


def _reasons(skipped: Sequence[Finding], never: set[str]) -> str:
    reasons: dict[str, list[str]] = {}
    for each in skipped:
        if each.check in never:
            reasons.setdefault(each.evidence, []).append(each.node)
    return "; ".join(f"{reason} on {fold(nodes)}" for reason, nodes in reasons.items())


def _sum(findings: Sequence[Finding]) -> str:
    """Counts what is shown above it: the same finding on many nodes is one."""
    if not findings:
        return "not known to be healthy: nothing was checked."
    numbers = [(len(_grouped(findings, state)), one, many) for state, one, many in WORDS]
    bad = ", ".join(f"{number} {several(number, one, many or one)}" for number, one, many in numbers if number)
    failed, _, unknown = (number for number, _, _ in numbers)
    word = "unhealthy" if failed else "not known to be healthy" if unknown else "healthy"
    return f"{word}: {bad}." if bad else f"{word}."

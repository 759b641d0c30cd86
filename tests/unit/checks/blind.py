"""Takes away what the checks need, one thing at a time, and collects every check that says ok all the same.

Nothing here rests on `assert`, so that it also runs under `python -O`, where testinfra's own expectations are gone:
python -O -m tests.unit.checks.blind
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from clustr.checks.catalogue import all_checks
from clustr.checks.check import Check, State
from clustr.checks.questions import Answer
from clustr.checks.run import check_node
from clustr.inventory.model import Cluster, Node
from tests.unit.checks.recorded import Spoken, recorded_answers, recorded_cluster, recorded_nodes

SILENT_WHEN_WELL = (  # commands whose empty answer is one
    "systemctl list-units --state=failed",
    "swapon ",
    "find /run -maxdepth 1 -name 'reboot-required*'",
)
AWAY: Mapping[str, Answer | None] = {
    "not found": Answer(127, "", "bash: line 1: it: command not found\n"),
    "not executable": Answer(126, "", "bash: line 1: /usr/bin/it: Permission denied\n"),
    "refused": Answer(1, "", "it: open /proc/1/x: Permission denied\n"),
    "refused, but status 0": Answer(0, "", "it: Operation not permitted\n"),
    "too slow": Answer(124, "", ""),
    "killed": Answer(137, "", ""),
    "failed": Answer(1, "", ""),
    "crashed": Answer(139, "partial", ""),
    "nothing": Answer(0, "", ""),
    "nonsense": Answer(0, "\x00 nobody = can\nread ;; this\n", ""),
    "no answer": None,
}


@dataclass
class Outcome:
    """`states` counts what the checks came to while something was away."""

    well: list[str] = field(default_factory=list)  # node, check: ok while nothing was away
    unwell: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # ok although it could not look
    states: dict[str, int] = field(default_factory=dict)


def look_blind() -> Outcome:
    cluster, outcome = recorded_cluster(), Outcome()
    for node in recorded_nodes(cluster):
        answers = recorded_answers(node.name)
        for each in all_checks():
            state, asked, evidence = look(each, cluster, node, answers)
            if state is State.SKIPPED:
                continue
            (outcome.well if state is State.OK else outcome.unwell).append(f"{node.name} {each.id}: {evidence}")
            for command, name, without in lessened(answers, asked):
                came_to = look(each, cluster, node, without)[0]
                outcome.states[came_to] = outcome.states.get(came_to, 0) + 1
                if came_to is State.OK:
                    outcome.wrong.append(f"{node.name} {each.id} is ok with {name}: {command}")
    return outcome


def look(check: Check, cluster: Cluster, node: Node, answers: Mapping[str, Answer]) -> tuple[State, list[str], str]:
    connection = Spoken(answers)
    (finding,) = check_node([check], cluster, node, connection)
    return finding.state, [command for script in connection.asked for command in script], finding.evidence


def lessened(answers: Mapping[str, Answer], asked: list[str]) -> Iterator[tuple[str, str, Mapping[str, Answer]]]:
    """The answers with one of them replaced, in each way that says nothing."""
    for command in asked:
        for name, instead in AWAY.items():
            if name == "nothing" and command.startswith(SILENT_WHEN_WELL):
                continue
            kept = {known: answer for known, answer in answers.items() if known != command}
            yield command, name, kept if instead is None else {**kept, command: instead}


if __name__ == "__main__":
    json.dump({"optimized": not __debug__, **vars(look_blind())}, sys.stdout)

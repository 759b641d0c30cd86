"""Probe and apply scripts, and what their output means. Pure: text in, text out."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise

from clustr.engine.goal import Goal
from clustr.families.model import Manager
from clustr.remote.facts import Record
from clustr.templates import render, text

_NUMBER = re.compile(r"-?[0-9]{1,9}")


@dataclass(frozen=True)
class Answer:
    """What a probe printed. A probe that could not look has `error` and no text."""

    text: str
    error: str = ""


@dataclass(frozen=True)
class Work:
    """One goal's place in an apply script: its record, then its apply; or its undo, then its record's end."""

    component: str
    name: str
    script: str
    manager: Manager | None = None
    uses: tuple[str, ...] = ()


class Status(StrEnum):
    DONE = "done"
    REBOOT = "reboot"
    FAILED = "failed"
    CUT = "cut"


@dataclass(frozen=True)
class Verdict:
    """How an apply script ended: which goals are done, and where it failed."""

    run_id: str
    status: Status
    done: tuple[int, ...] = ()
    failed: int = -1
    line: int = 0
    command: str = ""
    goal: str = ""  # that failed, by name: for a run that does not know the plan


def new_nonce() -> str:
    return secrets.token_hex(8)


def probe_script(goals: Sequence[Goal], nonce: str) -> str:
    """One script for all probes. `nonce` marks the answers apart, so that no file's content can pass for one."""
    return render(
        "engine/probe.sh",
        goals=goals,
        nonce=nonce,
        functions=text("engine/probes.sh"),
        prelude=_prelude(goals),
        files=_asked_about(goals, "probe_file", "probe_secret_file"),
        units=_asked_about(goals, "probe_enabled", "probe_started"),
    )


def _asked_about(goals: Sequence[Goal], *probes: str) -> list[str]:
    """The files or units that these functions are called with."""
    asked = (goal.probe for goal in goals if goal.probe.partition(" ")[0] in probes)
    return list(dict.fromkeys(map(_first_argument, asked)))


@lru_cache(maxsize=4096)
def _first_argument(command: str) -> str:
    """Most nodes are asked the same: taking a command's words apart once for all is a tenth of a plan's own time."""
    return shlex.split(command)[1]


def read_answers(output: str, nonce: str, count: int) -> list[Answer]:
    """The answers in a probe script's output, in the goals' order; what is missing is an answer with an error."""
    answers = [Answer("", "the probe script ended before this probe")] * count
    places = {f"answer {number}": number for number in range(count)}
    parts = [part.partition("\n") for part in output.split(f"\n::{nonce} ")[:-1]]  # the last one may be cut
    for (mark, _, printed), (end, _, error) in pairwise(parts):
        word, _, status = end.rpartition(" ")
        if mark in places and word == f"status {places[mark]}":
            failed = f"status {status}: {error.strip()}" if status != "0" else ""
            answers[places[mark]] = Answer("" if failed else printed, failed)
    return answers


def apply_script(works: Sequence[Work], *, stage: str, node: str, run_id: str, reboots: bool) -> str:
    """One script for all the work of a stage on a node. It ends where a goal needs a boot."""
    functions = text("engine/probes.sh") + "\n" + text("engine/applies.sh")
    return render(
        "engine/apply.sh",
        works=works,
        stage=stage,
        node=node,
        run_id=run_id,
        reboots=reboots,
        functions=functions,
        prelude=_prelude(works),
    )


def start_script(script: str, run_id: str, who: str = "") -> str:
    """Puts the apply script on the node, starts it as a unit of its own and follows its log."""
    follow = follow_script(1, run_id)
    heredoc = f"END_{new_nonce()}"
    return render("engine/start.sh", script=script, run_id=run_id, by=who, follow=follow, heredoc=heredoc)


def follow_script(line: int, run_id: str) -> str:
    """Follows the unit from this line of its log on (1 is the first)."""
    return render("engine/follow.sh", line=line, run_id=run_id)


def read_script(run_id: str) -> str:
    """Notes on the node that somebody knows how this apply ended."""
    return render("engine/read.sh", run_id=run_id)


def apply_work(order: int, goal: Goal) -> Work:
    parts = [goal.apply]
    if goal.undo:
        parts.insert(0, _record(order, goal))
    return Work(goal.component, goal.name, "\n".join(parts), goal.manager, goal.uses)


def remove_work(record: Record) -> Work:
    parts = [record.undo, f"forget {record_name(record.component, record.about, record.goal)}"]
    return Work(record.component, record.goal, "\n".join(parts))


def record_name(component: str, about: str, goal: str) -> str:
    return hashlib.sha256("\0".join((component, about, goal)).encode()).hexdigest()[:32]


def _record(order: int, goal: Goal) -> str:
    encoded = base64.b64encode(goal.name.encode()).decode()
    lines = [f"{goal.component} {goal.about}", encoded, str(order), goal.undo]
    return (
        f"record {record_name(goal.component, goal.about, goal.name)} <<'END_OF_RECORD'\n"
        + "\n".join(lines)
        + "\nEND_OF_RECORD"
    )


def read_verdict(lines: Sequence[str]) -> Verdict:
    """The verdict file's lines; anything that is not a whole verdict is CUT, such as half of one after a power loss."""
    fields = [line.split(" ", 1) for line in lines if " " in line]
    values = dict(fields)
    done = tuple(int(value) for key, value in fields if key == "done" and _NUMBER.fullmatch(value))
    status = Status(values["status"]) if values.get("status") in tuple(Status) else Status.CUT
    failed, line, command = [*values.get("failed", "-1 0 ").split(" ", 2), "", ""][:3]
    failed_at, line_at = (int(text) if _NUMBER.fullmatch(text) else 0 for text in (failed, line))
    return Verdict(values.get("run", ""), status, done, failed_at, line_at, command, values.get("goal", ""))


def _prelude(works: Sequence[Goal | Work]) -> str:
    """What only some scripts need: the functions of the package manager whose packages are in it, the files that its
    goals use, and the functions of the components that are in it (templates/COMPONENT/functions.sh)."""
    managers = dict.fromkeys(work.manager for work in works if work.manager)
    found = [text(f"engine/{manager}.sh") for manager in managers]
    found += [text(name) for name in dict.fromkeys(name for work in works for name in work.uses)]
    for component in dict.fromkeys(work.component for work in works):
        try:
            found.append(text(f"{component}/functions.sh"))
        except FileNotFoundError:
            continue
    return "\n".join(found)

"""The JSON documents of `--output json`, one on stdout at the end. Their schemas are in clustr/schemas."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING

from clustr.engine.events import NodeFailed
from clustr.engine.goal import Disrupts
from clustr.engine.plan import Change, Plan
from clustr.views.control import escaped
from clustr.views.report_view import Ending

if TYPE_CHECKING:
    from clustr.results import Said

DISRUPTS = {Disrupts.NOTHING: "nothing", Disrupts.WORKLOADS: "workloads", Disrupts.REBOOT: "reboot"}


def write(document: Mapping[str, object]) -> None:
    sys.stdout.write(as_json(document))


def as_json(document: Mapping[str, object]) -> str:
    return escaped(json.dumps(document, indent=2, ensure_ascii=False)) + "\n"


def write_schema(name: str) -> None:
    """The JSON Schema of a document, from clustr/schemas."""
    sys.stdout.write(files("clustr").joinpath("schemas", f"{name}.json").read_text("utf-8"))


def plan_document(plan: Plan, silent: Sequence[NodeFailed] = ()) -> dict[str, object]:
    """`unknown` are goals that could not be looked at; the plan says nothing about `unreachable` nodes."""
    return {
        "cluster": plan.cluster,
        "goals": plan.goals,
        "stages": [
            {"name": stage.title, "changes": [change_document(change) for change in stage.changes]}
            for stage in plan.stages
        ],
        "unknown": [
            {"node": blind.node, "component": blind.component, "goal": blind.goal, "error": blind.error}
            for blind in plan.blind
        ],
        "unreachable": [{"node": each.node, "problem": each.problem, "remedy": each.remedy} for each in silent],
    }


def change_document(change: Change) -> dict[str, object]:
    """`before` and `after` are null where they are secret or not known yet; `known` names the stage that tells."""
    return {
        "node": change.node,
        "component": change.component,
        "goal": change.goal,
        "kind": change.kind.value,
        "before": change.before,
        "after": change.after,
        "diff": change.diff,
        "disrupts": DISRUPTS[change.disrupts],
        "known": change.known,
        "note": change.note,
    }


def bootstrap_document(plan: Plan, ending: Ending, kubeconfig: str, *, stopped: bool) -> dict[str, object]:
    done = ending.done
    return {
        "cluster": plan.cluster,
        "seconds": round(done.seconds, 1) if done else 0.0,
        "changes": len(plan.changes),
        "done": list(done.done) if done else [],
        "failed": [
            {
                "node": each.node,
                "stage": each.stage,
                "component": each.component,
                "goal": each.goal,
                "line": each.line,
                "problem": each.problem,
                "detail": each.detail,
                "remedy": each.remedy,
                "log": each.log,
            }
            for each in ending.failed
        ],
        "skipped": [{"node": each.node, "stage": each.stage, "reason": each.reason} for each in ending.skipped],
        "kubeconfig": kubeconfig,
        "stopped": stopped,
    }


def exec_document(said: Sequence[Said]) -> dict[str, object]:
    """`status` is the command's own; null where a node could not be asked."""
    answers = [
        {"nodes": list(each.nodes), "status": None if each.status < 0 else each.status, "output": each.output}
        for each in said
    ]
    return {"answers": answers}

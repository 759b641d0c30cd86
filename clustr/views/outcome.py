"""What a command leaves on stdout: words for a person, or one JSON document."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clustr.engine.plan import Plan
from clustr.views import documents
from clustr.views.commands import copyable
from clustr.views.layout import folded
from clustr.views.plan_view import nothing_to_do, plan_lines
from clustr.views.question import agreed
from clustr.views.report_view import home_as_tilde
from clustr.views.screen import Screen
from clustr.views.units import count
from clustr.views.view import Output, View

if TYPE_CHECKING:
    from clustr.results import Bootstrapped, Health, Said

APPLIES = "Nothing was changed. `clustr bootstrap` does this; `clustr plan --diff` shows long files whole."


def show(lines: Iterable[str], *, diffs: bool = False) -> None:
    Screen(sys.stdout).show(lines, diffs=diffs)


def show_plan(plan: Plan, view: View, output: Output, *, whole: bool) -> None:
    view.pause()
    if output is Output.JSON:
        return documents.write(documents.plan_document(plan, view.ending.failed))
    width = Screen(sys.stdout).width
    if not (plan.changes or plan.blind or view.ending.failed):
        return show([nothing_to_do(plan, view.inventory.name, view.seconds)])
    show(plan_lines(plan, width=width, whole=whole), diffs=True)
    show(folded(copyable(APPLIES, view.inventory), width, ""))
    if view.ending.failed:
        show(["", *view.ending.lines(plan.cluster, view.inventory, width)])
        show([f"The plan is without {count(len(view.ending.failed), 'node')} that did not answer."])


def wanted(plan: Plan, view: View, *, yes: bool) -> bool:
    """Shows the plan and asks; both on stderr: stdout may be a file, or has the document alone."""
    view.pause()
    screen = Screen(sys.stderr)
    screen.show(plan_lines(plan, width=screen.width), diffs=True)
    if yes or agreed(f"Do this on {plan.cluster}?"):
        return True
    screen.show(["Nothing was changed."])
    return False


def show_bootstrap(result: Bootstrapped, view: View, output: Output) -> None:
    view.pause()
    plan, ending = result.plan, view.ending
    stopped = "with its lock lost" if result.report.lost else "by Ctrl-C" if result.report.stopped else ""
    if output is Output.JSON:
        kubeconfig = str(result.kubeconfig) if result.kubeconfig else ""
        return documents.write(documents.bootstrap_document(plan, ending, kubeconfig, stopped=bool(stopped)))
    width = Screen(sys.stdout).width
    lines = ending.lines(plan.cluster, view.inventory, width, stopped=stopped)
    if not plan.changes and not ending.failed:
        lines = [nothing_to_do(plan, view.inventory.name, view.seconds)]
    if result.kubeconfig:
        lines.append(f"Its context {plan.cluster} is in {home_as_tilde(str(result.kubeconfig))}.")
    show(lines)


def show_health(health: Health, view: View, output: Output) -> None:
    from clustr.checks.document import doctor_json
    from clustr.views.doctor_view import doctor_lines

    view.pause()
    if output is Output.JSON:
        return documents.write(doctor_json(health.cluster, health.findings, health.seconds))
    show(doctor_lines(health, view.inventory, Screen(sys.stdout).width))


def show_answers(said: Sequence[Said], view: View, output: Output) -> None:
    from clustr.views.exec_view import exec_lines

    view.pause()
    if output is Output.JSON:
        return documents.write(documents.exec_document(said))
    show(exec_lines(said, Screen(sys.stdout).width))


def show_kubeconfig(path: Path, view: View) -> None:
    view.pause()
    show([f"The cluster's context is in {home_as_tilde(str(path))}."])

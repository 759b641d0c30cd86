"""clustr as the bench runs it where no command of its own has such an inventory: the engine is the product's.

    python -m tests.bench.product CASE INVENTORY

WORK is a whole bootstrap of one stage: facts, probes, plan, lock, apply, probes again. It prints what it did.
"""

from __future__ import annotations

import sys
from pathlib import Path

from clustr import actions
from clustr.engine.observe import look
from clustr.engine.preflight import Name
from clustr.session import Options, session
from clustr.views.view import Output, choose_view
from tests.bench.case import Case
from tests.simulated.work import stages


def main(case: Case, inventory: Path) -> int:
    view = choose_view(Output.TABLE, sys.stdout, inventory)
    # What preflight asks of a real machine is not these nodes' to have.
    options = Options(stages=stages(), ignore=frozenset(Name))
    match case:
        case Case.FACTS:
            with session(inventory, view, "bench") as at_work:
                seen = look(at_work.cluster, at_work.fleet, at_work.emit, {})
            for name, facts in seen.facts.items():
                print(name, facts.hostname, facts.kernel)
            print(len(seen.facts), "answered,", len(seen.silent), "did not")
            return len(seen.silent)
        case Case.PLAN:
            plan, seen = actions.plan(inventory, options, view)
            print(len(plan.changes), "changes,", plan.goals, "goals,", len(seen.silent), "silent")
            return len(plan.changes) + len(seen.silent)
        case _:
            ended = actions.bootstrap(inventory, options, view, lambda *_: True)
            assert ended
            print(len(ended.plan.changes), "changes,", len(ended.report.failed), "failed")
            return len(ended.report.failed)


if __name__ == "__main__":
    sys.exit(1 if main(Case(sys.argv[1]), Path(sys.argv[2])) else 0)

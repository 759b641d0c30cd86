"""What stands in the way, found before anything is touched: pure rules over the inventory and what the nodes said.

Each finding has a stable name, which `--ignore` takes. Ignoring one loosens no guard elsewhere: where it is not known
which server is first, nothing is founded.
"""

from clustr.engine.preflight.findings import Finding, Name
from clustr.engine.preflight.firewalls import cut_off, questions_once_open, untried
from clustr.engine.preflight.reach import REACH_NAMES, questions
from clustr.engine.preflight.rules import RULES, preflight
from clustr.engine.preflight.silence import silence

__all__ = [
    "REACH_NAMES",
    "RULES",
    "Finding",
    "Name",
    "cut_off",
    "preflight",
    "questions",
    "questions_once_open",
    "silence",
    "untried",
]

"""What can go wrong, each kind with its exit code.

ClustrError                 1   anything below, or a failure that has no kind of its own
├── UsageError              2   the command line is not understood
├── InventoryError          3   the inventory is wrong; no node was contacted
├── UnreachableError        4   a node does not answer, or refuses the login
│   ├── NotUpError          4   nobody listens there, which a machine that boots may yet do
│   ├── CutError            4   the connection ended before the answer; what only reads may be asked again
│   ├── HostKeyError        4   a host key is unknown (strict) or has changed
│   ├── LoginError          4   the key or password is refused
│   └── SudoError           4   sudo refuses, or wants a password that is missing or wrong
├── PreflightError          5   a node cannot carry what the inventory wants; nothing was touched
├── ApplyError              6   a goal failed on a node
│   └── PlanChangedError    6   a second look found more than the plan showed; nothing was done there
├── LockedError             7   another run holds the cluster
├── UnhealthyError          8   a check found something wrong
├── UnknownHealthError      9   a check could not look
├── LabError                1   a lab on this machine could not be made or removed
└── (10 is `plan --exit-code` with changes; 130 is an interrupted run)
"""

from __future__ import annotations

from collections.abc import Sequence


class ClustrError(Exception):
    """Something a person must act on: what is wrong, where, and the exact next command.

    `detail` is evidence (an excerpt of output, two fingerprints); it is shown indented below the problem.
    """

    exit_code = 1

    def __init__(self, problem: str, remedy: str = "", *, node: str | None = None, detail: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
        self.node = node
        self.detail = detail

    @property
    def in_a_list(self) -> str:
        """Problem and remedy on one line, the evidence below it."""
        return "\n  ".join([f"{self.problem}: {self.remedy}", *self.detail.splitlines()])


class UsageError(ClustrError):
    exit_code = 2


class InventoryError(ClustrError):
    """One or more mistakes in the inventory; `mistakes` holds a finished line for each."""

    exit_code = 3

    def __init__(self, problem: str, remedy: str = "", *, mistakes: Sequence[str] = ()) -> None:
        super().__init__(problem, remedy, detail="\n".join(mistakes))
        self.mistakes = tuple(mistakes)


class UnreachableError(ClustrError):
    exit_code = 4


class NotUpError(UnreachableError):
    pass


class CutError(UnreachableError):
    pass


class HostKeyError(UnreachableError):
    pass


class LoginError(UnreachableError):
    pass


class SudoError(UnreachableError):
    pass


class PreflightError(ClustrError):
    exit_code = 5


class ApplyError(ClustrError):
    exit_code = 6


class PlanChangedError(ApplyError):
    pass


class LockedError(ClustrError):
    exit_code = 7


class UnhealthyError(ClustrError):
    exit_code = 8


class UnknownHealthError(ClustrError):
    exit_code = 9


class LabError(ClustrError):
    pass


EXIT_CHANGES = 10
EXIT_INTERRUPTED = 130

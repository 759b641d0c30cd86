"""testinfra over our Connection, strict about commands that could not look.

testinfra leaves "command not found" to the caller and guards statuses by `assert`, which `python -O` removes. Here
neither can pass for an answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import testinfra.host
from testinfra.backend.base import BaseBackend, CommandResult

from clustr.checks.check import CouldNotLook
from clustr.checks.questions import Answer, Pattern, Question, ask_script, quoted, read_answers
from clustr.engine.script import new_nonce
from clustr.inventory.model import Node
from clustr.remote.connection import Connection

SECONDS = 20  # for one command, unless it asks for more
SHOWN = 70  # characters of a command in an answer to a person
TIMED_OUT, CANNOT_RUN, NOT_FOUND, SIGNALLED = 124, 126, 127, 128  # bash(1), EXIT STATUS; timeout(1)
SPEAKER = re.compile(r"^bash: line \d+: ", re.MULTILINE)
REFUSED = re.compile(r"command not found|permission denied|operation not permitted", re.IGNORECASE)


class ClustrBackend(BaseBackend):  # type: ignore[misc]
    """Runs testinfra's commands on one node, each once; `asked` is what was asked, for the other nodes of its kind.

    A command whose status is 126 or 127, that was killed or too slow, or that says that something was not found or
    refused, raises CouldNotLook; with `may_fail` only one that could not run at all does.
    """

    NAME = "clustr"

    def __init__(self, node: Node, connection: Connection) -> None:
        super().__init__(node.name)
        self.node = node
        self.connection = connection
        self.asked: dict[str, Pattern] = {}
        self._answers: dict[str, Answer] = {}

    def run(self, command: str, *args: str, **options: Any) -> CommandResult:
        seconds = int(options.get("timeout") or SECONDS)
        question = Question(quoted(command, args), seconds)
        self.asked[question.command] = Pattern.of(self.node, command, args, seconds)
        if question.command not in self._answers:
            self.fetch([question])
        answer = self._answers.get(question.command)
        if answer is None:
            raise CouldNotLook(said(question.command, NOT_FOUND, "no answer"))
        refuse(question, answer, may_fail=bool(options.get("may_fail")))
        return self.result(answer.status, question.command.encode(), answer.stdout, answer.stderr)

    def fetch(self, questions: Sequence[Question]) -> None:
        """Asks for all of these in one script and keeps the answers for `run`."""
        nonce = new_nonce()
        limit = sum(question.seconds + 5 for question in questions)
        result = self.connection.run(ask_script(questions, nonce), timeout=limit)
        answers = read_answers(result.stdout, nonce)
        for number, question in enumerate(questions):
            if number in answers:
                self._answers[question.command] = answers[number]


class Host(testinfra.host.Host):  # type: ignore[misc]
    """testinfra's Host, whose own expectations of a status do not rest on `assert`."""

    def run_expect(self, expected: list[int], command: str, *args: str, **options: Any) -> CommandResult:
        result = self.run(command, *args, **options)
        if result.rc not in expected:
            raise CouldNotLook(said(result.command.decode(), result.rc, result.stderr or result.stdout))
        return result

    def check_output(self, command: str, *args: str, **options: Any) -> str:
        output: str = self.run_expect([0], command, *args, **options).stdout
        return output.rstrip("\r\n")


def host_of(backend: BaseBackend) -> Host:
    host = Host(backend)
    backend.set_host(host)
    return host


def refuse(question: Question, answer: Answer, *, may_fail: bool) -> None:
    """Raises CouldNotLook where the answer says nothing about the node."""
    if answer.status == TIMED_OUT:
        raise CouldNotLook(said(question.command, TIMED_OUT, f"no answer within {question.seconds} s"))
    unable = answer.status in (CANNOT_RUN, NOT_FOUND) or answer.status >= SIGNALLED
    if unable or (not may_fail and REFUSED.search(answer.stderr)):
        raise CouldNotLook(said(question.command, answer.status, answer.stderr))


def said(command: str, status: int, output: str) -> str:
    """Why there is no answer, then what was asked."""
    excerpt = SPEAKER.sub("", output.strip())[-500:] or f"status {status}"
    shown = command if len(command) <= SHOWN else f"{command[:SHOWN]}..."
    return f"{excerpt}\nasked: {shown}"

"""What checks ask of a node: commands, and what they said. Pure: text in, text out.

On the first node of a kind each command is asked as it comes. Its arguments that are the node's own name or address
are noted as such, so that the other nodes can be asked for all of it in one script. So a check passes what is the
node's own as an argument, and writes what is the same on all nodes into the command.
"""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from clustr.inventory.model import Node
from clustr.templates import render


class Own(StrEnum):
    """An argument that each node has a value of its own for."""

    NAME = "name"
    INTERNAL_ADDRESS = "internal address"
    ADDRESS = "address"

    def of(self, node: Node) -> str:
        values = {Own.NAME: node.name, Own.INTERNAL_ADDRESS: node.internal_address, Own.ADDRESS: node.address}
        return values[self]


@dataclass(frozen=True)
class Question:
    """A finished command for one node, and the seconds that it may take."""

    command: str
    seconds: int


@dataclass(frozen=True)
class Answer:
    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Pattern:
    """A question as any node of the kind can be asked it."""

    command: str
    args: tuple[str | Own, ...]
    seconds: int

    @classmethod
    def of(cls, node: Node, command: str, args: Sequence[str], seconds: int) -> Pattern:
        return cls(command, tuple(_own(node, arg) for arg in args), seconds)

    def on(self, node: Node) -> Question:
        args = [arg.of(node) if isinstance(arg, Own) else arg for arg in self.args]
        return Question(quoted(self.command, args), self.seconds)


def quoted(command: str, args: Sequence[str]) -> str:
    """The command with each %s replaced by an argument, quoted for the shell; without arguments as it stands."""
    return command % tuple(shlex.quote(arg) for arg in args) if args else command


def ask_script(questions: Sequence[Question], nonce: str) -> str:
    """One script for all the questions. `nonce` marks the answers apart from anything that a command prints."""
    return render("checks/ask.sh", questions=questions, nonce=nonce)


def read_answers(output: str, nonce: str) -> dict[int, Answer]:
    """The answers that are whole, by the number of their question."""
    pattern = rf"^::{nonce} ([0-9]{{1,6}}) ([0-9]{{1,6}})\n([\w+/=]*)\n([\w+/=]*)\n::{nonce} end$"
    return {
        int(number): Answer(int(status), _decoded(stdout), _decoded(stderr))
        for number, status, stdout, stderr in re.findall(pattern, output, re.MULTILINE)
    }


def _own(node: Node, arg: str) -> str | Own:
    return next((own for own in Own if own.of(node) == arg), arg)


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text).decode("utf-8", errors="replace")
    except ValueError:
        return ""

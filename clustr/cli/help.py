"""How --help reads: commands in groups, examples first, exit codes last. Plain lines, whatever the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import Any

from typer.core import TyperGroup
from typer.main import get_group


class Group(StrEnum):
    """Commands are listed by what a person is up to."""

    START = "Start"
    LOOK = "Look"
    CHANGE = "Change"
    TRY = "Try"


EXIT_CODES = {
    0: "done",
    1: "failed",
    2: "usage: the command line is not understood",
    3: "the inventory is wrong; no node was contacted",
    4: "a node does not answer, or refuses the login",
    5: "preflight: a node cannot carry what the inventory wants; nothing was changed",
    6: "apply: a change failed on a node",
    7: "another run holds the cluster",
    8: "unhealthy: a check found something wrong",
    9: "a check could not look",
    10: "there are changes (plan --exit-code)",
    130: "interrupted",
}


@dataclass(frozen=True)
class Apart:
    """Commands in a module of their own, imported when they are asked for: their imports would slow down all others."""

    module: str
    group: Group
    summary: str


APART = {"lab": Apart("clustr.cli.lab", Group.TRY, "Disposable nodes on this machine, and the inventory for them.")}


class GroupedCommands(TyperGroup):
    """Lists commands under their group's name, in the order in which they were added."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *APART]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in APART:
            return super().get_command(ctx, cmd_name)
        return get_group(import_module(APART[cmd_name].module).app)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        here = [(getattr(each, "rich_help_panel", ""), name, each) for name, each in self.commands.items()]
        listed = [(group, name, each.get_short_help_str(90)) for group, name, each in here]
        listed += [(each.group, name, each.summary) for name, each in APART.items()]
        widest = max(len(name) for _, name, _ in listed)
        for group in Group:
            if rows := [(name.ljust(widest), summary) for of, name, summary in listed if of == group]:
                with formatter.section(group.value):
                    formatter.write_dl(rows)


def words(summary: str, *examples: str) -> str:
    """A command's help: what it does, then examples. A paragraph that begins with \\b is kept line by line."""
    listed = "\n".join(f"  {example}" for example in examples)
    return f"{summary}\n\n\b\nExamples:\n{listed}"


def exit_codes(*codes: int) -> str:
    """The end of a command's help; usage and an unforeseen failure are possible everywhere."""
    listed = "\n".join(f"  {code:>3}  {EXIT_CODES[code]}" for code in sorted({0, 1, 2, *codes}))
    return f"\b\nExit codes:\n{listed}"

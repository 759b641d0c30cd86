"""How --help reads: commands in groups, examples first, exit codes last. Plain lines, whatever the terminal."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from typer.core import TyperGroup


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


class GroupedCommands(TyperGroup):
    """Lists commands under their group's name, in the order in which they were added."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        widest = max(len(name) for name, _ in commands)
        for group in Group:
            mine = [(name, command) for name, command in commands if getattr(command, "rich_help_panel", "") == group]
            rows = [(name.ljust(widest), command.get_short_help_str(90)) for name, command in mine if command]
            if rows:
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

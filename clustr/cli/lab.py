"""clustr lab: disposable nodes on this machine to try things on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from clustr.cli.help import exit_codes, words
from clustr.cli.options import OutputOption, SchemaOption
from clustr.lab.model import Login, Release, Trait
from clustr.views.view import Output

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Disposable nodes on this machine, and the inventory for them. Needs root and Debian.",
)

TRAITS = ", ".join(Trait)
Name = Annotated[str, typer.Argument(metavar="NAME", help="name of the lab")]


@app.command(
    help=words(
        "Start nodes: systemd, sshd, apt and an address each. The first time builds their image, about a minute.",
        "clustr lab up",
        "clustr lab up small --servers 1 --agents 1 --login password --trait requiretty --trait noexec",
    ),
    epilog=exit_codes(130),
)
def up(
    name: Name = "lab",
    servers: Annotated[int, typer.Option(min=0, metavar="N", help="nodes with the role server")] = 3,
    agents: Annotated[int, typer.Option(min=0, metavar="N", help="nodes with the role agent")] = 2,
    monitors: Annotated[
        int, typer.Option(min=0, metavar="N", help="nodes that are monitors alone; 0: the last node is one too")
    ] = 0,
    release: Annotated[Release, typer.Option(help="Debian release of the nodes")] = Release.BOOKWORM,
    login: Annotated[
        Login, typer.Option(help="root, or a user whose sudo asks for no password or for one")
    ] = Login.ROOT,
    artifacts: Annotated[
        str, typer.Option(metavar="URL|FOLDER|none", help="a mirror, or a folder to serve as one; none: nodes alone")
    ] = "",
    artifacts_ca: Annotated[Path | None, typer.Option(metavar="FILE", help="CA certificate of the mirror")] = None,
    internal_network: Annotated[
        bool, typer.Option("--internal-network", help="a second network for the cluster")
    ] = False,
    trait: Annotated[
        list[Trait] | None,
        typer.Option(metavar="TRAIT", show_default=False, help=f"nodes as people have them, repeatable: {TRAITS}"),
    ] = None,
) -> None:
    from clustr import lab
    from clustr.views import lab as view

    traits = tuple(trait or ())
    spec = lab.Spec(name, servers, agents, monitors, release, login, artifacts, artifacts_ca, internal_network, traits)
    view.show_up(lab.up(spec, view.progress()))


@app.command(
    help=words(
        "Show labs: their nodes, addresses, roles, and which of them are up.",
        "clustr lab status",
        "clustr lab status small --output json",
    ),
    epilog=exit_codes(),
)
def status(
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False, help="name of the lab; default: all")] = "",
    output: OutputOption = Output.TABLE,
    schema: SchemaOption = False,
) -> None:
    from clustr import lab
    from clustr.views import documents
    from clustr.views import lab as view

    if schema:
        return documents.write_schema("lab-status")
    found = lab.look([lab.load(name)] if name else lab.all_labs())
    (view.show_status_json if output is Output.JSON else view.show_status)(found)


@app.command(
    help=words(
        "Log in to a node, or run one command there.",
        "clustr lab ssh cp1",
        "clustr lab ssh small/cp1 -- systemctl --failed",
    ),
    epilog="The exit code is that of the command, or 255 where ssh fails.",
)
def ssh(
    node: Annotated[str, typer.Argument(metavar="NODE|LAB/NODE", help="node to log in to")],
    command: Annotated[list[str] | None, typer.Argument(metavar="[-- CMD]", help="what to run there")] = None,
) -> None:
    from clustr import lab

    words = [*lab.ssh_command(*lab.find_anywhere(node)), *(command or [])]
    os.execvp(words[0], words)  # noqa: S606 - ssh takes our place, terminal and all


@app.command(
    help=words(
        "Remove a lab, a half made one too. The last one leaves this machine as it was before the first.",
        "clustr lab down",
        "clustr lab down --all",
    ),
    epilog=exit_codes(7, 130),
)
def down(
    name: Name = "lab",
    every: Annotated[bool, typer.Option("--all", help="remove every lab on this machine")] = False,
) -> None:
    from clustr import lab
    from clustr.views import lab as view

    names = [each.name for each in lab.all_labs()] if every else [name]
    for each in names:
        view.show_down(each, found=lab.down(each, view.progress()))
    if not names:
        view.show_none()

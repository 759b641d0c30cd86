"""clustr lab: disposable nodes on this machine to try things on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from clustr.lab.model import Login, Release
from clustr.views.view import Output

app = typer.Typer(
    no_args_is_help=True,
    help="Disposable nodes on this machine, and the inventory for them. Needs root and Debian.",
)

Name = Annotated[str, typer.Argument(help="name of the lab")]


@app.command(
    epilog="Examples: `clustr lab up` makes three servers and two agents; "
    "`clustr lab up small --servers 1 --agents 0 --artifacts ./mirror` one node that downloads from a folder."
)
def up(
    name: Name = "lab",
    servers: Annotated[int, typer.Option(min=0, help="nodes with the role server")] = 3,
    agents: Annotated[int, typer.Option(min=0, help="nodes with the role agent")] = 2,
    monitors: Annotated[
        int, typer.Option(min=0, help="nodes that are monitors alone; 0: the last node is one too")
    ] = 0,
    release: Annotated[Release, typer.Option(help="Debian release of the nodes")] = Release.BOOKWORM,
    login: Annotated[
        Login, typer.Option(help="root, or a user whose sudo asks for no password or for one")
    ] = Login.ROOT,
    artifacts: Annotated[
        str, typer.Option(metavar="URL|FOLDER", help="mirror, or folder to serve as one; none: nodes alone")
    ] = "",
    artifacts_ca: Annotated[Path | None, typer.Option(help="CA certificate of the mirror")] = None,
    internal_network: Annotated[
        bool, typer.Option("--internal-network", help="a second network for the cluster")
    ] = False,
) -> None:
    """Start nodes: systemd, sshd, apt and an address each. The first time builds their image, about a minute."""
    from clustr import lab
    from clustr.views import lab as view

    spec = lab.Spec(name, servers, agents, monitors, release, login, artifacts, artifacts_ca, internal_network)
    view.show_up(lab.up(spec, view.progress()))


@app.command()
def status(
    name: Annotated[str, typer.Argument(help="name of the lab; default: all")] = "",
    output: Annotated[Output, typer.Option(help="words for a person, or one JSON document")] = Output.TABLE,
) -> None:
    """Show labs: their nodes, addresses, roles, and which of them are up."""
    from clustr import lab
    from clustr.views import lab as view

    found = lab.look([lab.load(name)] if name else lab.all_labs())
    (view.show_status_json if output is Output.JSON else view.show_status)(found)


@app.command(epilog="Examples: `clustr lab ssh cp1`; `clustr lab ssh demo/cp1 -- systemctl --failed`")
def ssh(
    node: Annotated[str, typer.Argument(metavar="NODE|LAB/NODE", help="node to log in to")],
    command: Annotated[list[str] | None, typer.Argument(metavar="[-- CMD]", help="what to run there")] = None,
) -> None:
    """Log in to a node, or run one command there."""
    from clustr import lab

    words = [*lab.ssh_command(*lab.find_anywhere(node)), *(command or [])]
    os.execvp(words[0], words)  # noqa: S606 - ssh takes our place, terminal and all


@app.command()
def down(
    name: Name = "lab",
    every: Annotated[bool, typer.Option("--all", help="remove every lab on this machine")] = False,
) -> None:
    """Remove a lab. The last one leaves this machine as it was before the first."""
    from clustr import lab
    from clustr.views import lab as view

    names = [each.name for each in lab.all_labs()] if every else [name]
    for each in names:
        view.show_down(each, found=lab.down(each, view.progress()))
    if not names:
        view.show_none()

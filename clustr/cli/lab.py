"""clustr lab: disposable nodes on this machine to try things on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from clustr.cli.help import exit_codes, words
from clustr.cli.options import OutputOption, SchemaOption
from clustr.errors import UsageError
from clustr.lab.faults import Fault
from clustr.lab.model import GpuModel, Gpus, Login, Release, Trait
from clustr.views.view import Output

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Disposable nodes on this machine, and the inventory for them. Needs root and Debian.",
)

TRAITS = ", ".join(Trait)
Name = Annotated[str, typer.Argument(metavar="NAME", help="name of the lab")]
GpuCount = Annotated[
    int,
    typer.Option(
        min=0, max=8, metavar="N", help="stand-ins for GPUs in each agent, in each server where there are no agents"
    ),
]
NvmlFolder = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", resolve_path=True, help="a libnvidia-ml.so in the driver's place, for a real nvidia-smi"
    ),
]


@app.command(
    help=words(
        "Start nodes: systemd, sshd, apt and an address each. The first time builds their image, about a minute.",
        "clustr lab up",
        "clustr lab up small --servers 1 --agents 1 --login password --trait noexec --gpus 8 --model h100",
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
    gpus: GpuCount = 0,
    model: Annotated[GpuModel, typer.Option(help="what GPUs pose as")] = GpuModel.H100,
    nvml: NvmlFolder = None,
) -> None:
    from clustr import lab
    from clustr.views import lab as view

    traits = tuple(trait or ())
    spec = lab.Spec(
        *(name, servers, agents, monitors, release, login, artifacts, artifacts_ca, internal_network, traits),
        _gpus(gpus, model, nvml),
    )
    view.show_up(lab.up(spec, view.progress()))


def _gpus(count: int, model: GpuModel, nvml: Path | None) -> Gpus | None:
    if not count and (nvml or model is not GpuModel.H100):
        raise UsageError("--model and --nvml are about GPUs, and there are none.", "Say how many: --gpus 8")
    return Gpus(count, model, nvml) if count else None


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
        "Break a GPU or a port of a node's fabric, or mend all of the node's. What is broken stays so over a boot.",
        "clustr lab fault small/agent1 xid-79 --index 3",
        "clustr lab fault small/agent1 --clear",
    ),
    epilog=exit_codes(),
)
def fault(
    node: Annotated[str, typer.Argument(metavar="NODE|LAB/NODE", help="a node with GPUs, which runs")],
    what: Annotated[Fault | None, typer.Argument(metavar="[FAULT]", show_default=False, help=", ".join(Fault))] = None,
    index: Annotated[int, typer.Option(min=0, metavar="N", help="which GPU, or which port, from 0")] = 0,
    clear: Annotated[bool, typer.Option("--clear", help="switch off all that are on, before FAULT")] = False,
) -> None:
    from clustr import lab
    from clustr.views import lab as view

    if what is None and not clear:
        raise UsageError("Nothing to do: no fault is named.", f"Name one of {', '.join(Fault)}; or --clear")
    home, found = lab.find_anywhere(node)
    if clear:
        lab.clear_faults(home, found)
    if what is not None:
        lab.switch_on_fault(home, found, what, index)
    view.show_faults(found, lab.look_at_faults(home, found))


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

"""Disposable nodes on this machine: real systemd, sshd, apt and addresses, in seconds.

    lab.up(Spec(name="demo", servers=3, agents=2), say=print)

Tests use the same functions as `clustr lab`, and those that treat a node as no product may: pull its plug, run
something in it past ssh, empty its disk.
"""

from clustr.lab.faults import Fault
from clustr.lab.faults import clear as clear_faults
from clustr.lab.faults import look as look_at_faults
from clustr.lab.faults import switch_on as switch_on_fault
from clustr.lab.lifecycle import (
    add_node,
    add_nodes,
    crash_node,
    down,
    find,
    find_anywhere,
    remove_node,
    reset_node,
    start_node,
    stop_node,
    up,
)
from clustr.lab.machine import execute
from clustr.lab.machine import ssh as ssh_command
from clustr.lab.model import GpuModel, Gpus, Lab, LabNode, Login, NodeSpec, Origin, Release, Source, Spec, Trait
from clustr.lab.status import LabStatus, NodeStatus, look
from clustr.lab.store import all_labs, load

__all__ = [
    "Fault",
    "GpuModel",
    "Gpus",
    "Lab",
    "LabNode",
    "LabStatus",
    "Login",
    "NodeSpec",
    "NodeStatus",
    "Origin",
    "Release",
    "Source",
    "Spec",
    "Trait",
    "add_node",
    "add_nodes",
    "all_labs",
    "clear_faults",
    "crash_node",
    "down",
    "execute",
    "find",
    "find_anywhere",
    "load",
    "look",
    "look_at_faults",
    "remove_node",
    "reset_node",
    "ssh_command",
    "start_node",
    "stop_node",
    "switch_on_fault",
    "up",
]

"""Keeps one node running: `python -m clustr.lab.boot LAB NODE`, one process for each node of a lab.

systemd-nspawn ends with status 133 when its node reboots, and expects to be started again; on any other status the
node is off. The process lives in a branch of its own beside the node's, so that either can be ended without the other.
"""

from __future__ import annotations

import subprocess
import sys
import time

from clustr.lab import cgroups, network, nspawn, store
from clustr.lab.model import Lab, LabNode

REBOOT = 133


def keep_running(lab: Lab, node: LabNode) -> int:
    """Boot the node, again after each reboot; returns nspawn's last status."""
    branch = f"{lab.node_branch(node)}/machine"
    while True:
        cgroups.kill(branch)
        cgroups.remove(branch)
        cgroups.make(branch)
        machine = subprocess.Popen(cgroups.inside(branch, nspawn.command(lab, node)), stdin=subprocess.DEVNULL)
        if lab.internal_network:
            _attach(lab, node, machine)
        status = machine.wait()
        if status != REBOOT:
            return status


def _attach(lab: Lab, node: LabNode, machine: subprocess.Popen[bytes]) -> None:
    """nspawn puts the first link into its bridge, but not the second."""
    link = nspawn.internal_link(lab, node)
    while machine.poll() is None:
        if network.exists(link):
            network.attach(lab.internal_bridge, link)
            return
        time.sleep(0.02)


if __name__ == "__main__":
    lab = store.load(sys.argv[1])
    sys.exit(keep_running(lab, lab.node(sys.argv[2])))

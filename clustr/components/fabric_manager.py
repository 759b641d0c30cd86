"""What joins the GPUs of a board: fabric manager on NVSwitch boards, imex where NVLink reaches other machines.

Their packages come with the driver's, in one step, since they start at no other version (nvidia_driver.py). Source:
NVIDIA's Fabric Manager user guide (docs.nvidia.com/datacenter/tesla/fabric-manager-user-guide).
"""

from __future__ import annotations

from collections.abc import Iterable

from clustr.components.nvidia_driver import chosen
from clustr.engine.goal import Goal
from clustr.engine.makers import file, kernel_module, service
from clustr.inventory.model import Cluster, Node
from clustr.nvidia.chips import Board, board
from clustr.remote.facts import Seen
from clustr.templates import text

# Its precheck of a B200 class board waits for ever without them. By their effect: what they make once they are loaded.
MODULES = {"mlx5_core": "/sys/bus/pci/drivers/mlx5_core", "ib_umad": "/sys/class/infiniband_mad"}
UNITS = {
    Board.NVSWITCH: "nvidia-fabricmanager.service",
    Board.NVSWITCH_CX7: "nvidia-fabricmanager.service",
    Board.MULTI_NODE: "nvidia-imex.service",
}


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    facts = seen[node.name]
    if chosen(node, facts) is None:
        return
    found = board(facts)
    if found is Board.NVSWITCH_CX7:
        yield file("/etc/modules-load.d/clustr-fabric-manager.conf", text("fabric_manager/modules.conf"))
        for name, effect in MODULES.items():
            yield kernel_module(name, effect)
    if found in UNITS:
        yield from service(UNITS[found])

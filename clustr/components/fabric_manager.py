"""What joins the GPUs of a board: fabric manager on NVSwitch boards, imex where NVLink reaches other machines.

Their packages come with the driver's, in one step, since they start at no other version (nvidia_driver.py). Sources:
NVIDIA's Fabric Manager user guide (docs.nvidia.com/datacenter/tesla/fabric-manager-user-guide); NVIDIA's IMEX guide
(docs.nvidia.com/multi-node-nvlink-systems/imex-guide), "Deployment Models": one list of addresses for all of a domain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from clustr.components.nvidia_driver import chosen
from clustr.engine.goal import Disrupts, Goal
from clustr.engine.makers import file, kernel_module, service
from clustr.inventory.model import Cluster, Node
from clustr.nvidia.chips import Board, board
from clustr.remote.facts import Seen
from clustr.templates import text

# Its precheck of a B200 class board waits for ever without them. By their effect: what they make once they are loaded.
MODULES = {"mlx5_core": "/sys/bus/pci/drivers/mlx5_core", "ib_umad": "/sys/class/infiniband_mad"}
MANAGER, IMEX = "nvidia-fabricmanager.service", "nvidia-imex.service"
IMEX_NODES = "/etc/nvidia-imex/nodes_config.cfg"  # what its config.cfg names unless somebody changes it


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    facts = seen[node.name]
    if chosen(node, facts) is None:
        return
    found = board(facts)
    if found is Board.NVSWITCH_CX7:
        yield file("/etc/modules-load.d/clustr-fabric-manager.conf", text("fabric_manager/modules.conf"))
        for name, effect in MODULES.items():
            yield kernel_module(name, effect)
    if found in (Board.NVSWITCH, Board.NVSWITCH_CX7):
        yield from service(MANAGER)
    if found is Board.MULTI_NODE:
        yield from _imex(cluster, node, seen)


def _imex(cluster: Cluster, node: Node, seen: Seen) -> Iterator[Goal]:
    """It reads its list at start alone, and a start invalidates what jobs of several nodes share through it."""
    nodes = file(IMEX_NODES, "".join(f"{address}\n" for address in _nvlink_domain(cluster, node, seen)))
    yield nodes
    jobs = seen[node.name].gpu.loaded is not None
    yield from service(IMEX, (nodes,), disrupts=Disrupts.WORKLOADS if jobs else Disrupts.NOTHING)


def _nvlink_domain(cluster: Cluster, node: Node, seen: Seen) -> Iterator[str]:
    """Internal addresses of the nodes that NVLink joins: those of one class, as no bus tells of racks.

    A node of the class that does not answer stays in the list: all have to have the same one.
    """
    for each in cluster.nodes:
        silent = not seen.answered(each.name)
        if each.class_name == node.class_name and (
            node.class_name is not None if silent else board(seen[each.name]) is Board.MULTI_NODE
        ):
            yield each.internal_address

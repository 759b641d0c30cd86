"""CUDA's toolkit on nodes with GPUs, where the inventory names a version: containers need only the driver.

cuda-toolkit-X-Y, never the package cuda, which brings a driver of its own choice (CUDA installation guide for Linux,
"Meta Packages": docs.nvidia.com/cuda/cuda-installation-guide-linux).
"""

from __future__ import annotations

from collections.abc import Iterable

from clustr.components import nvidia_driver
from clustr.engine.goal import Goal
from clustr.engine.makers import file, packages
from clustr.errors import PreflightError
from clustr.families import family
from clustr.inventory.gpu import Source
from clustr.inventory.model import Cluster, Node
from clustr.nvidia.chips import gpus
from clustr.remote.facts import Seen
from clustr.templates import render

PROFILE = "/etc/profile.d/clustr-cuda.sh"


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    version, facts = cluster.cuda.toolkit, seen[node.name]
    if version is None or not gpus(facts):
        return
    choice = nvidia_driver.chosen(node, facts)
    if choice is None or choice.source is not Source.NVIDIA:
        problem = f"cuda.toolkit {version} is in NVIDIA's repository, and driver.source is {node.driver.source}"
        raise PreflightError(problem, "set driver.source: nvidia, or leave cuda.toolkit out", node=node.name)
    name = f"cuda-toolkit-{version.replace('.', '-')}"
    yield packages(family(facts).manager, (name,), hold=True, label=f"package {name}")
    yield file(PROFILE, render("cuda/profile.sh", folder=f"/usr/local/cuda-{version}"))

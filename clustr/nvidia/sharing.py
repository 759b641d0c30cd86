"""How the GPUs of a node are shared out to pods, and what pods ask for then.

`nvidia.com/gpu` is always a whole GPU: MIG devices and turns have names of their own (the device plugin's MIG strategy
`mixed`, and `renameByDefault` of its time slicing), so that nobody who asks for a GPU gets a part of one.
Source: README of https://github.com/NVIDIA/k8s-device-plugin.
"""

from __future__ import annotations

from dataclasses import dataclass

from clustr.inventory.gpu import NodeClass

GPU = "nvidia.com/gpu"


@dataclass(frozen=True)
class Sharing:
    """`name` is that of a configuration of the device plugin; a GPU that takes turns counts `replicas` times."""

    name: str
    resource: str = GPU
    replicas: int = 1

    @property
    def mig(self) -> bool:
        return self.resource.startswith("nvidia.com/mig-")


WHOLE = Sharing("whole")


def sharing(expects: NodeClass) -> Sharing:
    """What a node's class says. Raises nothing: a class with both ways is refused where the inventory is read."""
    if expects.mig and expects.mig != "off":
        return Sharing("mig", f"nvidia.com/mig-{expects.mig.replace('+', '.')}")
    if expects.time_slicing:
        return Sharing(f"shared-{expects.time_slicing}", f"{GPU}.shared", expects.time_slicing)
    return WHOLE

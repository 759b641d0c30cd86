"""Which RDMA NICs count as a node's ports of the fabric: those that the doctor counts too."""

from __future__ import annotations

import pytest

from clustr.inventory.gpu import NodeClass, Rdma, RdmaPort
from clustr.remote.facts import PciDevice
from tests.unit.engine.preflight_cases import judged
from tests.unit.engine.preflight_gpu_cases import H100, SWITCHES, on_gpus, with_gpu1

INFINIBAND = tuple(PciDevice(f"0000:{n}8:00.0", "15b3", "1021", "020700", rdma=f"mlx5_{n}") for n in range(8))
ETHERNET = tuple(PciDevice(f"0000:{n}9:00.0", "15b3", "101d", "020000", rdma=f"mlx5_{8 + n}") for n in range(2))


def problems(wanted: int, ports: tuple[PciDevice, ...], named: tuple[str, ...] = ()) -> list[str]:
    rdma = Rdma(ports=tuple(RdmaPort(device=name) for name in named)) if named else None
    cluster = with_gpu1(class_name="h100", expects=NodeClass(ib_ports=wanted), rdma=rdma)
    return [found.problem for found in judged(cluster, on_gpus(cluster, pci=(*H100, *SWITCHES, *ports)))]


def lost(found: int) -> list[str]:
    return [f"has {found} ports of the fabric, its class h100 says 8"]


def test_ethernet_beside_infiniband_is_no_port_of_the_fabric() -> None:
    assert problems(8, (*INFINIBAND, *ETHERNET)) == []
    assert problems(8, (*INFINIBAND[:6], *ETHERNET)) == lost(6)
    assert problems(2, ETHERNET) == [], "a fabric of RoCE"


@pytest.mark.parametrize(
    ("ports", "found"),
    [
        ((*INFINIBAND, *ETHERNET), []),
        ((*INFINIBAND, ETHERNET[0]), lost(7)),
        # Before the driver is loaded nothing has a name: it is judged by what the bus tells.
        (tuple(PciDevice(port.slot, port.vendor, port.device, port.kind) for port in INFINIBAND), []),
    ],
)
def test_a_class_that_names_its_ports_means_these(ports: tuple[PciDevice, ...], found: list[str]) -> None:
    named = (*(port.rdma for port in INFINIBAND[:6]), *(port.rdma for port in ETHERNET))
    assert problems(8, ports, named) == found

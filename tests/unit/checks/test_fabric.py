"""The fabric's checks on nodes of another class than the recorded one: with ports named, with a driver left alone."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from clustr.checks.check import State
from clustr.checks.questions import Answer
from clustr.inventory.gpu import Driver, Rdma, RdmaPort, Source
from clustr.inventory.model import Cluster
from tests.unit.checks.recorded import recorded_answers, recorded_cluster
from tests.unit.checks.test_judgement import finding

PORTS = "# Ports of RDMA devices"
NODE = "# What a node with GPUs is"
MANAGER = "-- nvidia-fabricmanager"


def with_gpu1(**values: object) -> Cluster:
    cluster = recorded_cluster()
    nodes = tuple(node.model_copy(update=values) if node.name == "gpu1" else node for node in cluster.nodes)
    return cluster.model_copy(update={"nodes": nodes})


def changed(command: str, pattern: str, instead: str) -> dict[str, Answer]:
    answers = recorded_answers("gpu1")
    (asked,) = [known for known in answers if command in known]
    stdout = re.sub(pattern, instead, answers[asked].stdout)
    assert stdout != answers[asked].stdout
    return answers | {asked: replace(answers[asked], stdout=stdout)}


def naming(*devices: str) -> Cluster:
    return with_gpu1(rdma=Rdma(ports=tuple(RdmaPort(device=device) for device in devices)))


def test_named_ports_are_those_that_count() -> None:
    named = [f"mlx5_{number}" for number in range(8)]
    assert finding("fabric.ports", "gpu1", recorded_answers("gpu1"), naming(*named)).state is State.OK
    found = finding("fabric.ports", "gpu1", recorded_answers("gpu1"), naming(*named[:7], "mlx5_8"))
    assert found.evidence == "mlx5_8/1 has 100 Gbit/s; wanted: 8 ACTIVE at 400 Gbit/s or faster"
    found = finding("fabric.ports", "gpu1", recorded_answers("gpu1"), naming(*named[:7], "mlx5_80"))
    assert found.evidence.startswith("7 ports; wanted: 8\nmlx5_0/1, mlx5_1/1")


@pytest.mark.parametrize(
    ("pattern", "instead", "evidence"),
    [
        ("ACTIVE 400", "ACTIVE 800", "8 are ACTIVE at 400 Gbit/s or faster"),
        ("(port mlx5_8 1) .*", r"\1 DOWN 10 InfiniBand", "8 are ACTIVE at 400 Gbit/s or faster; mlx5_8/1 is DOWN"),
        ("port mlx5_8", "virtual mlx5_8", "8 are ACTIVE at 400 Gbit/s or faster"),
    ],
)
def test_more_and_faster_ports_are_well(pattern: str, instead: str, evidence: str) -> None:
    found = finding("fabric.ports", "gpu1", changed(PORTS, pattern, instead))
    assert (found.state, found.evidence) == (State.OK, evidence)


def test_where_nothing_speaks_infiniband_ethernet_is_the_fabric() -> None:
    answers = changed(PORTS, "400 InfiniBand", "400 Ethernet")
    found = finding("fabric.ports", "gpu1", answers)
    assert (found.state, found.evidence.split(";")[0]) == (State.OK, "8 are ACTIVE at 400 Gbit/s or faster")


def test_a_fabric_manager_beside_a_driver_that_was_there_is_looked_at() -> None:
    """Ampere's nvidia-smi says [N/A] of the fabric's state: nothing else tells of it."""
    cluster = with_gpu1(driver=Driver(source=Source.PREINSTALLED))
    assert finding("fabric.manager", "gpu1", recorded_answers("gpu1"), cluster).state is State.OK
    found = finding("fabric.manager", "gpu1", changed(MANAGER, "=running", "=dead"), cluster)
    assert (found.state, found.evidence.split(";")[0]) == (
        State.FAILED,
        "nvidia-fabricmanager.service is active (dead)",
    )
    assert "systemctl enable --now nvidia-fabricmanager" in found.fix
    unpackaged = changed(NODE, r"package nvidia-fabricmanager .*\n", "")
    assert finding("fabric.manager", "gpu1", unpackaged, cluster).state is State.OK
    assert finding("fabric.manager", "gpu1", unpackaged).state is State.UNKNOWN

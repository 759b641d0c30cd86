"""One lab and one cluster for all tests here. Tests run in the order of their files; each leaves the cluster whole."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from clustr import lab as labs
from clustr.lab.model import Lab, Login, Spec
from tests.lab.bootstrapped import Bootstrapped, watched_bootstrap
from tests.lab.cluster import LabCluster
from tests.lab.gpu_lab import gpu_lab as gpu_lab  # a fixture of this folder's tests

ARTIFACTS = os.environ.get("CLUSTR_TEST_ARTIFACTS", "")
LAB = os.environ.get("CLUSTR_TEST_LAB", "test-main")  # another name for a run beside another


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.lab)


def start(name: str, **traits: object) -> Lab:
    """A lab of this name, as the tests want it; one that is left from before is taken down first."""
    labs.down(name, lambda line: None)
    return labs.up(Spec(name=name, artifacts=ARTIFACTS, **traits), lambda line: None)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def lab_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabCluster]:
    """Three servers and two agents, fresh, on two networks; the login's sudo asks for a password.

    On the network of their `address` nodes reach this machine and the world, not each other: what works between them
    goes over `internal_address`.
    """
    kept = os.environ.get("CLUSTR_TEST_KEEP")  # the laptop's folder: the cluster of a test run before is used, and kept
    if kept and any(lab.name == LAB for lab in labs.all_labs()):
        yield LabCluster(labs.load(LAB), Path(kept))
        return
    lab = start(LAB, servers=3, agents=2, login=Login.PASSWORD, internal_network=True)
    isolate(lab)
    yield LabCluster(lab, Path(kept) if kept else tmp_path_factory.mktemp("laptop"))
    if not kept:
        labs.down(lab.name, lambda line: None)


def isolate(lab: Lab) -> None:
    """The bridge carries no frame from one node's port to another's (ip-link(8), bridge_slave isolated)."""
    ports = [port.name for port in Path(f"/sys/class/net/{lab.bridge}/brif").iterdir()]
    assert len(ports) == len(lab.nodes)
    for port in ports:
        subprocess.run(["ip", "link", "set", "dev", port, "type", "bridge_slave", "isolated", "on"], check=True)


@pytest.fixture(scope="session")
def bootstrapped(lab_nodes: LabCluster) -> Bootstrapped:
    """The first plan and bootstrap of the fresh nodes, watched from outside while it ran."""
    return watched_bootstrap(lab_nodes)


@pytest.fixture(scope="session")
def cluster(bootstrapped: Bootstrapped) -> LabCluster:
    """The running cluster."""
    bootstrapped.done.expect()
    return bootstrapped.cluster

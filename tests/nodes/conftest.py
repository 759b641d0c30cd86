"""The checks as pytest tests, over the nodes of an inventory: pytest tests/nodes --inventory FILE"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clustr.checks.catalogue import all_checks
from clustr.inventory.load import load
from clustr.inventory.model import Cluster
from clustr.remote.connection import Connection
from clustr.remote.ssh import Network

Connect = Callable[[str], Connection]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--inventory", type=Path, help="the inventory whose nodes are checked")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Without an inventory there is nothing here to run; `make test` has none."""
    return True if config.getoption("inventory", None) is None and collection_path.name.startswith("test_") else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "check" in metafunc.fixturenames:
        nodes = _cluster(metafunc.config).nodes
        pairs = [(node, check) for node in nodes for check in all_checks()]
        ids = [f"{node.name}-{check.id}" for node, check in pairs]
        metafunc.parametrize(("node", "check"), pairs, ids=ids)


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Cluster:
    return _cluster(pytestconfig)


@pytest.fixture(scope="session")
def connect(cluster: Cluster) -> Iterator[Connect]:
    """One connection to each node, opened when it is first asked for and held through the session."""
    lines: dict[str, Connection] = {}
    with Network() as network:

        def connect(name: str) -> Connection:
            if name not in lines:
                lines[name] = network.open(cluster.node(name))
            return lines[name]

        yield connect
        for line in lines.values():
            line.close()


def _cluster(config: pytest.Config) -> Cluster:
    return load(config.getoption("inventory"))

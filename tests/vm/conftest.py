"""A fresh virtual machine for each file of tests here, which run in make test-vm alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from clustr.artifacts import K3S, Sum, keep_sums
from clustr.inventory.load import load
from tests.vm.machine import GUEST, HOST, Machine, running

Describe = Callable[[Mapping[str, Any]], Path]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.vm)
            item.add_marker(pytest.mark.timeout(3600))


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with running(tmp_path_factory.mktemp("vm")) as made:
        yield made


@pytest.fixture
def describe(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Describe:
    """Writes an inventory with the machine as the only server of a cluster, and with what a test wants besides.

    k3s is in no stage of these tests, so its sum is of nothing that is used.
    """
    monkeypatch.setenv("HOME", str(machine.folder))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    ssh = {"user": "root", "key": str(machine.key), "port": machine.port, "known_hosts": str(machine.folder / "hosts")}
    node = {"name": "vm1", "address": "127.0.0.1", "internal_address": GUEST, "roles": ["server"], "class": "vm"}
    document = {"cluster": "vm", "ssh": ssh, "time": {"servers": [HOST]}, "nodes": [node], "classes": {"vm": {}}}

    def written(further: Mapping[str, Any]) -> Path:
        path = machine.folder / "inventory.yaml"
        path.write_text(yaml.safe_dump(document | {"monitoring": {"enabled": False}} | dict(further)))
        nothing = Sum(hashlib.sha256(b"").hexdigest(), "an empty file", "2026-11-30")
        cluster = load(path)
        keep_sums(cluster, {K3S.path(cluster.k3s.version, "amd64"): nothing})
        return path

    return written

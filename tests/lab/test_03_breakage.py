"""Point 3: each kind of goal broken by hand on a live node: the plan shows that alone, bootstrap mends that alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.lab.cluster import LabCluster, changes

JOURNALD = "/etc/systemd/journald.conf.d/90-clustr.conf"
EXPORTER = "prometheus-node-exporter.service"


@dataclass(frozen=True)
class Case:
    """Something broken on a node by hand, the one change that mends it, and the words that show that it is mended."""

    name: str
    node: str
    broken: str
    change: tuple[str, str, str]
    mended: str
    shows: str


CASES = (
    Case("content", "agent1", f"echo x >>{JOURNALD}", ("agent1", "base_os", JOURNALD), f"tail -n 1 {JOURNALD}", "=2G"),
    Case("mode", "agent1", f"chmod 600 {JOURNALD}", ("agent1", "base_os", JOURNALD), f"stat -c %a {JOURNALD}", "644"),
    Case("owner", "cp2", f"chown 1 {JOURNALD}", ("cp2", "base_os", JOURNALD), f"stat -c %U {JOURNALD}", "root"),
    Case(
        "package removed", "agent1", "apt-get -qy remove socat", ("agent1", "base_os", "packages"),
        "dpkg-query -W -f '${db:Status-Status}' socat", "installed",
    ),
    Case(
        "unit stopped", "cp3", f"systemctl stop {EXPORTER}", ("cp3", "node_exporter", f"{EXPORTER} runs"),
        f"systemctl is-active {EXPORTER}", "active",
    ),
    Case(
        "unit disabled", "cp3", f"systemctl disable {EXPORTER}", ("cp3", "node_exporter", f"{EXPORTER} at boot"),
        f"systemctl is-enabled {EXPORTER}", "enabled",
    ),
    Case(
        "unit masked", "cp3", f"systemctl mask {EXPORTER}", ("cp3", "node_exporter", f"{EXPORTER} at boot"),
        f"systemctl is-enabled {EXPORTER}", "enabled",
    ),
    Case(
        "sysctl", "agent2", "sysctl -qw net.ipv4.ip_forward=0", ("agent2", "base_os", "sysctl net.ipv4.ip_forward"),
        "sysctl -n net.ipv4.ip_forward", "1",
    ),
    Case(
        "label", "cp1", "k3s kubectl label node agent1 tier=wrong --overwrite", ("agent1", "node_object", "label tier"),
        "k3s kubectl get node agent1 -o 'jsonpath={.metadata.labels.tier}'", "training",
    ),
    Case(
        "taint", "cp1", "k3s kubectl taint node agent1 dedicated-",
        ("agent1", "node_object", "taint dedicated:NoSchedule"),
        "k3s kubectl get node agent1 -o 'jsonpath={.spec.taints}'", '"value":"gpu"',
    ),
)  # fmt: skip


def tainted(document: dict[str, Any]) -> None:
    (agent,) = [node for node in document["nodes"] if node["name"] == "agent1"]
    agent |= {"labels": {"tier": "training"}, "taints": ["dedicated=gpu:NoSchedule"]}


@pytest.fixture(scope="module")
def labelled(cluster: LabCluster) -> Iterator[Path]:
    """The cluster with a label and a taint on agent1; afterwards they leave the inventory, and with it the node."""
    inventory = cluster.variant("labelled", tainted)
    cluster.bootstrap(inventory).expect()
    yield inventory
    cluster.kubectl("label node agent1 set-by=hand")
    cluster.bootstrap().expect()
    labels = json.loads(cluster.kubectl("get node agent1 -o json"))["metadata"]["labels"]
    assert "tier" not in labels
    assert labels["set-by"] == "hand"
    assert "dedicated" not in cluster.kubectl("get node agent1 -o 'jsonpath={.spec.taints}'")
    cluster.kubectl("label node agent1 set-by-")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_broken_by_hand_is_shown_alone_and_mended_alone(
    cluster: LabCluster, labelled: Path, case: Case
) -> None:
    cluster.on(case.node, case.broken)
    assert changes(cluster.plan(labelled)) == [case.change]
    cluster.bootstrap(labelled).expect()
    done = [event for event in cluster.events() if event["event"] == "GoalDone"]
    assert [(event["node"], event["component"], event["goal"]) for event in done] == [case.change]
    assert case.shows in cluster.on(case.node, case.mended)
    assert cluster.plan(labelled) == []


def with_component(cluster: LabCluster, act: str, name: str) -> tuple[int, list[Any]]:
    command = [sys.executable, "-m", "tests.lab.with_component", act, str(cluster.inventory), name]
    done = subprocess.run(command, env=cluster.env(), capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode in (0, 6), done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_a_hold_taken_off_by_hand_is_put_back(cluster: LabCluster) -> None:
    assert with_component(cluster, "bootstrap", "held") == (0, [])
    cluster.on("agent1", "apt-mark unhold bsdextrautils")
    assert with_component(cluster, "plan", "held") == (0, [["agent1", "held", "held package"]])
    assert with_component(cluster, "bootstrap", "held") == (0, [])
    assert "bsdextrautils" in cluster.on("agent1", "apt-mark showhold")
    # Back under the product's own stages the record goes; the package stays, and is named.
    left = cluster.plan()
    assert [change["after"] for change in left] == ["stays: apt-get remove bsdextrautils"] * 2
    cluster.bootstrap().expect()
    assert cluster.plan() == []

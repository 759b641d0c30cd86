"""Points 8 and 9: an emptied first server never makes a second cluster; one more node changes nobody else."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from clustr import lab as labs
from clustr.inventory.model import Role
from tests.lab.cluster import LabCluster
from tests.lab.conftest import start

CA = "/var/lib/rancher/k3s/server/tls/server-ca.crt"


def test_everything_in_the_cluster_goes_over_the_internal_addresses(cluster: LabCluster) -> None:
    """The session's nodes cannot reach each other by `address` at all, and are a whole cluster."""
    addresses = {node.name: (node.address, node.internal_address) for node in cluster.lab.nodes}
    outer, inner = addresses["cp2"]
    # agent2 boots in other tests, which gives it a new port on the bridge; cp1 and cp2 keep theirs.
    assert cluster.on("cp1", f"ping -c 1 -W 2 {outer} >/dev/null && echo reached || echo not").strip() == "not"
    assert cluster.on("cp1", f"ping -c 1 -W 2 {inner} >/dev/null && echo reached || echo not").strip() == "reached"
    for node in json.loads(cluster.kubectl("get nodes -o json"))["items"]:
        told = {each["type"]: each["address"] for each in node["status"]["addresses"]}
        assert told["InternalIP"] == str(addresses[node["metadata"]["name"]][1])
    targets = scraped_targets(cluster, str(addresses["agent2"][1]))
    inner_addresses = {str(inside) for _, inside in addresses.values()}
    assert {target["health"] for target in targets} == {"up"}
    assert {re.sub(r"https?://([^:/]+).*", r"\1", target["scrapeUrl"]) for target in targets} <= inner_addresses


def scraped_targets(cluster: LabCluster, monitor: str, within: float = 90) -> list[dict[str, Any]]:
    """Prometheus's targets, once each was scraped: its node may just have booted."""
    deadline = time.monotonic() + within
    while True:
        answer = json.loads(cluster.on("agent2", f"curl -s http://{monitor}:9090/api/v1/targets"))
        targets: list[dict[str, Any]] = answer["data"]["activeTargets"]
        if all(target["health"] != "unknown" for target in targets) or time.monotonic() > deadline:
            return targets
        time.sleep(2)


@pytest.fixture
def one_more(cluster: LabCluster) -> Iterator[LabCluster]:
    """The same cluster with agent3 in its lab and inventory."""
    before = cluster.inventory.read_text()
    node = labs.add_node(cluster.lab, (Role.AGENT,), lambda line: None)
    yield LabCluster(labs.load(cluster.lab.name), cluster.home)
    labs.remove_node(labs.load(cluster.lab.name), node.name)
    assert cluster.inventory.read_text() == before


def test_one_more_agent_changes_nobody_but_itself_and_the_monitor(one_more: LabCluster) -> None:
    planned = one_more.plan()
    assert {change["node"] for change in planned} == {"agent3", "agent2"}
    on_the_monitor = {change["goal"] for change in planned if change["node"] == "agent2"}
    assert on_the_monitor == {"/etc/prometheus/targets/nodes.json"}


def members(cluster: LabCluster) -> dict[str, tuple[str, list[str]]]:
    """For cp2 and cp3: the CA they have, and the nodes that their API tells."""
    return {name: (cluster.on(name, f"sha256sum {CA}"), nodes_of(cluster, name)) for name in ("cp2", "cp3")}


def nodes_of(cluster: LabCluster, name: str) -> list[str]:
    return sorted(item["metadata"]["name"] for item in json.loads(cluster.kubectl("get nodes -o json", name))["items"])


def test_the_first_servers_disk_emptied_never_makes_a_second_cluster(cluster: LabCluster) -> None:
    before = members(cluster)
    labs.reset_node(cluster.lab, "cp1", lambda line: None)
    refused = cluster.bootstrap()
    assert refused.status == 5
    shown = refused.stdout + refused.stderr
    assert "cp1" in shown
    assert members(cluster) == before
    assert cluster.on("cp1", "find /etc/rancher /var/lib/rancher -type f 2>/dev/null || true") == ""

    # What the refusal says to do, done; then it joins the cluster that is there.
    (remedy,) = re.findall(r"k3s kubectl [^\n`]*delete[^\n`]*?(?= on |`|,|;|$)", shown, re.MULTILINE)[:1]
    cluster.on("cp2", remedy)
    cluster.bootstrap().expect()
    assert members(cluster) == before
    assert cluster.on("cp1", f"sha256sum {CA}") == before["cp2"][0]
    assert cluster.plan() == []


def test_no_cluster_is_founded_while_a_server_does_not_answer(cluster: LabCluster) -> None:
    """On servers of their own that are fresh: one of three is off."""
    lab = start("test-found", servers=3, agents=0)
    try:
        fresh = LabCluster(lab, cluster.home)
        labs.stop_node(lab, "cp2")
        refused = fresh.bootstrap()
        assert refused.status == 5
        assert "cp2" in refused.stdout + refused.stderr
        assert fresh.on("cp1", "ls /etc/rancher 2>/dev/null || true") == ""
    finally:
        labs.down("test-found", lambda line: None)

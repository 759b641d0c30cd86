"""Points 4 and 7: a node that breaks in mid-stage; nodes that must boot, and a run that is killed after the drain."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from typing import Any

from tests.lab.cluster import LabCluster
from tests.lab.test_03_breakage import with_component


def more_packages(document: dict[str, Any]) -> None:
    document["system"] = {"packages": ["tree"]}


def test_a_node_whose_package_source_is_down_fails_alone_and_is_mended_alone(cluster: LabCluster) -> None:
    inventory = cluster.variant("more-packages", more_packages)
    cluster.on("agent1", "echo 'deb http://127.0.0.1:9/debian bookworm main' >/etc/apt/sources.list.d/down.list")
    failed = cluster.bootstrap(inventory)
    assert failed.status == 6
    shown = failed.stdout + failed.stderr
    assert re.search(r"✗ agent1\s+base_os, package tree \(line \d+ of the script\)", shown)
    assert f"clustr bootstrap -i {inventory} --limit agent1" in shown
    (log,) = re.findall(r"^\s+~/(\S+/agent1\.log)$", shown, re.MULTILINE)
    assert "127.0.0.1:9" in (cluster.home / log).read_text()
    others = [name for name in cluster.nodes if name != "agent1"]
    for name in others:
        assert cluster.on(name, "dpkg-query -W -f '${db:Status-Status}' tree") == "installed"

    cluster.on("agent1", "rm /etc/apt/sources.list.d/down.list")
    cluster.bootstrap(inventory).expect()
    worked = {event["node"] for event in cluster.events() if event["event"] == "NodeStarted"}
    assert worked == {"agent1"}
    assert cluster.plan(inventory) == []
    cluster.bootstrap().expect()


def boot_ids(cluster: LabCluster) -> dict[str, str]:
    return {name: cluster.on(name, "cat /proc/sys/kernel/random/boot_id").strip() for name in ("agent1", "agent2")}


def state(cluster: LabCluster, node: str) -> tuple[str, bool, bool]:
    """(Ready, cordoned, marked) of a Node object."""
    document = json.loads(cluster.kubectl(f"get node {node} -o json"))
    ready = next(c["status"] for c in document["status"]["conditions"] if c["type"] == "Ready")
    marked = "clustr.io/cordoned" in document["metadata"].get("annotations", {})
    return ready, document["spec"].get("unschedulable", False), marked


def test_nodes_that_must_boot_do_so_one_at_a_time_drained_and_given_back(cluster: LabCluster) -> None:
    before = boot_ids(cluster)
    assert with_component(cluster, "bootstrap", "rebooting") == (0, [])
    after = boot_ids(cluster)
    assert all(after[name] != before[name] for name in after)
    told = [
        (event["node"], event.get("doing") or event["goal"])
        for event in cluster.events()
        if event["event"] in ("NodeStatus", "GoalDone")
        and event["node"] in after
        and event.get("stage", "Test stage") == "Test stage"
    ]
    kept = ("draining", "booted with the setting", "rebooting", "/etc/clustr-test-after")
    steps = [(node, what) for node, what in told if what in kept]
    first, second = steps[0][0], steps[-1][0]
    assert steps == [(node, what) for node in (first, second) for what in kept]
    assert first != second
    for name in after:
        assert state(cluster, name) == ("True", False, False)
        assert cluster.on(name, "cat /etc/clustr-test-after") == "after the boot\n"


def test_a_run_killed_after_the_drain_is_mended_by_the_next(cluster: LabCluster) -> None:
    """The test component's goals are taken back by the product's own stages, then asked for again."""
    cluster.bootstrap().expect()
    cluster.on("agent1", "test ! -e /etc/clustr-test-after")
    # The apply's first command waits, so that the kill falls between drain and boot.
    slow = "printf '#!/bin/bash\\ntouch /run/at-apply; sleep 5; exec /bin/dd \"$@\"\\n' >/usr/local/sbin/dd"
    for name in ("agent1", "agent2"):
        cluster.on(name, f"{slow} && chmod 755 /usr/local/sbin/dd && rm -f /run/at-apply")
    command = [sys.executable, "-m", "tests.lab.with_component", "bootstrap", str(cluster.inventory), "rebooting"]
    run = subprocess.Popen(command, env=cluster.env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        node = drained_node(cluster)
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait()
    for name in ("agent1", "agent2"):
        cluster.on(name, "rm -f /usr/local/sbin/dd")
    assert state(cluster, node)[1:] == (True, True)
    time.sleep(61)  # the lock of a run that was killed is silent for a minute before it is taken over
    assert with_component(cluster, "bootstrap", "rebooting") == (0, [])
    for name in ("agent1", "agent2"):
        assert state(cluster, name) == ("True", False, False)
    cluster.bootstrap().expect()
    assert cluster.plan() == []


def drained_node(cluster: LabCluster, within: float = 120) -> str:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        for name in ("agent1", "agent2"):
            if state(cluster, name)[2] and cluster.on(name, "ls /run/at-apply 2>/dev/null || true").strip():
                return name
        time.sleep(0.5)
    raise AssertionError("no node was drained")

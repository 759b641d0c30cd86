"""Interruptions: a cut connection, SIGKILL of clustr and a node that loses its power, each at four places.

All four places are reached in one run (tests/lab/places.py), on a node each, before it is interrupted. Afterwards one
plain `clustr bootstrap` makes everything whole. A lab node's file system is an overlay on this machine, so what a real
machine would lose because it was not yet on its disk is not lost here.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from clustr import lab as labs
from tests.lab.cluster import Done, LabCluster
from tests.lab.firewall import cut_off
from tests.lab.places import NODES, PACKAGE, RUNS, Place, Places

PATIENCE = 45  # seconds that a node which is cut off is waited for where that is to outlast the run


@dataclass(frozen=True)
class Interruption:
    """What was where when it came, how the interrupted run ended, and the one bootstrap after it."""

    how: str
    places: dict[Place, str]
    interrupted: Done
    mended: Done
    events: list[dict[str, Any]]  # of the mending run
    left: list[dict[str, Any]]  # the plan after it


@pytest.fixture(scope="module", params=["killed", "cut", "stopped"])
def interruption(request: pytest.FixtureRequest, cluster: LabCluster, tmp_path_factory: pytest.TempPathFactory) -> Any:
    how: str = request.param
    interrupt: Callable[[LabCluster, Places, subprocess.Popen[str]], Done | None]
    interrupt = {"killed": kill, "cut": cut, "stopped": stop}[how]
    places = Places(cluster)
    places.build()
    shown = tmp_path_factory.mktemp(how) / "shown"
    inventory = places.inventory
    with running(cluster, inventory, shown, PATIENCE if how == "cut" else None) as run:
        places.wait(run)
        found = places.what_is_there()
        mended = interrupt(cluster, places, run)
        ended = Done(run.wait(600), shown.read_text(), "")
    mended = mended or cluster.bootstrap(inventory)
    return Interruption(how, found, ended, mended, cluster.events(), cluster.plan(inventory))


@pytest.fixture(scope="module", autouse=True)
def _given_back(cluster: LabCluster) -> Iterator[None]:
    """The package is wanted no more, and every node without it again."""
    yield
    cluster.bootstrap().expect()
    for node in cluster.nodes:
        cluster.on(
            node, f"dpkg --purge {PACKAGE}; rm -rf {RUNS} /srv/clustr-test /etc/apt/sources.list.d/clustr-test.list"
        )


@contextmanager
def running(cluster: LabCluster, inventory: Path, shown: Path, patience: int | None) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.lab.places", str(inventory), str(patience or "")]
    with shown.open("w") as file:
        run = subprocess.Popen(command, env=cluster.env(), stdout=file, stderr=subprocess.STDOUT, text=True)
        try:
            yield run
        finally:
            run.kill()
            run.wait()


def kill(cluster: LabCluster, places: Places, run: subprocess.Popen[str]) -> Done:
    """SIGKILL of clustr. What stands on cp2 is let go only when the next run has found it at work."""
    run.send_signal(signal.SIGKILL)
    run.wait()
    places.let_go("cp3", "agent2")
    before = len(cluster.runs)
    with cluster.start("bootstrap", str(places.inventory), "--yes") as mending:
        until(lambda: len(cluster.runs) > before and ("cp2", "is at work here") in notes(cluster), mending)
        places.let_go("cp2")
        shown, _ = mending.communicate(timeout=600)
    return Done(mending.returncode, shown, "")


def cut(cluster: LabCluster, places: Places, run: subprocess.Popen[str]) -> None:
    """Every packet of ssh to the four nodes and from them is dropped, until the run knows; on agent1 past its end."""
    with cut_off(cluster.lab, *NODES.values()) as heal:
        until(lambda: lost(cluster) == set(NODES.values()), run)
        places.let_go(*NODES.values())
        heal("cp2", "cp3", "agent2")
        run.wait(600)


def stop(cluster: LabCluster, places: Places, run: subprocess.Popen[str]) -> None:
    """The four nodes lose their power all at once, cp2 and cp3 among them: etcd has no majority then.

    Servers are switched on first: an agent is not up before it finds the API.
    """
    for node in NODES.values():
        labs.crash_node(cluster.lab, node)
    for node in ("cp2", "cp3", "agent1", "agent2"):
        labs.start_node(cluster.lab, node, lambda line: None)
    run.wait(600)


def until(true: Callable[[], bool], run: subprocess.Popen[str], within: float = 300) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert run.poll() is None, f"the run ended with {run.returncode}"
        assert time.monotonic() < deadline
        time.sleep(0.5)


def notes(cluster: LabCluster) -> set[tuple[str, str]]:
    """What the last run noted of other runs: the nodes, and the words without the run's name."""
    told = [event for event in cluster.events() if event["event"] == "Note"]
    return {(event["node"], re.sub(r"^run \w+ of \S+@\S+ ", "", event["text"])) for event in told}


def lost(cluster: LabCluster) -> set[str]:
    told = (event for event in cluster.events() if event["event"] == "NodeStatus")
    return {event["node"] for event in told if event["doing"].startswith("connection lost")}


def test_the_interruption_came_at_all_four_places(interruption: Interruption) -> None:
    at = interruption.places
    assert at[Place.POSTINST] == "half-configured"
    assert at[Place.RESTART].split() == ["0", "active"]  # the file is mended; the unit still runs with the old one
    assert at[Place.JOIN].strip() == "activating"
    assert re.fullmatch(r"true \w+", at[Place.DRAIN])


def test_one_plain_bootstrap_makes_everything_whole(interruption: Interruption) -> None:
    interruption.mended.expect()
    assert interruption.left == []
    assert {event["event"] for event in interruption.events} & {"NodeFailed", "NodeSkipped", "NodeSilent"} == set()


@pytest.mark.parametrize("place", Place)
def test_the_node_is_whole(interruption: Interruption, place: Place, cluster: LabCluster) -> None:
    node = NODES[place]
    assert cluster.on(node, "dpkg --audit") == ""
    spec = json.loads(cluster.kubectl(f"get node {node} -o json"))
    assert not spec["spec"].get("unschedulable", False)
    assert "clustr.io/cordoned" not in spec["metadata"].get("annotations", {})
    assert {c["type"]: c["status"] for c in spec["status"]["conditions"]}["Ready"] == "True"
    WHOLE[place](cluster, interruption)


def postinst_ran(cluster: LabCluster, interruption: Interruption) -> None:
    """Once; after a power loss dpkg has to run it again."""
    assert cluster.on("agent1", f"dpkg-query -W -f '${{db:Status-Status}}' {PACKAGE}") == "installed"
    runs = cluster.on("agent1", f"cat {RUNS}").split()
    assert len(runs) == (2 if interruption.how == "stopped" else 1)


def restarted_since(cluster: LabCluster, _: Interruption) -> None:
    exporter, wrote = "prometheus-node-exporter", "$(stat -c %Y /etc/default/prometheus-node-exporter)"
    started = f'$(date -d "$(systemctl show -p ActiveEnterTimestamp --value {exporter})" +%s)'
    assert cluster.on("cp2", f"test {started} -ge {wrote} && systemctl is-active {exporter}").strip() == "active"


def joined(cluster: LabCluster, _: Interruption) -> None:
    items = json.loads(cluster.kubectl("get nodes -o json", "cp3"))["items"]
    assert {item["metadata"]["name"] for item in items} == set(cluster.nodes)
    ca = "sha256sum /var/lib/rancher/k3s/server/tls/server-ca.crt"
    assert cluster.on("cp3", ca) == cluster.on("cp1", ca)


def given_back(cluster: LabCluster, _: Interruption) -> None:
    """The test's own goal is wanted no more: the plain bootstrap has taken it away."""
    assert cluster.on("agent2", "ls /etc/clustr-test 2>/dev/null || true") == ""


WHOLE: dict[Place, Callable[[LabCluster, Interruption], None]] = {
    Place.POSTINST: postinst_ran,
    Place.RESTART: restarted_since,
    Place.JOIN: joined,
    Place.DRAIN: given_back,
}


def test_the_next_run_goes_on_by_itself(interruption: Interruption) -> None:
    """It starts right after the interrupted one is gone, whose lock is silent for a minute before it is taken over."""
    begun, worked = (
        next(event["time"] for event in interruption.events if event["event"] == kind)
        for kind in ("Command", "NodeStarted")
    )
    assert (datetime.fromisoformat(worked) - datetime.fromisoformat(begun)).total_seconds() < 90


def test_what_became_of_the_interrupted_run_is_told(interruption: Interruption) -> None:
    """By the next run where nobody else could, by itself where it could."""
    told = "\n".join(event["text"] + event["node"] for event in interruption.events if event["event"] == "Note")
    itself = interruption.interrupted
    match interruption.how:
        case "killed":
            assert itself.status == -signal.SIGKILL
            assert re.search(r"\(bootstrap, since \d\d:\d\d, run \w+\) was cut off: no beat for \d+ s", told)
            assert re.search(r"run \w+ of \S+@\S+ went well here to its end(cp3|agent1|agent2|agent\[1-2\])", told)
            assert re.search(r"run \w+ of \S+@\S+ is at work herecp2", told)
        case "cut":
            assert itself.status == 6
            assert re.search(r"^agent1 \w+ \S+ does not answer", itself.stdout, re.MULTILINE)
            assert re.findall(r"went well here to its end(\S+)", told) == ["agent1"]
        case _:
            assert itself.status == 6
            failed = re.findall(
                r"^(\w+) ApplyError was cut off in the middle of its changes", itself.stdout, re.MULTILINE
            )
            assert set(failed) == set(NODES.values())
            assert "run" not in told

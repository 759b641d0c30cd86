"""The checks on the running cluster: they hold, as doctor, as pytest and from a script, and none holds blindly."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from tests.lab.cluster import LabCluster

HOUSE = Path(__file__).parents[2]


def test_doctor_finds_the_cluster_healthy(cluster: LabCluster) -> None:
    done = cluster.clustr("doctor", str(cluster.inventory), "--output", "json").expect()
    jsonschema.validate(done.json, json.loads((files("clustr") / "schemas" / "doctor.json").read_text()))
    findings = done.json["findings"]
    assert [each for each in findings if each["state"] in ("failed", "unknown")] == []
    assert {each["node"] for each in findings} == set(cluster.nodes)
    asked = {each["check"] for each in findings if each["state"] == "ok"}
    assert {"k3s.etcd-members", "k3s.node-ready", "os.clock", "prometheus.targets-up", "network.api-port"} <= asked


def test_the_same_checks_hold_as_pytest_tests(cluster: LabCluster) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "tests/nodes", "--inventory", str(cluster.inventory)]
    done = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


@pytest.mark.parametrize("node", ["cp2", "agent2"])
def test_a_program_taken_away_makes_no_check_ok(cluster: LabCluster, node: str) -> None:
    """agent2 is the monitor as well."""
    command = [sys.executable, "-O", "-m", "tests.lab.blindness", cluster.lab.name, node]
    done = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["optimized"] is True
    assert set(outcome["whole"].values()) <= {"ok", "skipped", "warning"}
    without = outcome["without"]
    assert {"systemctl", "curl", "k3s", "chronyc", "grep", "base64"} <= without.keys()
    ok = [(program, check) for program, found in without.items() for check, state in found.items() if state == "ok"]
    assert ok == []
    assert outcome["again"] == outcome["whole"]


def test_a_stopped_service_is_found_with_its_fix(cluster: LabCluster) -> None:
    cluster.on("agent1", "systemctl stop prometheus-node-exporter")
    try:
        done = cluster.clustr("doctor", str(cluster.inventory), "--only", "node-exporter.answers", "--output", "json")
    finally:
        cluster.on("agent1", "systemctl start prometheus-node-exporter")
    done.expect(8)
    failed = [each for each in done.json["findings"] if each["state"] == "failed"]
    assert [(each["node"], each["fix"]) for each in failed] == [("agent1", "clustr bootstrap --limit agent1")]


def test_a_server_that_is_down_is_seen_by_the_others(cluster: LabCluster) -> None:
    """Quorum holds with one of three servers down; the other two say who is missing."""
    cluster.on("cp3", "systemctl stop k3s")
    try:
        done = cluster.clustr("doctor", str(cluster.inventory), "--only", "k3s.*", "--output", "json").expect(8)
    finally:
        cluster.on("cp3", "systemctl start k3s")
    found = {(each["check"], each["node"]): each["state"] for each in done.json["findings"]}
    assert found["k3s.service-active", "cp3"] == "failed"
    assert found["k3s.etcd-health", "cp1"] == "ok"
    assert found["k3s.etcd-members", "cp1"] == "failed"
    assert found["k3s.etcd-members", "cp2"] == "failed"

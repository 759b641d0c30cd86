"""Point 6 on real nodes: the wheel's clustr looks at the running cluster, and its JSON holds to its own schemas."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.lab.cluster import Done, LabCluster
from tests.wheel import Wheel


def clustr(wheel: Wheel, cluster: LabCluster, *words: str) -> Done:
    """Runs the wheel's clustr on the laptop of the tests, away from the checkout."""
    done = subprocess.run(
        [wheel.clustr, *words], env=cluster.env(), cwd=cluster.home, capture_output=True, text=True, check=False
    )
    return Done(done.returncode, done.stdout, done.stderr)


def document(wheel: Wheel, cluster: LabCluster, inventory: Path, command: str, *words: str) -> Any:
    """The JSON document of a command, found to hold the schema that the same clustr prints."""
    schema = clustr(wheel, cluster, command, "--schema").expect().json
    jsonschema.Draft202012Validator.check_schema(schema)
    found = clustr(wheel, cluster, command, "-i", str(inventory), "--output", "json", *words).expect().json
    jsonschema.Draft202012Validator(schema).validate(found)
    return found


def test_the_wheels_plan_has_nothing_to_do(wheel: Wheel, cluster: LabCluster) -> None:
    done = clustr(wheel, cluster, "plan", str(cluster.inventory), "--exit-code").expect(0)
    assert f"{cluster.lab.name} is as inventory.yaml says: 5 nodes" in done.stdout


def test_plan_as_json(wheel: Wheel, cluster: LabCluster) -> None:
    def labelled(inventory: dict[str, Any]) -> None:
        inventory.setdefault("defaults", {})["labels"] = {"clustr.test/shelf": "a"}

    found = document(wheel, cluster, cluster.variant("labelled", labelled), "plan")
    planned = [change for stage in found["stages"] for change in stage["changes"]]
    assert {change["node"] for change in planned if "clustr.test/shelf" in change["goal"]} == set(cluster.nodes)
    assert found["goals"] > 100


def test_bootstrap_as_json(wheel: Wheel, cluster: LabCluster) -> None:
    found = document(wheel, cluster, cluster.inventory, "bootstrap", "--yes")
    assert (found["changes"], found["failed"], found["skipped"]) == (0, [], [])
    assert sorted(found["done"]) == sorted(cluster.nodes)
    assert found["kubeconfig"] == str(cluster.kubeconfig)


def test_doctor_as_json(wheel: Wheel, cluster: LabCluster) -> None:
    found = document(wheel, cluster, cluster.inventory, "doctor")
    assert (found["summary"]["failed"], found["summary"]["unknown"]) == (0, 0)
    assert {finding["node"] for finding in found["findings"] if finding["state"] == "ok"} >= set(cluster.nodes)


@pytest.mark.parametrize("status", [0, 3])
def test_exec_as_json(wheel: Wheel, cluster: LabCluster, status: int) -> None:
    command = ["exec", "-i", str(cluster.inventory), "--output", "json", "--", "sh", "-c", f"echo there; exit {status}"]
    schema = clustr(wheel, cluster, "exec", "--schema").expect().json
    found = clustr(wheel, cluster, *command).expect(1 if status else 0).json
    jsonschema.Draft202012Validator(schema).validate(found)
    (answer,) = found["answers"]
    assert (sorted(answer["nodes"]), answer["status"], answer["output"]) == (sorted(cluster.nodes), status, "there")

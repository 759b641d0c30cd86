"""Points 1 and 2: a plan touches nothing; a bootstrap does what the plan said; then there is nothing to do."""

from __future__ import annotations

import json
import re
from difflib import unified_diff
from pathlib import Path

from tests.lab.bootstrapped import Bootstrapped, listing
from tests.lab.cluster import LabCluster, changes
from tests.lab.workload import answer_of_service, spread_deployment

# What the running cluster writes by itself, from second to second.
DATA = (
    "/var/lib/rancher",
    "/var/lib/kubelet",
    "/var/lib/containerd",
    "/var/lib/cni",
    "/var/lib/prometheus",
    "/var/lib/chrony",
    "/var/lib/private",
    "/etc/cni",
)


def difference(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return [
        f"{node}: {line}"
        for node in before
        for line in unified_diff(before[node].splitlines(), after[node].splitlines(), lineterm="", n=0)
        if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]


def test_a_plan_on_fresh_nodes_touches_nothing(bootstrapped: Bootstrapped) -> None:
    assert bootstrapped.planned, "an empty plan of fresh nodes shows nothing"
    assert all(len(lines.splitlines()) > 5000 for lines in bootstrapped.before.values())
    assert difference(bootstrapped.before, bootstrapped.after_plan) == []


def test_bootstrap_does_what_the_plan_said_name_for_name(bootstrapped: Bootstrapped) -> None:
    bootstrapped.done.expect()
    events = bootstrapped.cluster.events(bootstrapped.run)
    done = [(event["node"], event["component"], event["goal"]) for event in events if event["event"] == "GoalDone"]
    planned = changes(bootstrapped.planned)
    assert set(done) <= set(planned)
    assert of_nodes_alone(done) == of_nodes_alone(planned)
    assert len(done) > 100


def of_nodes_alone(goals: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Without what all labs of this machine share: another's bootstrap may set it between a plan and its run."""
    return sorted(goal for goal in goals if not re.match(r"sysctl (?!net[.])", goal[2]))


def test_all_nodes_are_ready_in_kubernetes(cluster: LabCluster) -> None:
    nodes = json.loads(cluster.kubectl("get nodes -o json"))["items"]
    ready = {
        node["metadata"]["name"]: next(c["status"] for c in node["status"]["conditions"] if c["type"] == "Ready")
        for node in nodes
    }
    assert ready == dict.fromkeys(cluster.nodes, "True")


def test_a_deployment_spread_over_all_nodes_answers_by_its_services_name(cluster: LabCluster) -> None:
    pods = spread_deployment(cluster)
    assert sorted(node for node, _ in pods) == sorted(cluster.nodes)
    answered = {answer_of_service(cluster, pod) for _, pod in pods for _ in range(8)}
    assert len(answered) > 1, "all answers came from one pod: nothing went to another node"
    assert answered <= {pod for _, pod in pods}


def test_then_there_is_nothing_to_do(cluster: LabCluster) -> None:
    done = cluster.clustr("plan", str(cluster.inventory), "--exit-code").expect(0)
    assert "is as inventory.yaml says" in done.stdout


def test_a_plan_on_the_running_cluster_touches_nothing(cluster: LabCluster) -> None:
    before = listing(cluster, DATA)
    cluster.clustr("plan", str(cluster.inventory)).expect()
    assert difference(before, listing(cluster, DATA)) == []


def test_a_second_bootstrap_restarts_nothing(cluster: LabCluster) -> None:
    before = running(cluster)
    cluster.bootstrap().expect()
    after = running(cluster)
    for node in cluster.nodes:
        # A service that D-Bus starts on demand may have ended by itself meanwhile; none may have started anew.
        assert {unit: since for unit, since in before[node].items() if unit in after[node]} == {
            unit: since for unit, since in after[node].items() if unit in before[node]
        }
        assert {unit for unit in before[node] if unit in after[node]} >= OURS
        assert {name for name in before[node] if name.startswith("container ")} == {
            name for name in after[node] if name.startswith("container ")
        }


OURS = {"chrony.service", "systemd-journald.service", "prometheus-node-exporter.service", "ssh.service"}


def running(cluster: LabCluster) -> dict[str, dict[str, str]]:
    """Since when every unit runs, and the ids of all containers, on every node."""
    script = """
systemctl list-units --all --plain --no-legend --state=active | awk '{print $1}' | while read -r unit; do
  echo "$unit $(systemctl show -p ActiveEnterTimestamp --value -- "$unit")"
done
k3s crictl ps --quiet | sed 's/$/ runs/; s/^/container /'
"""
    found = {}
    for name in cluster.nodes:
        lines = [
            line.rpartition(" runs") if line.startswith("container") else line.partition(" ")
            for line in cluster.on(name, script).splitlines()
        ]
        found[name] = {unit: since for unit, _, since in lines if not TRANSIENT.match(unit)}
    return found


# What a login makes and ends, and what a timer starts.
TRANSIENT = re.compile(r"(session-|user[@-]|run-user|run-credentials|clustr-apply|apt-daily|.*\.timer$|.*\.device$)")


def test_the_kubeconfig_is_merged_and_private(cluster: LabCluster) -> None:
    path: Path = cluster.kubeconfig
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text()
    assert f"name: {cluster.lab.name}" in text
    assert "insecure-skip-tls-verify" not in text

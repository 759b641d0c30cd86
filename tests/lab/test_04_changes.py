"""Point 3, continued: changes of the inventory on the running cluster, and an apply that is killed in the middle."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.lab.cluster import LabCluster, changes

# What the kubelet of agent1 asks, with its own certificate, of each server; a line for each answer.
ASK = """
certs=/var/lib/rancher/k3s/agent
for server in {servers}; do
  curl --silent --max-time 5 --output /dev/null --write-out '%{{http_code}}\\n' --cacert $certs/server-ca.crt \\
    --cert $certs/client-kubelet.crt --key $certs/client-kubelet.key https://$server:6443/api/v1/nodes/agent1 &
done
wait
"""


@contextmanager
def api_asked(cluster: LabCluster, every: float = 0.2) -> Iterator[list[int]]:
    """While inside, all servers are asked every so many seconds; how many gave the answer each time is collected."""
    answers: list[int] = []
    over = threading.Event()
    servers = " ".join(str(cluster.lab.node(name).internal_address) for name in ("cp1", "cp2", "cp3"))

    def ask() -> None:
        while not over.wait(every):
            answers.append(cluster.on("agent1", ASK.format(servers=servers)).split().count("200"))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield answers
    finally:
        over.set()
        thread.join()


def more_pods(document: dict[str, Any]) -> None:
    document["k3s"]["kubelet_args"] = ["max-pods=200"]


def test_a_kubelet_arg_on_three_servers_is_a_diff_and_restarts_them_one_at_a_time(cluster: LabCluster) -> None:
    inventory = cluster.variant("more-pods", more_pods)
    shown = cluster.clustr("plan", str(inventory)).expect().stdout
    assert "@@" in shown
    assert "+- max-pods=200" in shown
    with api_asked(cluster) as answers:
        cluster.bootstrap(inventory).expect()
    assert len(answers) > 30
    assert 2 in answers, "no server was seen while it restarted"
    assert min(answers) == 2, "more than one server was down at a time"
    assert one_at_a_time(cluster.events())
    nodes = {node["metadata"]["name"]: node for node in json.loads(cluster.kubectl("get nodes -o json"))["items"]}
    assert {nodes[name]["status"]["capacity"]["pods"] for name in ("cp1", "cp2", "cp3")} == {"200"}
    cluster.bootstrap().expect()


def one_at_a_time(events: list[dict[str, Any]]) -> bool:
    """Whether no server's work began before the one before it was done."""
    open_now = None
    for event in events:
        if not event.get("node", "").startswith("cp") or event.get("stage") not in ("First server", "Other servers"):
            continue
        if event["event"] == "NodeStarted":
            if open_now:
                return False
            open_now = event["node"]
        if event["event"] == "NodeDone":
            open_now = None
    return True


def no_monitoring(document: dict[str, Any]) -> None:
    document["monitoring"] = False


PARTS = "/etc/prometheus/prometheus.yml /etc/prometheus/rules/clustr.yml /etc/prometheus/targets/nodes.json"


def test_monitoring_switched_off_takes_its_parts_away(cluster: LabCluster) -> None:
    inventory = cluster.variant("unmonitored", no_monitoring)
    shown = cluster.clustr("plan", str(inventory)).expect().stdout
    assert "stays: apt-get remove prometheus" in shown
    planned = cluster.plan(inventory)
    assert {change["kind"] for change in planned} == {"remove"}
    cluster.bootstrap(inventory).expect()
    assert cluster.plan(inventory) == []
    for unit in ("prometheus.service", "prometheus-alertmanager.service"):
        assert cluster.on("agent2", f"systemctl is-active {unit} || true").strip() in ("inactive", "failed")
        assert cluster.on("agent2", f"systemctl is-enabled {unit} 2>/dev/null || true").strip() in ("disabled", "")
    assert "clustr" not in cluster.on("agent2", f"cat {PARTS} 2>/dev/null || true")
    cluster.bootstrap().expect()
    assert cluster.plan() == []
    assert cluster.on("agent2", "systemctl is-active prometheus.service").strip() == "active"


# A systemctl that waits before it restarts Prometheus, so that the apply can be killed between file and restart.
SLOW_RESTART = """cat >/usr/local/sbin/systemctl <<'END'
#!/bin/bash
case "$*" in *restart*prometheus.service*) touch /run/at-restart; sleep 60 ;; esac
exec /usr/bin/systemctl "$@"
END
chmod 755 /usr/local/sbin/systemctl; rm -f /run/at-restart
"""


def longer(document: dict[str, Any]) -> None:
    document["monitoring"] = {"retention": "31d"}


def test_an_apply_killed_between_file_and_restart_leaves_the_restart_to_the_next_run(cluster: LabCluster) -> None:
    inventory = cluster.variant("longer", longer)
    cluster.on("agent2", SLOW_RESTART)
    run = cluster.start("bootstrap", str(inventory), "--yes")
    try:
        wait_for(cluster, "agent2", "/run/at-restart")
        cluster.on("agent2", "/usr/bin/systemctl kill --signal=KILL clustr-apply.service")
        output, _ = run.communicate(timeout=120)
    finally:
        run.kill()
        cluster.on("agent2", "rm -f /usr/local/sbin/systemctl")
    assert run.returncode == 6, output
    assert "cut off" in output
    assert changes(cluster.plan(inventory)) == [("agent2", "prometheus", "prometheus.service runs")]
    cluster.bootstrap(inventory).expect()
    flags = cluster.on("agent2", f"curl -s http://{address(cluster)}:9090/api/v1/status/flags")
    assert json.loads(flags)["data"]["storage.tsdb.retention.time"] == "31d"
    cluster.bootstrap().expect()


def address(cluster: LabCluster) -> str:
    return str(cluster.lab.node("agent2").internal_address)


def wait_for(cluster: LabCluster, node: str, path: str, within: float = 120) -> None:
    deadline = time.monotonic() + within
    while cluster.on(node, f"[ -e {path} ] && echo there || true").strip() != "there":
        assert time.monotonic() < deadline, f"{path} did not appear on {node}"
        time.sleep(0.3)

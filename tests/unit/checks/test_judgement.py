"""Each check on a node with one thing wrong: it says so, and what it found. The rest of the node is as recorded."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace

import pytest

from clustr.checks import gpu_node
from clustr.checks.catalogue import all_checks, only
from clustr.checks.check import Finding, State
from clustr.checks.questions import Answer
from clustr.checks.run import check_node
from clustr.inventory.model import Cluster, Network, Runtime
from tests.unit.checks.gpu_cases import GPU_CASES
from tests.unit.checks.recorded import Spoken, recorded_answers, recorded_cluster
from tests.unit.checks.wrong import ALL, Wrong

REFUSED = "curl: (7) Failed to connect: Connection refused"
AGENT = "agent1"
CASES = [
    *GPU_CASES,
    Wrong("os.systemd-running", "SystemState", "running", "degraded", "degraded; wanted: running"),
    Wrong("os.systemd-running", "--state=failed", ALL, "a.service loaded failed failed A\n", "running: a.service"),
    Wrong("os.hostname", "uname -n", "cp1", "debian", "debian; wanted: cp1"),
    Wrong(
        "os.time-service", "chrony.service", "active\nSubState=running", "failed\nSubState=failed", "is failed (failed)"
    ),
    Wrong("os.clock", "tracking", ",Normal", ",Not synchronised", "Not synchronised"),
    Wrong("os.clock", "tracking", r"^((?:[^,]*,){4})[^,]*", r"\g<1>-2.5", "-2500.000 ms"),
    Wrong("os.swap-off", "swapon", ALL, "/dev/sda2 8G\n", "/dev/sda2 8G; wanted: none"),
    Wrong("os.readonly-root", "findmnt", r"(?m)^/ rw", "/ ro", "/ is mounted ro"),
    Wrong("os.disk", "df -P -k / ", r"\d+ +\d+ +\d+%", "100 1 99%", "of space left; wanted: 5 %"),
    Wrong("os.disk", "df -P -i / ", r"\d+ +\d+ +\d+%", "100 1 99%", "of inodes left; wanted: 5 %"),
    Wrong("os.disk-filling", "df -P -k / ", r"(\d+) +\d+ +\d+ +\d+%", "1000 900 100 90%", "10 %", state=State.WARNING),
    Wrong("os.memory", "meminfo", r"MemAvailable: +\d+", "MemAvailable: 90000", "87 of"),
    Wrong("os.reboot-required", "find /run", ALL, "/run/reboot-required\n", "a reboot is due", state=State.WARNING),
    Wrong(
        "network.internal-address",
        "address show",
        r"10\.77\.1\.11",
        "10.77.1.99",
        "10.77.1.99 on host0, ",
    ),
    Wrong("network.servers-resolve", "getent", ALL, "", "is unknown; wanted: one of 10.77.1.11", status=2),
    Wrong("network.servers-resolve", "getent", r"10\.77\.1\.11", "192.0.2.1", "is 192.0.2.1"),
    Wrong("network.forwarding", "ip_forward", r"^1", "0", "ip_forward is 0"),
    Wrong("network.ports", "ss --no-header", r".*:6443.*\n", "", "nothing listens on 6443 (API)"),
    Wrong("network.ports", "ss --no-header", r"\S+:10250", "127.0.0.1:10250", "10250 (kubelet)", AGENT),
    Wrong("network.api-port", "//10.77.1.12:6443", ALL, "", "Connection refused", AGENT, status=7, stderr=REFUSED),
    Wrong("network.api-port", "//10.77.1.12:6443", "pong", "<html>", "cp2 answers '<html>'", AGENT),
    Wrong("runtime.ready", "crictl", r'true(,\s+"type": "NetworkReady")', r"false\1", "NetworkReady"),
    Wrong("k3s.etcd-health", "2381/health", "true", "false", "false'"),
    Wrong("k3s.etcd-health", "2381/health", r"200$", "503", "answers 503; wanted: 200"),
    Wrong(
        "k3s.etcd-members", "2381/metrics", r'Remote="\w+"} 1', 'Remote="b"} 0', "0 other members connected; wanted: 2"
    ),
    Wrong("k3s.etcd-members", "2381/metrics", "has_leader 1", "has_leader 0", "no leader"),
    Wrong("k3s.service-active", "-- k3s.service", "=running", "=auto-restart", "k3s.service is active (auto-restart)"),
    Wrong("k3s.service-active", "-- k3s.service", "=loaded", "=masked", "k3s.service is masked, active (running)"),
    Wrong("k3s.service-active", "-- k3s-agent", "=loaded", "=not-found", "there is no k3s-agent.service", AGENT),
    Wrong(
        "k3s.api-ready",
        "/readyz",
        ALL,
        "[+]ping ok\n[-]etcd failed: x\nreadyz check failed",
        "[-]etcd failed",
        status=1,
    ),
    Wrong("k3s.kubelet", "10248", ALL, "", "Connection refused", status=7, stderr=REFUSED),
    Wrong("k3s.node-ready", "get node", r'"status": "True"', '"status": "Unknown"', "Ready is Unknown; wanted: True"),
    Wrong("k3s.node-ready", "get node", ALL, "", "Kubernetes knows no node cp1"),
    Wrong(
        "k3s.node-pressure",
        "get node",
        r'"False"(,\s+"type": "DiskPressure")',
        r'"True"\1',
        "DiskPressure is True",
    ),
    Wrong("k3s.node-address", "get node", r'"10\.77\.1\.11"', '"192.0.2.7"', "192.0.2.7; wanted: 10.77.1.11"),
    Wrong(
        "k3s.node-schedulable",
        "get node",
        '"spec": {',
        '"spec": {"unschedulable": true,',
        "cordoned",
        state=State.WARNING,
    ),
    Wrong("k3s.version", "get node", r'"kubeletVersion": "[^"]+"', '"kubeletVersion": "v1.35.0+k3s1"', "v1.35.0+k3s1"),
    Wrong("k3s.disk", "df -P -k /var/lib/rancher", r"\d+ +\d+ +\d+%", "100 1 99%", "of space left"),
    Wrong(
        "k3s.secret-files",
        "stat -L",
        "600 root /etc/rancher/k3s/token",
        "644 root /etc/rancher/k3s/token",
        "is 644 root",
    ),
    Wrong(
        "k3s.secret-files", "stat -L", "600 root /etc/rancher/k3s/token", "600 lab /etc/rancher/k3s/token", "is 600 lab"
    ),
    Wrong("k3s.certificates", "date", ALL, "7258118400\n", "wanted: valid on 2200-01-01"),
    Wrong("k3s.certificates-due", "date", ALL, "7258118400\n", "expires on", state=State.WARNING),
    Wrong("node-exporter.answers", ":9100", ALL, "", "Connection refused", status=7, stderr=REFUSED),
    Wrong("node-exporter.answers", ":9100", 'nodename="cp1"', 'nodename="cp9"', 'nodename="cp9"'),
    Wrong("prometheus.ready", ":9090/-/ready", r"200$", "503", "answers 503", AGENT),
    Wrong(
        "prometheus.config-loaded", "runtimeinfo", r'(reloadConfigSuccess":\s?)true', r"\1false", "reload failed", AGENT
    ),
    Wrong(
        "prometheus.rules-loaded", "v1/rules", r'"rules":\[.*\],"interval"', '"rules":[],"interval"', "no rules", AGENT
    ),
    Wrong("prometheus.rules-loaded", "v1/rules", '"health":"ok"', '"health":"err"', "NodeDown", AGENT),
    Wrong(
        "prometheus.targets-known", "v1/targets", r"10\.77\.1\.12:9100/", "10.77.1.99:9100/", "cp2 is no target", AGENT
    ),
    Wrong(
        "prometheus.targets-known", "v1/targets", '"health": ?"up"', '"health":"unknown"', "cp1 is not asked yet", AGENT
    ),
    Wrong("prometheus.targets-up", "v1/targets", r"10\.77\.1\.12:9100/", "10.77.1.99:9100/", "cp2 is no target", AGENT),
    Wrong("prometheus.targets-up", "v1/targets", '"health": ?"up"', '"health":"down"', "cp1 is down", AGENT),
    Wrong(
        "prometheus.no-alerts",
        "v1/alerts",
        r'"alerts":\[.*\]',
        '"alerts":[{"state":"firing","labels":{"alertname":"NodeDown","node":"cp2"}}]',
        "NodeDown cp2",
        AGENT,
        State.WARNING,
    ),
    Wrong("alertmanager.ready", ":9093/-/ready", ALL, "", "Connection refused", AGENT, status=7, stderr=REFUSED),
    Wrong(
        "alertmanager.ready",
        "v1/alertmanagers",
        r'"activeAlertmanagers":\[.*?\]',
        '"activeAlertmanagers":[]',
        "no Alert",
        AGENT,
    ),
]


def finding(check: str, node: str, answers: dict[str, Answer], cluster: Cluster | None = None) -> Finding:
    cluster = cluster or recorded_cluster()
    (found,) = check_node(only([check]), cluster, cluster.node(node), Spoken(answers))
    return found


@pytest.mark.parametrize("wrong", CASES, ids=lambda wrong: f"{wrong.check} {wrong.evidence}")
def test_what_is_wrong_is_found(wrong: Wrong) -> None:
    answers = recorded_answers(wrong.node)
    (command,) = [known for known in answers if wrong.command in known]
    answer = answers[command]
    stdout = re.sub(wrong.pattern, wrong.instead, answer.stdout)
    assert (stdout, wrong.status) != (answer.stdout, answer.status), "nothing was changed"
    answers[command] = replace(answer, stdout=stdout, stderr=wrong.stderr, status=wrong.status)
    answers |= {asked: Answer(0, said, "") for asked, said in wrong.besides}
    found = finding(wrong.check, wrong.node, answers)
    assert found.state is wrong.state, found.evidence
    assert wrong.evidence in found.evidence


def test_every_check_has_its_case() -> None:
    elsewhere = {"runtime.containerd", "runtime.docker", "k3s.node-ready-own-cni"}  # below: these use what k3s brings
    assert {wrong.check for wrong in CASES} == {check.id for check in all_checks()} - elsewhere


def test_a_network_plugin_of_its_own_is_waited_for_by_no_gate() -> None:
    cluster = recorded_cluster().model_copy(update={"network": Network(cni="none")})
    answers = recorded_answers("cp1")
    assert finding("k3s.node-ready", "cp1", answers, cluster).state is State.SKIPPED
    assert finding("k3s.node-ready-own-cni", "cp1", answers, cluster).state is State.OK
    (command,) = [known for known in answers if "get node" in known]
    stdout = answers[command].stdout.replace('"status": "True"', '"status": "False"')
    answers[command] = replace(answers[command], stdout=stdout)
    assert finding("k3s.node-ready-own-cni", "cp1", answers, cluster).state is State.FAILED
    assert [check.gates for check in only(["k3s.node-ready-own-cni"])] == [frozenset()]


def test_the_kernel_that_starts_is_the_boot_loaders_not_the_newest() -> None:
    answers = recorded_answers("gpu1")
    script = gpu_node.script()
    kernel = "6.1.0-57-cloud-amd64"
    menu = f"menuentry 'a' {{\n linux /boot/vmlinuz-9.9\n}}\nmenuentry 'b' {{\n linux /boot/vmlinuz-{kernel}\n}}\n"
    for default, state in (("1", State.OK), ("0", State.FAILED)):
        grub = b64encode(f'set default="{default}"\n{menu}'.encode()).decode()
        said = answers[script].stdout.replace("link ", f"grub {grub}\nimage /boot/vmlinuz-9.9\nlink ")
        found = finding("gpu.next-kernel", "gpu1", answers | {script: replace(answers[script], stdout=said)})
        assert found.state is state, found.evidence


def test_a_node_that_is_down_was_asked() -> None:
    answers = recorded_answers(AGENT)
    (command,) = [known for known in answers if "v1/targets" in known]
    stdout = re.sub('"health": ?"up"', '"health":"down"', answers[command].stdout)
    answers[command] = replace(answers[command], stdout=stdout)
    assert finding("prometheus.targets-known", AGENT, answers).state is State.OK


def test_a_member_that_connected_twice_at_once_is_one_that_is_connected() -> None:
    answers = recorded_answers("cp1")
    (command,) = [known for known in answers if "2381/metrics" in known]
    stdout = re.sub(r'(active_peers.*Remote="\w+"}) 1', r"\1 2", answers[command].stdout, count=1)
    assert stdout != answers[command].stdout
    answers[command] = replace(answers[command], stdout=stdout)
    assert finding("k3s.etcd-members", "cp1", answers).state is State.OK


def test_a_second_time_service_is_found() -> None:
    answers = recorded_answers("cp1")
    (command,) = [known for known in answers if "chrony.service" in known]
    blocks = answers[command].stdout.strip().split("\n\n")
    blocks[2] = blocks[2].replace("=inactive", "=active").replace("=dead", "=running").replace("=not-found", "=loaded")
    answers[command] = replace(answers[command], stdout="\n\n".join(blocks) + "\n")
    assert finding("os.time-service", "cp1", answers).evidence == (
        "systemd-timesyncd.service is active (running); wanted: chrony alone"
    )


def test_a_failed_unit_shows_the_end_of_its_journal() -> None:
    answers = recorded_answers("cp1")
    (command,) = [known for known in answers if known.endswith("-- k3s.service")]
    answers[command] = replace(answers[command], stdout=answers[command].stdout.replace("=active", "=failed"))
    answers["journalctl --unit=k3s.service --lines=3 --output=cat --no-pager"] = Answer(0, "fatal: no route\n", "")
    found = finding("k3s.service-active", "cp1", answers)
    assert found.evidence.endswith("fatal: no route")


@pytest.mark.parametrize(
    ("engine", "command", "output"),
    [
        (
            "containerd",
            "ctr --connect-timeout=5s --timeout=10s version",
            "Client:\n  Version:  1\n\nServer:\n  Version:  2\n",
        ),
        ("docker", "docker info --format='{{.ServerVersion}}'", "26.1.5\n"),
    ],
)
def test_runtimes_of_their_own(engine: str, command: str, output: str) -> None:
    cluster = recorded_cluster().model_copy(update={"runtime": Runtime(engine=engine)})  # type: ignore[arg-type]
    show = (
        f"systemctl show --property=LoadState,ActiveState,SubState,NRestarts,ActiveEnterTimestamp -- {engine}.service"
    )
    unit = "LoadState=loaded\nActiveState=active\nSubState=running\nNRestarts=2\nActiveEnterTimestamp=now\n"
    answers = {show: Answer(0, unit, ""), command: Answer(0, output, "")}
    check = f"runtime.{engine}"
    found = finding(check, "cp1", answers, cluster)
    assert (found.state, found.evidence.split(";")[0]) == (State.OK, "2" if engine == "containerd" else "26.1.5")
    assert "restarted 2 times" in found.evidence
    silent = answers | {command: Answer(0, "", "")}
    assert finding(check, "cp1", silent, cluster).state is State.UNKNOWN
    down = answers | {command: Answer(1, "", "cannot connect"), show: Answer(0, unit.replace("=active", "=failed"), "")}
    assert finding(check, "cp1", down, cluster).state is not State.OK
    assert finding("runtime.ready", "cp1", {}, cluster).state is State.SKIPPED

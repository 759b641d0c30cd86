"""What every node gets and the monitoring, on real nodes of their own: made, made again, broken, mended, removed."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from clustr import lab as labs
from clustr.components import alertmanager, base_os, container_runtime, node_exporter, prometheus
from clustr.engine.goal import Goal
from clustr.engine.observe import ask
from clustr.engine.plan import Change, differences
from clustr.engine.script import Status, Work, apply_script, apply_work, read_verdict, remove_work, start_script
from clustr.engine.stage import Component, name_of
from clustr.inventory.load import load
from clustr.inventory.model import Cluster, Monitoring, Role, Runtime
from clustr.lab.model import Spec
from clustr.remote.connection import Connection
from clustr.remote.facts import Firewall, Seen
from clustr.remote.facts_reader import read_facts
from clustr.remote.ssh import Network
from clustr.templates import render
from tests.components import exporter
from tests.components.exporter.faults import FAULTS, HARMLESS

SYSTEM: tuple[Component, ...] = (base_os, container_runtime, node_exporter)
MONITORING: tuple[Component, ...] = (prometheus, alertmanager)
HOOK = "http://127.0.0.1:9/hook"


@dataclass(frozen=True)
class Machine:
    """One node of the lab, seen and worked on by the engine's own scripts."""

    name: str
    cluster: Cluster
    lines: dict[str, Connection]

    def run(self, script: str) -> str:
        done = self.lines[self.name].run(script)
        assert done.status == 0, done.stdout + done.stderr
        return done.stdout

    def write(self, path: str, content: str) -> None:
        encoded = b64encode(content.encode()).decode()
        self.run(f"mkdir -p $(dirname {path}); base64 -d >{path} <<'END'\n{encoded}\nEND\n")

    def look(self) -> Seen:
        return Seen({node.name: read_facts(self.lines[node.name], node) for node in self.cluster.nodes})

    def goals(self, components: Sequence[Component]) -> list[Goal]:
        node, seen = self.cluster.node(self.name), self.look()
        return [goal.of(name_of(each)) for each in components for goal in each.goals(self.cluster, node, seen)]

    def plan(self, components: Sequence[Component]) -> list[Change]:
        goals = self.goals(components)
        answers = ask(self.lines[self.name], goals)
        assert [answer.error for answer in answers if answer.error] == []
        return differences(0, self.name, goals, answers)

    def apply(self, works: Sequence[Work]) -> tuple[Status, str]:
        script = apply_script(works, stage="test", node=self.name, run_id="run", reboots=False)
        printed = self.lines[self.name].run(start_script(script, "run")).stdout
        return read_verdict(printed.partition("::verdict\n")[2].splitlines()).status, printed

    def make(self, components: Sequence[Component]) -> list[Change]:
        changes = self.plan(components)
        status, printed = self.apply([change.work for change in changes])
        assert status is Status.DONE, printed
        assert self.plan(components) == []
        return changes

    def remove(self, components: Sequence[Component]) -> None:
        names = {name_of(each) for each in components}
        records = sorted(self.look()[self.name].records, key=lambda record: -record.order)
        status, printed = self.apply([remove_work(record) for record in records if record.component in names])
        assert status is Status.DONE, printed

    def wanting(self, **changes: object) -> Machine:
        return replace(self, cluster=self.cluster.model_copy(update=changes))

    def healthy(self) -> bool:
        return self.run("systemctl is-system-running || true").strip() == "running"


@pytest.fixture(scope="module")
def monitor() -> Iterator[Machine]:
    """A node that is agent and monitor, beside a server, with everything that nodes get."""
    name = "test-parts"
    labs.down(name, lambda line: None)
    lab = labs.up(Spec(name=name, servers=1, agents=1, artifacts="none"), lambda line: None)
    cluster = load(lab.inventory).model_copy(update={"monitoring": Monitoring(alert_receivers=(HOOK,))})
    with Network() as network:
        lines: dict[str, Connection] = {node.name: network.open(node) for node in cluster.nodes}
        (agent,) = cluster.with_role(Role.MONITOR)
        server = Machine(cluster.servers[0].name, cluster, lines)
        server.make(SYSTEM)
        found = Machine(agent.name, cluster, lines)
        found.make((*SYSTEM, *MONITORING))
        yield found
    labs.down(name, lambda line: None)


def test_the_system_stays_whole(monitor: Machine) -> None:
    assert monitor.healthy()
    assert "Leap status     : Normal" in monitor.run("chronyc waitsync 30 0.5 0 1 >/dev/null; chronyc tracking")


def test_every_apply_can_run_twice(monitor: Machine) -> None:
    goals = monitor.goals((*SYSTEM, *MONITORING))
    status, printed = monitor.apply([apply_work(place, goal) for place, goal in enumerate(goals)])
    assert status is Status.DONE, printed
    assert monitor.plan((*SYSTEM, *MONITORING)) == []


@pytest.mark.parametrize(
    ("broken", "shown"),
    [
        ("sed -i '/k3s.internal/d' /etc/hosts", ["/etc/hosts"]),
        ("echo other >/proc/sys/kernel/hostname", ["hostname"]),
        ("echo '/swapfile none swap sw 0 0' >>/etc/fstab", ["swap at boot"]),
        ("mkdir -p /etc/cloud/cloud.cfg.d", ["names kept over a boot"]),
        ("echo 0 >/proc/sys/net/ipv4/ip_forward", ["sysctl net.ipv4.ip_forward"]),
        ("rm /etc/modules-load.d/clustr.conf", ["/etc/modules-load.d/clustr.conf"]),
        ("chmod 0666 /etc/security/limits.d/90-clustr.conf", ["/etc/security/limits.d/90-clustr.conf"]),
        ("systemctl stop chrony", ["chrony.service runs"]),
        ("rm /var/lib/clustr/started/systemd-journald.service", ["systemd-journald.service runs"]),
        ("systemctl mask --quiet prometheus", ["prometheus.service at boot"]),
        ("systemctl disable --quiet prometheus-node-exporter", ["prometheus-node-exporter.service at boot"]),
        ("echo '[]' >/etc/prometheus/targets/nodes.json", ["/etc/prometheus/targets/nodes.json"]),
        ("DEBIAN_FRONTEND=noninteractive apt-get -qqy remove ethtool", ["packages"]),
        (
            "DEBIAN_FRONTEND=noninteractive apt-get -qqy install systemd-timesyncd",
            ["package chrony", "chrony.service at boot", "chrony.service runs"],
        ),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_is_broken_is_shown_alone_and_mended(monitor: Machine, broken: str, shown: list[str]) -> None:
    monitor.run(broken)
    assert [change.goal for change in monitor.make((*SYSTEM, *MONITORING))] == shown
    assert monitor.healthy()


def up(monitor: Machine, address: str) -> list[tuple[str, str]]:
    """Jobs and nodes that Prometheus reaches."""
    found = json.loads(monitor.run(f"curl -sf 'http://{address}:9090/api/v1/query?query=up==1'"))
    return sorted((each["metric"]["job"], each["metric"]["node"]) for each in found["data"]["result"])


def test_all_targets_are_up_and_alertmanager_has_the_receiver(monitor: Machine) -> None:
    address = monitor.cluster.node(monitor.name).internal_address
    wanted = [
        ("alertmanager", monitor.name),
        ("node", monitor.name),
        ("node", monitor.cluster.servers[0].name),
        ("prometheus", monitor.name),
    ]
    deadline = time.monotonic() + 60  # it scrapes every 15 s
    while up(monitor, address) != wanted and time.monotonic() < deadline:
        time.sleep(1)
    assert up(monitor, address) == wanted
    assert HOOK in monitor.run(f"amtool config show --alertmanager.url=http://{address}:9093")


def test_alerts_fire_when_they_should(monitor: Machine) -> None:
    monitor.write("/root/rules/clustr.yml", render("prometheus/rules.yml", servers=3))
    monitor.write("/root/rules/rules_test.yml", Path(__file__).with_name("rules_test.yml").read_text())
    assert "SUCCESS" in monitor.run("promtool test rules /root/rules/rules_test.yml 2>&1")


@pytest.mark.parametrize("version", exporter.VERSIONS)
def test_alerts_of_gpus_fire_in_the_words_of_each_exporter(monitor: Machine, version: str) -> None:
    """What dcgm-exporter answers, whole or with one thing wrong: the rules of all versions tell that and no more."""
    tests = {alert: exporter.promtool_test(version, wrong[version], [alert]) for alert, wrong in FAULTS.items()}
    tests |= {what: exporter.promtool_test(version, wrong[version], []) for what, wrong in HARMLESS.items()}
    tests["healthy"] = exporter.promtool_test(version, {}, [])
    tests["of another vocabulary"] = exporter.promtool_test("", {}, ["GpuMetricsNotUnderstood"], gpu="")
    for place, content in enumerate(tests.values()):
        monitor.write(f"/root/gpu-rules/{place}.yml", content)
    for name in prometheus.GPU_RULES:
        monitor.write(f"/root/gpu-rules/{name}", prometheus.gpu_rules(name))
    done = monitor.run("cd /root/gpu-rules && promtool test rules [0-9]*.yml 2>&1; echo status $?")
    assert done.count("SUCCESS") == len(tests), done


def test_a_configuration_that_amtool_refuses_is_never_in_place(monitor: Machine) -> None:
    wrong = monitor.wanting(monitoring=Monitoring.model_construct(alert_receivers=("no address",)))
    (config, *_) = (change for change in wrong.plan(MONITORING) if change.goal == alertmanager.CONFIG)
    status, printed = wrong.apply([config.work])
    assert status is Status.FAILED
    assert "refused by: amtool check-config" in printed
    assert HOOK in monitor.run(f"cat {alertmanager.CONFIG}")
    assert monitor.plan(MONITORING) == []


def test_a_longer_retention_restarts_prometheus_alone(monitor: Machine) -> None:
    changed = monitor.wanting(monitoring=Monitoring(retention="31d", alert_receivers=(HOOK,)))
    goals = [change.goal for change in changed.make((*SYSTEM, *MONITORING))]
    assert goals == ["/etc/default/prometheus", "prometheus.service runs"]
    assert "--storage.tsdb.retention.time=31d" in monitor.run("tr '\\0' ' ' </proc/$(pidof prometheus)/cmdline")


@pytest.mark.parametrize(
    ("engine", "unit", "asked", "answer"),
    [
        ("docker", "docker", "docker info --format '{{.Driver}} {{.LiveRestoreEnabled}}'", "overlay2 true"),
        ("containerd", "containerd", "containerd config dump | grep -w bin_dir", "/var/lib/rancher/k3s/data/cni"),
    ],
)
def test_a_runtime_is_installed_held_and_removed(
    monitor: Machine, engine: str, unit: str, asked: str, answer: str
) -> None:
    chosen = monitor.wanting(runtime=Runtime.model_validate({"engine": engine}))
    chosen.make((container_runtime,))
    assert answer in chosen.run(asked)
    assert "runc" in chosen.run("apt-mark showhold")
    chosen.run("apt-mark unhold runc")
    assert [change.goal for change in chosen.make((container_runtime,))] == [f"packages of {engine}"]
    chosen.remove((container_runtime,))
    assert chosen.run(f"systemctl is-active {unit} || true").strip() == "inactive"
    assert chosen.healthy()


@pytest.mark.parametrize(
    ("firewall", "start", "rules", "stop"),
    [
        (Firewall.UFW, "ufw allow 22/tcp && ufw --force enable", "ufw show added", "ufw --force disable"),
        (Firewall.FIREWALLD, "systemctl start firewalld", "firewall-cmd --info-policy clustr-in",
         "systemctl disable --now firewalld"),
    ],
)  # fmt: skip
def test_an_active_firewall_gets_rules_and_loses_them(
    monitor: Machine, firewall: Firewall, start: str, rules: str, stop: str
) -> None:
    install = f"DEBIAN_FRONTEND=noninteractive apt-get -qqy install --no-install-recommends {firewall}"
    monitor.run(f"{install} && {start}")
    assert monitor.look()[monitor.name].firewall is firewall
    changes = monitor.make((base_os,))
    assert changes
    assert "10.42.0.0/16" in monitor.run(rules)
    records = [each for each in monitor.look()[monitor.name].records if each.goal in {c.goal for c in changes}]
    status, printed = monitor.apply([remove_work(each) for each in sorted(records, key=lambda each: -each.order)])
    assert status is Status.DONE, printed
    assert "10.42.0.0/16" not in monitor.run(f"{rules} 2>&1 || true")
    monitor.run(stop)
    assert monitor.plan((base_os,)) == []
    assert monitor.healthy()


def test_switched_off_the_monitoring_is_gone(monitor: Machine) -> None:
    monitor.remove(MONITORING)
    assert monitor.run("systemctl is-active prometheus prometheus-alertmanager || true").split() == ["inactive"] * 2
    assert monitor.wanting(monitoring=Monitoring(enabled=False)).plan((*SYSTEM, *MONITORING)) == []
    assert monitor.healthy()

"""A plan, a run and findings as the engine would tell them, for the tests of the screens."""

from __future__ import annotations

from clustr.checks.check import Finding, Severity, State
from clustr.engine.events import (
    Connecting,
    Event,
    GoalDone,
    GoalStarted,
    NodeDone,
    NodeFailed,
    NodeRead,
    NodeSilent,
    NodeSkipped,
    NodeStarted,
    NodeStatus,
    Note,
    Output,
    RunDone,
    StageDone,
    StageStarted,
)
from clustr.engine.goal import Disrupts
from clustr.engine.plan import Blind, Change, Kind, Plan, Scope, StagePlan

SERVERS = ("cp1", "cp2", "cp3")
GPUS = tuple(f"gpu{number:02d}" for number in range(1, 17))
EVERYONE = (*SERVERS, *GPUS, "mon1")
DIFF = "@@ -1,2 +1,2 @@\n-pool 2.debian.pool.ntp.org iburst\n+server 10.0.0.1 iburst"
LONG_DIFF = "@@ -0,0 +1,20 @@\n" + "\n".join(f"+line {number}" for number in range(1, 21))


def change(
    node: str,
    component: str,
    goal: str,
    before: str | None,
    after: str | None,
    *,
    kind: Kind = Kind.CHANGE,
    diff: str = "",
    disrupts: Disrupts = Disrupts.NOTHING,
    known: str = "",
    note: str = "",
) -> Change:
    return Change(node, node, component, goal, kind, before, after, diff, disrupts, known, note)


def packages(node: str) -> Change:
    return change(node, "base_os", "package chrony", "chrony absent", "chrony installed", kind=Kind.ADD)


def driver(node: str) -> Change:
    return change(node, "nvidia_driver", "packages of branch 580", "570.172.08", "580.105.08", disrupts=Disrupts.REBOOT)


def chrony(node: str) -> Change:
    return change(node, "base_os", "/etc/chrony/chrony.conf", "0644 root:root", "0644 root:root", diff=DIFF)


def config(node: str) -> Change:
    goal, access = "/etc/rancher/k3s/config.yaml", "0600 root:root"
    return change(node, "k3s_server", goal, "absent", access, kind=Kind.ADD, diff=LONG_DIFF)


def plan() -> Plan:
    prepare = [each(node) for node in (*SERVERS, "mon1") for each in (packages, _sysctl)]
    prepare += [each(node) for node in GPUS for each in (driver, chrony)]
    prepare.append(change("mon1", "base_os", "limits", "NOFILE=1024\nCORE=0", "NOFILE=4096\nCORE=0"))
    first = [config("cp1"), change("cp1", "k3s_server", "join token", None, None, kind=Kind.ADD, known="First server")]
    gone = [
        change(
            "mon1", "prometheus", "/etc/prometheus/prometheus.yml", "put there by clustr", "removed", kind=Kind.REMOVE
        )
    ]
    stages = (
        StagePlan("Prepare nodes", EVERYONE, tuple(prepare)),
        StagePlan("First server", ("cp1",), tuple(first)),
        StagePlan("Agents", GPUS, ()),
        StagePlan("Monitoring", ("mon1",), tuple(gone)),
    )
    scope = Scope(3, 16, 1, ("k3s v1.36.5+k3s1",), frozenset((*SERVERS, *GPUS)), at_once=2)
    return Plan("h100-lab", stages, 1412, (), scope)


def _sysctl(node: str) -> Change:
    return change(node, "base_os", "sysctl vm.max_map_count", "65530", "262144")


def blind_plan() -> Plan:
    why = "status 126: systemctl: permission denied"
    blind = tuple(Blind(node, "base_os", "chrony.service runs", why) for node in ("gpu02", "gpu03"))
    return Plan("h100-lab", (StagePlan("Prepare nodes", GPUS, ()),), 12, blind, Scope(1, 16))


STAGE = "Prepare nodes"
NO_BRANCH = NodeFailed(
    STAGE,
    "gpu11",
    "nvidia_driver",
    "packages of branch 580",
    41,
    "nvidia_driver, packages of branch 580 (line 41 of the script)",
    "E: Unable to locate package nvidia-driver-pinning-580",
    "clustr bootstrap --limit gpu11",
    "/home/ana/.local/state/clustr/h100-lab/2026-11-24T15-58-01/gpu11.log",
)


def run() -> list[Event]:
    """Four nodes: one fails, one is silent, one is left out, one is done."""
    return [
        Connecting("facts", 4),
        NodeRead("gpu03", "facts"),
        NodeRead("gpu11", "facts"),
        NodeRead("gpu12", "facts"),
        NodeSilent("gpu13", "does not answer at 10.0.1.13 port 22", "look whether it is on; then clustr bootstrap"),
        StageStarted(STAGE, ("gpu03", "gpu11", "gpu12")),
        NodeStarted(STAGE, "gpu03"),
        NodeStarted(STAGE, "gpu11"),
        NodeStatus("gpu03", "draining"),
        GoalStarted(STAGE, "gpu03", "gpu03", "nvidia_driver", "packages of branch 580"),
        Output("gpu03", "Building nvidia/580.105.08"),
        GoalStarted(STAGE, "gpu11", "gpu11", "nvidia_driver", "packages of branch 580"),
        NO_BRANCH,
        GoalDone(STAGE, "gpu03", "gpu03", "nvidia_driver", "packages of branch 580", 102.0),
        NodeStatus("gpu03", "rebooting"),
        NodeDone(STAGE, "gpu03", 161.0),
        NodeSkipped(STAGE, "gpu12", "2 nodes failed, rollout.max_failures is 1"),
        Note("the lock of ana@desk was silent for 75 s and is taken over"),
        StageDone(STAGE, 170.0),
        RunDone(("gpu03",), ("gpu13", "gpu11"), 1390.0),
    ]


def finding(check: str, node: str, state: State, evidence: str, fix: str = "") -> Finding:
    return Finding(check, f"{check} holds", node, state, evidence, fix, Severity.FAILURE, "", 0.1)

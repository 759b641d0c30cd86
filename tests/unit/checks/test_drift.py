"""Differences between nodes, from facts alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from clustr.checks.check import Finding, Severity, State
from clustr.checks.drift import drift
from clustr.inventory.model import Cluster, K3s, Node, Role
from clustr.remote.facts import Facts, Firewall, Interface, K3sFacts, OperatingSystem, Seen
from clustr.remote.gpu_facts import GpuFacts, Loaded

BOOKWORM = OperatingSystem("debian", "12", "bookworm", "Debian GNU/Linux 12 (bookworm)")
TRIXIE = OperatingSystem("debian", "13", "trixie", "Debian GNU/Linux 13 (trixie)")


def node(name: str, number: int, *roles: Role, kind: str | None = None) -> Node:
    address = f"10.0.0.{number}"
    return Node(name=name, address=address, internal_address=address, roles=frozenset(roles), class_name=kind)


def cluster() -> Cluster:
    nodes = [node(f"cp{number}", number, Role.SERVER) for number in (1, 2, 3)]
    nodes += [node(f"gpu{number}", 10 + number, Role.AGENT, kind="h100") for number in (1, 2, 3)]
    nodes += [node("mon1", 20, Role.MONITOR)]
    return Cluster(name="lab", nodes=tuple(nodes), k3s=K3s(version="v1.36.5+k3s1"), source=Path("inventory.yaml"))


def facts(each: Node, **told: object) -> Facts:
    usual: dict[str, object] = {
        "hostname": each.name,
        "machine_id": f"id of {each.name}",
        "boot_id": "",
        "os": BOOKWORM,
        "architecture": "x86_64",
        "kernel": "6.1.0-31-amd64",
        "next_kernel": "6.1.0-31-amd64",
        "cpus": 2,
        "memory_mb": 4096,
        "disk_free_mb": 9999,
        "clock": 1000.0,
        "cgroup": 2,
        "systemd": True,
        "firewall": Firewall.NONE,
        "interfaces": (
            Interface("lo", ("127.0.0.1/8",), 65536),
            Interface("eth0", (f"{each.internal_address}/24",), 1500),
        ),
        "k3s": K3sFacts(version="v1.36.5+k3s1") if each.in_cluster else K3sFacts(),
    }
    return Facts(**{**usual, **told})  # type: ignore[arg-type]


def found(**told: Mapping[str, object]) -> list[Finding]:
    wanted = cluster()
    return drift(wanted, Seen({each.name: facts(each, **told.get(each.name, {})) for each in wanted.nodes}))


def words(findings: list[Finding]) -> list[tuple[str, str, str]]:
    return [(finding.check, finding.node, finding.evidence) for finding in findings]


def test_equal_nodes_have_no_drift() -> None:
    assert found() == []
    assert drift(cluster(), Seen({})) == []


def test_a_node_that_differs_is_a_warning_with_the_usual_value() -> None:
    findings = found(cp2={"k3s": K3sFacts(version="v1.35.1+k3s1")})
    assert words(findings) == [("drift.k3s-version", "cp2", "v1.35.1+k3s1; v1.36.5+k3s1 on 2 of 3 servers")]
    (finding,) = findings
    assert (finding.state, finding.severity) == (State.WARNING, Severity.WARNING)
    assert finding.fix == "clustr bootstrap --limit cp2"


def test_systems_and_kernels_are_compared_within_a_class() -> None:
    gpus = {f"gpu{number}": {"os": TRIXIE, "kernel": "6.12.1"} for number in (1, 2, 3)}
    assert found(**gpus) == []
    gpus["gpu3"] = {"os": BOOKWORM, "kernel": "6.1.0-31-amd64"}
    assert words(found(**gpus)) == [
        ("drift.os", "gpu3", "debian 12; debian 13 on 2 of 3 nodes of class h100"),
        ("drift.kernel", "gpu3", "6.1.0-31-amd64; 6.12.1 on 2 of 3 nodes of class h100"),
    ]


def test_drivers_are_compared_within_a_class() -> None:
    newer, older = (GpuFacts(loaded=Loaded(version, open=True)) for version in ("595.91.07", "580.173.02"))
    gpus = {"gpu1": {"gpu": newer}, "gpu2": {"gpu": newer}, "gpu3": {"gpu": older}}
    assert words(found(**gpus)) == [("drift.driver", "gpu3", "580.173.02; 595.91.07 on 2 of 3 nodes of class h100")]
    assert found(gpu1={"gpu": newer}) == []  # where none is loaded it is another check's to say


def test_mtu_is_that_of_the_interface_with_the_internal_address() -> None:
    jumbo = (Interface("eth0", ("192.0.2.1/24",), 9000), Interface("eth1", ("10.0.0.11/24",), 1500))
    assert found(gpu1={"interfaces": jumbo}) == []
    small = (Interface("eth0", ("10.0.0.11/24",), 1450),)
    assert words(found(gpu1={"interfaces": small})) == [("drift.mtu", "gpu1", "MTU 1450; MTU 1500 on 5 of 6 nodes")]
    assert found(mon1={"interfaces": (Interface("eth0", ("10.0.0.20/24",), 9000),)}) == []


def test_what_must_be_unique_names_all_who_share_it() -> None:
    shared = {name: {"machine_id": "0123", "hostname": "debian"} for name in ("gpu1", "gpu2")}
    assert words(found(**shared)) == [
        ("drift.hostname", "gpu1", "debian on gpu1, gpu2"),
        ("drift.hostname", "gpu2", "debian on gpu1, gpu2"),
        ("drift.machine-id", "gpu1", "0123 on gpu1, gpu2"),
        ("drift.machine-id", "gpu2", "0123 on gpu1, gpu2"),
    ]


def test_clocks_are_compared_with_the_median() -> None:
    assert found(gpu2={"clock": 1029.0}) == []
    assert words(found(gpu2={"clock": 1093.0})) == [("drift.clock", "gpu2", "+93 s from the median of 7 nodes")]


def test_silent_nodes_are_left_out() -> None:
    wanted = cluster()
    seen = Seen({each.name: facts(each) for each in wanted.nodes if each.name != "cp1"})
    assert drift(wanted, seen) == []

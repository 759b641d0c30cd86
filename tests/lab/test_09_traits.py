"""Hardened hosts, each of its own kind and one with all of it, join the cluster in one bootstrap, and leave it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from clustr import lab as labs
from clustr.lab.model import LabNode, Release, Trait
from tests.lab.cluster import Done, LabCluster
from tests.lab.conftest import isolate
from tests.lab.hardened import IN_FORCE, Host, kinds
from tests.lab.test_01_fresh import OURS, running
from tests.lab.workload import IMAGE

BOOKWORM, TRIXIE = Release.BOOKWORM, Release.TRIXIE
KINDS = tuple(kinds(BOOKWORM, TRIXIE, Trait.TCSH))


@dataclass(frozen=True)
class Joined:
    """The session's cluster with one node more of each kind; `done` is the one bootstrap that made them join."""

    cluster: LabCluster
    nodes: dict[str, LabNode]
    done: Done

    @property
    def names(self) -> set[str]:
        return {node.name for node in self.nodes.values()}


RELEASES = [
    pytest.param((BOOKWORM, TRIXIE, Trait.TCSH), id="bookworm"),
    pytest.param((TRIXIE, BOOKWORM, Trait.ZSH), id="trixie", marks=pytest.mark.slow),
]


@pytest.fixture(scope="module", params=RELEASES)
def joined(request: pytest.FixtureRequest, cluster: LabCluster) -> Iterator[Joined]:
    before = cluster.inventory.read_text()
    added = dict(
        zip(KINDS, labs.add_nodes(cluster.lab, [*kinds(*request.param).values()], lambda line: None), strict=True)
    )
    grown = LabCluster(labs.load(cluster.lab.name), cluster.home)
    try:
        isolate(grown.lab)
        yield Joined(grown, added, grown.bootstrap())
    finally:
        give_back(cluster, [node.name for node in added.values()])
    assert cluster.inventory.read_text() == before
    assert set(states(cluster)) == set(cluster.nodes)
    assert cluster.plan() == []


def give_back(cluster: LabCluster, names: list[str]) -> None:
    """Out of the cluster and out of the lab; what the monitor is to scrape is then its old list again."""
    cluster.kubectl(f"delete node --ignore-not-found --wait=false {' '.join(names)}")
    for name in names:
        labs.remove_node(cluster.lab, name)
    cluster.bootstrap(None, "--limit", "agent2").expect()


def states(cluster: LabCluster) -> dict[str, str]:
    """Whether each node is Ready, and the system that it runs."""
    told = {}
    for node in json.loads(cluster.kubectl("get nodes -o json"))["items"]:
        ready = next(c["status"] for c in node["status"]["conditions"] if c["type"] == "Ready")
        told[node["metadata"]["name"]] = f"{ready} {node['status']['nodeInfo']['osImage']}"
    return told


def test_every_trait_can_be_told() -> None:
    assert set(IN_FORCE) == set(Trait)


def test_hardened_hosts_of_two_releases_join_in_one_bootstrap(joined: Joined) -> None:
    joined.done.expect()
    found = {name: state for name, state in states(joined.cluster).items() if name in joined.names}
    systems = {BOOKWORM: "Debian GNU/Linux 12 (bookworm)", TRIXIE: "Debian GNU/Linux 13 (trixie)"}
    assert found == {node.name: f"True {systems[node.release]}" for node in joined.nodes.values()}
    assert len(set(found.values())) == 2
    assert joined.cluster.plan() == []


@pytest.mark.parametrize("kind", KINDS)
def test_each_trait_is_in_force_all_the_while(joined: Joined, kind: str) -> None:
    host = Host(joined.cluster.lab, joined.nodes[kind])
    assert host.node.traits
    for trait in host.node.traits:
        IN_FORCE[trait](host)
    if host.node.login.user != "root":
        assert "use_pty" in host.on(f"sudo -l -U {host.node.login.user}"), "Debian's own sudoers has it"


def test_the_doctor_finds_nothing_wrong_with_them(joined: Joined) -> None:
    done = joined.cluster.clustr("doctor", str(joined.cluster.inventory), "--output", "json").expect()
    found = [each for each in done.json["findings"] if each["node"] in joined.names]
    assert [each for each in found if each["state"] in ("failed", "unknown")] == []
    assert {each["check"] for each in found if each["state"] == "warning"} <= {"drift.os"}
    assert {each["node"] for each in found if each["state"] == "ok"} == joined.names


def test_a_second_bootstrap_restarts_nothing_on_them(joined: Joined) -> None:
    here = LabCluster(replace(joined.cluster.lab, nodes=tuple(joined.nodes.values())), joined.cluster.home)
    before = running(here)
    joined.cluster.bootstrap().expect()
    after = running(here)
    for name in joined.names:
        both = before[name].keys() & after[name].keys()
        assert {unit: before[name][unit] for unit in both} == {unit: after[name][unit] for unit in both}
        assert both >= {*OURS, "k3s-agent.service"}


POD = """
apiVersion: v1
kind: Pod
metadata: {{name: on-{node}, labels: {{app: unprivileged}}}}
spec:
  nodeName: {node}
  terminationGracePeriodSeconds: 1
  securityContext: {{runAsUser: 1000, runAsGroup: 1000, runAsNonRoot: true}}
  volumes: [{{name: settings, configMap: {{name: kube-root-ca.crt}}}}]
  containers:
    - name: reader
      image: {image}
      imagePullPolicy: IfNotPresent
      volumeMounts: [{{name: settings, mountPath: /settings}}]
      command: [sh, -c, 'cat /etc/hosts /etc/resolv.conf /settings/ca.crt && exec sleep 600']
---
"""


def test_pods_that_are_not_root_run_on_them(joined: Joined) -> None:
    """Where umask 027 goes as far as pods, they cannot even enter their own /."""
    names = sorted(joined.names)
    manifest = "".join(POD.format(node=name, image=IMAGE) for name in names)
    joined.cluster.on("cp1", f"k3s kubectl apply -f - <<'END'\n{manifest}\nEND")
    try:
        assert sorted(reading(joined.cluster, len(names))) == [f"on-{name}" for name in names]
    finally:
        joined.cluster.kubectl("delete pods -l app=unprivileged --wait=false")


def reading(cluster: LabCluster, wanted: int, within: float = 60) -> list[str]:
    """The pods that run and have read all they wanted, once that is so many, or time is up."""
    deadline = time.monotonic() + within
    while True:
        pods = json.loads(cluster.kubectl("get pods -l app=unprivileged -o json"))["items"]
        up = [pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] == "Running"]
        read = [name for name in up if "END CERTIFICATE" in cluster.kubectl(f"logs {name}")]
        if len(read) == wanted or time.monotonic() > deadline:
            return read
        time.sleep(1)

"""Mirrors, CA and proxies on a node: what is wanted, and its scripts word for word, for apt and for dnf."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from clustr.components import base_os, container_runtime, package_source, proxy
from clustr.engine.goal import Goal, Show
from clustr.inventory.model import Artifacts, Cluster, K3s, Network, Node
from clustr.inventory.secrets import Secret
from clustr.remote.facts import OperatingSystem, Record, Seen
from tests.components.machines import BOOKWORM, CP1, GPU1, GPU2, cluster_of, facts, goals, seen, wanted
from tests.components.scripts import applies, probes, shellcheck
from tests.conftest import Golden

GOLDEN = Path(__file__).parent / "golden/package_source"
PEM = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n"
LOGIN = "http://clustr:p%40ss@proxy.example.com:3128"
NOBLE = OperatingSystem("ubuntu", "24.04", "noble", "Ubuntu 24.04.3 LTS")
ROCKY = OperatingSystem("rocky", "9.6", "", "Rocky Linux 9.6 (Blue Onyx)")
RHEL = OperatingSystem("rhel", "9.6", "", "Red Hat Enterprise Linux 9.6 (Plow)")

OPEN = Artifacts(http_proxy="http://proxy.example.com:3128", https_proxy="http://proxy.example.com:3128")
MIRRORED = Artifacts(packages={"*": "https://mirror.example.com"})
ALL = Artifacts(
    packages={"*": "https://mirror.example.com", "debian-security": "http://10.9.0.5/security"},
    ca=Path("site-ca.pem"),
    http_proxy=Secret(LOGIN),
    https_proxy=Secret(LOGIN),
    no_proxy=(".example.com", "10.9.0.0/16", "git.example.net"),
)


def node_with(artifacts: Artifacts, node: Node = GPU1) -> Node:
    return node.model_copy(update={"artifacts": artifacts})


@pytest.fixture
def site() -> Cluster:
    return cluster_of(CP1, node_with(ALL), files={Path("site-ca.pem"): PEM})


def of(cluster: Cluster, artifacts: Artifacts, system: OperatingSystem = BOOKWORM) -> Mapping[str, Goal]:
    node = node_with(artifacts)
    return goals(package_source, cluster, node, seen(cluster, os=system))


@pytest.mark.parametrize(("name", "system"), [("debian", BOOKWORM), ("ubuntu", NOBLE), ("rocky", ROCKY)])
def test_the_scripts_are_these(
    name: str, system: OperatingSystem, site: Cluster, golden: Golden, tmp_path: Path
) -> None:
    found = list(of(site, ALL, system).values())
    golden(GOLDEN / f"{name}.probe.sh", probes(found))
    golden(GOLDEN / f"{name}.apply.sh", applies(found))
    assert shellcheck(found, tmp_path) == ""


def test_who_says_nothing_gets_nothing(site: Cluster) -> None:
    assert of(site, Artifacts()) == {}
    assert proxy.drop_in("k3s.service", GPU1) == ()


def test_a_node_has_its_own(site: Cluster) -> None:
    """Only where it is said: the server of the same inventory has none of it."""
    assert goals(package_source, site, site.node("cp1"), seen(site)) == {}
    names = {name for name in goals(base_os, site, site.node("gpu1"), seen(site)) if "CA" in name or "ca.pem" in name}
    assert names == {"/etc/clustr/artifacts-ca.pem", "the CA of artifacts in the system's trust"}


def test_the_trust_comes_after_the_packages_it_takes_or_before_those_that_take_it(site: Cluster) -> None:
    for system, first in ((BOOKWORM, "packages"), (ROCKY, "the CA of artifacts in the system's trust")):
        names = list(goals(base_os, site, site.node("gpu1"), seen(site, os=system)))
        places = [names.index("packages"), names.index("the CA of artifacts in the system's trust")]
        assert names[min(places)] == first


def listed(cluster: Cluster, artifacts: Artifacts, found: Seen | None = None) -> tuple[str, ...]:
    return proxy.no_proxy(cluster, node_with(artifacts), found or seen(cluster))


def test_the_clusters_own_never_goes_through_the_proxy() -> None:
    network = Network(vip="10.0.1.5", api_address="k8s.example.com")
    cluster = cluster_of(CP1, GPU1, network=network, k3s=K3s(version="v1.36.5+k3s1"))
    assert listed(cluster, OPEN) == (
        "localhost", "127.0.0.1", "127.0.0.0/8", "10.42.0.0/16", "10.43.0.0/16", "10.0.0.0/24", ".svc",
        ".cluster.local", "test.k3s.internal", "10.0.1.5", "k8s.example.com",
    )  # fmt: skip


def test_the_inventory_adds_to_it_and_mirrors_there_are_named_for_old_curls() -> None:
    artifacts = OPEN.model_copy(update={"no_proxy": ("10.9.0.0/16", ".example.com"), "mirror": "https://10.9.0.5:8443"})
    assert listed(cluster_of(CP1, GPU1), artifacts)[-3:] == ("10.9.0.0/16", ".example.com", "10.9.0.5")


def test_one_more_node_changes_no_other() -> None:
    assert listed(cluster_of(CP1, GPU1), OPEN) == listed(cluster_of(CP1, GPU1, GPU2), OPEN)


def test_a_silent_node_changes_no_other_and_its_network_is_known_from_the_records() -> None:
    far = GPU2.model_copy(update={"address": "10.7.0.9", "internal_address": "10.7.0.9"})
    cluster = cluster_of(CP1, GPU1, far)
    before = listed(cluster, OPEN)
    assert "10.7.0.0/24" in before
    names = [name for name in of(cluster, OPEN) if name.startswith(proxy.DIRECT_GOAL)]
    records = tuple(Record(place, "package_source", "", name, ":") for place, name in enumerate(names))
    silent = seen(cluster, silent=("gpu2",))
    known = Seen({**silent.facts, "gpu1": facts(GPU1, records=records)}, {})
    assert listed(cluster, OPEN, known) == before


def test_another_domain_of_the_cluster() -> None:
    cluster = cluster_of(CP1, GPU1, k3s=K3s(version="v1.36.5+k3s1", server_config={"cluster-domain": "lab.local"}))
    assert ".lab.local" in listed(cluster, OPEN)


def test_a_login_is_in_files_of_root_alone_and_never_shown(site: Cluster) -> None:
    for system in (BOOKWORM, ROCKY):
        for goal in of(site, ALL, system).values():
            if any(word in goal.apply for word in ("p%40ss", "p@ss")):
                assert goal.show is Show.HIDDEN, goal.name
                assert not any(word in f"{goal.wanted}{goal.probe}{goal.undo}" for word in ("p%40ss", "p@ss"))
    apt = of(site, ALL)
    assert "0600" in wanted(apt["/etc/clustr/proxy.env"])
    assert "0600" in wanted(apt["/etc/apt/auth.conf.d/95clustr.conf"])
    assert "p@ss" not in apt["/etc/apt/apt.conf.d/95clustr"].apply


def test_what_is_shown_nowhere_is_the_url_the_login_and_the_password() -> None:
    assert ALL.secrets == {LOGIN, "clustr:p@ss", "p@ss"}
    assert OPEN.secrets == frozenset()


def test_red_hats_packages_come_from_no_mirror(site: Cluster) -> None:
    """Preflight says so: packages.mirror."""
    assert of(site, MIRRORED, RHEL) == {}
    assert of(site, Artifacts(packages={"debian": "https://m.example.com"}), RHEL) == {}


@pytest.mark.parametrize("engine", ["containerd", "docker"])
def test_a_runtime_of_the_system_reads_the_proxies_and_restarts_where_they_change(engine: str) -> None:
    cluster = cluster_of(CP1, GPU1, runtime={"engine": engine})
    unit = f"{engine}.service"
    runs = []
    for artifacts in (Artifacts(), OPEN, OPEN.model_copy(update={"no_proxy": (".example.com",)})):
        found = goals(container_runtime, cluster, node_with(artifacts), seen(cluster))
        assert (f"/etc/systemd/system/{unit}.d/40-proxy.conf" in found) is artifacts.proxied
        runs.append(found[f"{unit} runs"].probe)
    assert len(set(runs)) == 3


def test_mirrors_of_images_in_the_words_of_containerd_and_docker(tmp_path: Path) -> None:
    images = {"*": "https://r.example.com", "docker.io": "https://r.example.com/hub"}
    for engine, chosen in (("containerd", images), ("docker", {"docker.io": "https://r.example.com"})):
        cluster = cluster_of(CP1, GPU1, runtime={"engine": engine})
        found = goals(container_runtime, cluster, node_with(Artifacts(images=chosen)), seen(cluster))
        if engine == "docker":
            assert '"registry-mirrors": ["https://r.example.com"]' in wanted(found["/etc/docker/daemon.json"])
            continue
        assert 'config_path = "/etc/containerd/certs.d"' in wanted(found["/etc/containerd/config.toml"])
        hub = wanted(found["/etc/containerd/certs.d/docker.io/hosts.toml"])
        assert '[host."https://r.example.com/v2/hub"]' in hub
        assert '[host."https://r.example.com/v2"]' in wanted(found["/etc/containerd/certs.d/_default/hosts.toml"])

"""The kubeconfig on the laptop: renamed, merged, private."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml

from clustr import kubeconfig
from clustr.errors import ClustrError
from clustr.inventory.model import Cluster, K3s, Network, Node, Role
from clustr.remote.connection import Result
from tests.fakes import FakeConnection

FROM_K3S = """\
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: Q0E=
    server: https://127.0.0.1:6443
  name: default
contexts:
- context:
    cluster: default
    user: default
  name: default
current-context: default
kind: Config
preferences: {}
users:
- name: default
  user:
    client-certificate-data: Q0VSVA==
    client-key-data: S0VZ
"""

OTHER = """\
apiVersion: v1
kind: Config
current-context: work
clusters:
- {name: work, cluster: {server: 'https://work.example.com'}}
- {name: lab, cluster: {server: 'https://old.example.com', insecure-skip-tls-verify: true}}
contexts:
- {name: work, context: {cluster: work, user: me, namespace: team}}
users:
- {name: me, user: {token: mine}}
preferences: {colors: true}
"""


def cluster_of(**network: str) -> Cluster:
    server = Node(name="cp1", address="192.0.2.1", internal_address="10.0.0.1", roles=frozenset({Role.SERVER}))
    return Cluster(
        name="lab",
        nodes=(server,),
        k3s=K3s(version="v1.36.5+k3s1"),
        network=Network.model_validate(network),
        source=Path("x.yaml"),
    )


def fetched(**network: str) -> str:
    return kubeconfig.fetch(FakeConnection({"k3s.yaml": FROM_K3S}), cluster_of(**network))


def test_it_is_named_for_the_cluster_and_verifies_tls() -> None:
    config = yaml.safe_load(fetched())
    assert config["clusters"] == [
        {"name": "lab", "cluster": {"certificate-authority-data": "Q0E=", "server": "https://192.0.2.1:6443"}}
    ]
    assert config["contexts"] == [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}]
    assert config["current-context"] == "lab"
    assert [user["name"] for user in config["users"]] == ["lab"]


@pytest.mark.parametrize(
    ("network", "place"),
    [
        ({"vip": "10.0.0.100"}, "https://10.0.0.100:6443"),
        ({"vip": "10.0.0.100", "api_address": "api.example.com"}, "https://api.example.com:6443"),
    ],
)
def test_it_calls_the_address_that_the_inventory_names(network: dict[str, str], place: str) -> None:
    assert yaml.safe_load(fetched(**network))["clusters"][0]["cluster"]["server"] == place


def test_a_server_without_one_is_an_error() -> None:
    connection = FakeConnection({"k3s.yaml": Result(1, "", "No such file")})
    with pytest.raises(ClustrError) as raised:
        kubeconfig.fetch(connection, cluster_of())
    assert "bootstrap" in raised.value.remedy


def test_what_else_is_there_stays() -> None:
    merged = yaml.safe_load(kubeconfig.merged(OTHER, fetched()))
    assert merged["current-context"] == "work"
    assert [each["name"] for each in merged["clusters"]] == ["work", "lab"]
    assert "insecure-skip-tls-verify" not in merged["clusters"][1]["cluster"]
    assert [each["name"] for each in merged["users"]] == ["me", "lab"]
    assert merged["contexts"][0] == {"name": "work", "context": {"cluster": "work", "user": "me", "namespace": "team"}}
    assert merged["preferences"] == {"colors": True}


def test_the_current_context_changes_only_where_there_is_none() -> None:
    assert yaml.safe_load(kubeconfig.merged("", fetched()))["current-context"] == "lab"
    assert yaml.safe_load(kubeconfig.merged(OTHER, fetched()))["current-context"] == "work"


def test_merging_twice_is_merging_once() -> None:
    once = kubeconfig.merged(OTHER, fetched())
    assert kubeconfig.merged(once, fetched()) == once


def test_the_file_is_private_and_a_link_stays_one(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text(OTHER)
    kept.chmod(0o644)
    link = tmp_path / "config"
    link.symlink_to(kept)
    assert kubeconfig.merge_into(fetched(), cluster_of(), link) == kept
    assert link.is_symlink()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config", "kept"]


def test_it_goes_where_kubectl_would_write() -> None:
    assert kubeconfig.default_path({"KUBECONFIG": ":/a/one:/b/two"}) == Path("/a/one")
    assert kubeconfig.default_path({}) == Path("~/.kube/config")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "is no YAML"),
        (b"- a list", "is no kubeconfig"),
        (b"clusters: [a]", "is no kubeconfig: its clusters are no list of mappings"),
        (b"users: {a: b}", "is no kubeconfig: its users are no list of mappings"),
        ("clusters: []".encode("utf-16"), "is no text in UTF-8"),  # as PowerShell's > writes it
    ],
)
def test_a_file_that_is_no_kubeconfig_is_left_as_it_is(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "config"
    path.write_bytes(content)
    with pytest.raises(ClustrError) as raised:
        kubeconfig.merge_into(fetched(), cluster_of(), path)
    assert raised.value.problem == f"{path} {problem}"
    assert raised.value.remedy == "mend or move it, then: clustr kubeconfig"
    assert path.read_bytes() == content


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    for path in (circle, tmp_path):
        with pytest.raises(ClustrError) as raised:
            kubeconfig.merge_into(fetched(), cluster_of(), path)
        assert raised.value.remedy == "clustr kubeconfig --to FILE writes lab's elsewhere"

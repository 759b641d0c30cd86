"""`artifacts`: the nearest wins, a login is a secret, and what was written before still means the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from clustr.errors import InventoryError
from clustr.inventory.load import load
from clustr.inventory.model import Artifacts
from clustr.inventory.places import Login, host_of, login_of, without_login
from clustr.inventory.resolved import resolved_yaml
from clustr.inventory.secrets import Secret

NODES = """
nodes:
- {name: cp1, address: 10.0.0.1, roles: [server]}
- {name: gpu1, address: 10.0.0.2, roles: [agent], class: edge}
- {name: gpu2, address: 10.0.0.3, roles: [agent], class: edge, artifacts: {https_proxy: none, packages: none}}
"""
TOP = "artifacts: {mirror: https://m.example.com/, packages: http://m.example.com, http_proxy: 'http://p.example.com:3128'}"
LOGIN = "http://user:p%40ss@near.example.com:3128"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    (tmp_path / "proxy").write_text(f"{LOGIN}\n")
    (tmp_path / "proxy").chmod(0o600)
    return tmp_path


def read(folder: Path, text: str) -> dict[str, Artifacts]:
    (folder / "inventory.yaml").write_text(f"{text}\n{NODES}")
    return {node.name: node.artifacts for node in load(folder / "inventory.yaml").nodes}


def test_the_nearest_wins_field_by_field(folder: Path) -> None:
    near = "classes: {edge: {artifacts: {http_proxy: {file: proxy}, no_proxy: [.example.com], ca: ca.pem}}}"
    found = read(folder, f"{TOP}\n{near}")
    packages = {"*": "http://m.example.com"}
    far = "http://p.example.com:3128"
    assert found["cp1"] == Artifacts(packages=packages, mirror="https://m.example.com", http_proxy=far, https_proxy=far)
    edge = Artifacts(
        mirror="https://m.example.com", ca=folder / "ca.pem", no_proxy=(".example.com",), http_proxy=Secret(LOGIN)
    )
    assert found["gpu1"] == edge.model_copy(update={"packages": packages, "https_proxy": Secret(LOGIN)})
    assert found["gpu2"] == edge


def test_what_was_written_before_means_the_same(folder: Path) -> None:
    found = read(folder, "artifacts: {mirror: https://mirror.example.com, ca: ca.pem}\nclasses: {edge: {}}")
    assert found["gpu1"] == Artifacts(mirror="https://mirror.example.com", ca=folder / "ca.pem")


def test_one_for_each_by_its_name(folder: Path) -> None:
    images = 'images: {docker.io: https://r.example.com:5000/hub, "*": https://r.example.com}'
    packages = "packages: {debian: http://a.example.com/d, debian-security: http://a.example.com/s}"
    found = read(folder, f"artifacts: {{{images}, {packages}}}\nclasses: {{edge: {{}}}}")["cp1"]
    assert found.images == {"docker.io": "https://r.example.com:5000/hub", "*": "https://r.example.com"}
    assert set(found.packages) == {"debian", "debian-security"}


@pytest.mark.parametrize(
    "kept", ["hidden.example.com:3128", "socks5://p:1080", "http://a b@p:1", "http://u:x'y@p:1", "http://u:x%20y@p:1"]
)
def test_what_is_kept_elsewhere_is_looked_at_and_not_repeated(folder: Path, kept: str) -> None:
    (folder / "proxy").write_text(kept)
    with pytest.raises(InventoryError) as caught:
        read(folder, "artifacts: {http_proxy: {file: proxy}}\nclasses: {edge: {}}")
    assert "artifacts.http_proxy" in caught.value.detail
    assert kept not in caught.value.detail


def test_resolved_says_it_all_and_reads_the_same_again(folder: Path) -> None:
    (folder / "inventory.yaml").write_text(f"{TOP}\nclasses: {{edge: {{}}}}\n{NODES}")
    cluster = load(folder / "inventory.yaml")
    (folder / "again.yaml").write_text(resolved_yaml(cluster))
    assert load(folder / "again.yaml").nodes == cluster.nodes
    (folder / "inventory.yaml").write_text(
        f"artifacts: {{http_proxy: {{file: proxy}}}}\nclasses: {{edge: {{}}}}\n{NODES}"
    )
    text = resolved_yaml(load(folder / "inventory.yaml"))
    assert "http_proxy: '***'" in text
    assert not any(part in text for part in ("near.example.com", "p%40ss"))


def test_parts_of_urls() -> None:
    assert login_of(LOGIN) == Login("user", "p@ss")
    assert login_of("http://p.example.com:3128") is None
    assert without_login(LOGIN) == "http://near.example.com:3128"
    assert [host_of(url) for url in (LOGIN, "https://m.example.com/x/y", "https://10.0.0.1:8443")] == [
        "near.example.com", "m.example.com", "10.0.0.1",
    ]  # fmt: skip


def test_what_goes_to_nodes_is_read_here_and_shown_nowhere(folder: Path) -> None:
    """What cannot be read is told with the other mistakes."""
    path = folder / "inventory.yaml"
    (folder / "registries.yaml").write_text("configs: {r: {auth: {password: hidden}}}\n")
    path.write_text(
        f"k3s: {{registries: registries.yaml}}\nartifacts: {{ca: ca.pem}}\nclasses: {{edge: {{}}}}\n{NODES}"
    )
    cluster = load(path)
    assert set(cluster.files) == {folder / "ca.pem", folder / "registries.yaml"}
    assert "hidden" not in repr(cluster) + resolved_yaml(cluster)
    (folder / "ca.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\n\xff")
    (folder / "registries.yaml").write_bytes(b"\xff")
    with pytest.raises(InventoryError) as caught:
        load(path)
    assert [line.split("   ")[-1].strip() for line in caught.value.mistakes] == [
        "registries.yaml is no text in UTF-8: write one",
        "ca.pem is no text in UTF-8: write one",
    ]

"""Point 5: no secret on the laptop, in a log or journal, or in a process's words, in any spelling."""

from __future__ import annotations

import base64
import shlex
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.lab.bootstrapped import Bootstrapped
from tests.lab.cluster import LabCluster

TOKEN = "/var/lib/rancher/k3s/server/token"


def spellings(secret: str) -> set[bytes]:
    """A secret as it is, in base64 at each alignment, URL-encoded and shell-quoted."""
    data = secret.encode()
    found = {data, quote(secret, safe="").encode(), shlex.quote(secret).encode().strip(b"'")}
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + data)
        start, end = -(-shift * 8 // 6), (shift + len(data)) * 8 // 6
        found.add(encoded[start:end])
    return found


@pytest.fixture(scope="module")
def secrets(cluster: LabCluster) -> dict[str, str]:
    """Each secret there is, by name; the token by its password, which all its forms share."""
    token = cluster.on("cp1", f"cat {TOKEN}").strip()
    key = cluster.lab.key.read_text()
    return {
        "token": token.rpartition(":")[2],
        "sudo password": cluster.lab.password_file.read_text().strip(),
        "ssh key": key.splitlines()[3],  # the first two lines of its body are alike in all keys of its kind
    }


def holding(secrets: dict[str, str], texts: dict[str, bytes]) -> list[str]:
    """Where which secret stands, in any spelling."""
    return [
        f"{name} in {where}"
        for name, secret in secrets.items()
        for spelling in spellings(secret)
        for where, text in texts.items()
        if spelling in text
    ]


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_search_finds_each_secret_where_it_belongs(cluster: LabCluster, secrets: dict[str, str]) -> None:
    assert all(len(secret) >= 12 for secret in secrets.values())
    places = {
        "token": cluster.on("cp1", f"cat {TOKEN}").encode(),
        "sudo password": cluster.lab.password_file.read_bytes(),
        "ssh key": cluster.lab.key.read_bytes(),
    }
    for name, secret in secrets.items():
        assert holding({name: secret}, {name: places[name]}) == [f"{name} in {name}"]
        for form in spellings(secret):
            assert holding({name: secret}, {"there": b"before " + form + b" after"})


def test_no_secret_on_the_laptop(cluster: LabCluster, secrets: dict[str, str]) -> None:
    files = files_below(cluster.home)
    assert any(path.endswith("events.jsonl") for path in files)
    files.pop(str(cluster.kubeconfig))
    assert holding(secrets, files) == []


def test_no_secret_in_a_node_log_or_journal(cluster: LabCluster, secrets: dict[str, str]) -> None:
    logs = {
        name: cluster.on(name, "journalctl --no-pager -o export; find /var/log -type f -exec cat {} +").encode()
        for name in cluster.nodes
    }
    assert all(len(text) > 10_000 for text in logs.values())
    assert holding(secrets, logs) == []


def test_no_secret_left_where_clustr_works(cluster: LabCluster, secrets: dict[str, str]) -> None:
    script = "find /var/lib/clustr /dev/shm /tmp -type f -exec cat {} + 2>/dev/null; ls /dev/shm"
    assert holding(secrets, {name: cluster.on(name, script).encode() for name in cluster.nodes}) == []


def test_no_secret_in_the_words_of_any_process(bootstrapped: Bootstrapped, secrets: dict[str, str]) -> None:
    seen = bootstrapped.processes
    assert any(b"apt-get" in words for words in seen), "the search saw no process of the nodes"
    assert any(b"clustr\0bootstrap" in words for words in seen), "the search did not see clustr itself"
    assert holding(secrets, {"a process": b"\0\0".join(seen)}) == []


def test_no_secret_in_what_a_failed_run_leaves(cluster: LabCluster, secrets: dict[str, str]) -> None:
    """A run that fails in the goal that carries the token: the file's folder is no folder."""
    cluster.on("agent1", "mv /etc/rancher/k3s/token /etc/rancher/k3s/token.kept && mkdir /etc/rancher/k3s/token")
    try:
        failed = cluster.bootstrap()
    finally:
        cluster.on("agent1", "rmdir /etc/rancher/k3s/token && mv /etc/rancher/k3s/token.kept /etc/rancher/k3s/token")
    assert failed.status == 6
    assert "token" in failed.stdout + failed.stderr
    left = files_below(cluster.runs[-1])
    left["screen"] = (failed.stdout + failed.stderr).encode()
    left["journal"] = cluster.on("agent1", "journalctl --no-pager -o export").encode()
    left["node"] = cluster.on("agent1", "find /var/lib/clustr /dev/shm -type f -exec cat {} +").encode()
    assert holding(secrets, left) == []
    assert cluster.plan() == []

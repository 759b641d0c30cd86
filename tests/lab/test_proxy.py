"""A node whose only way out is a proxy that asks for a login, with its packages from a mirror, joins the cluster."""

from __future__ import annotations

import re
import socket
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from clustr import lab as labs
from clustr.inventory.model import Role
from clustr.lab.model import Lab, LabNode
from clustr.lab.services import MIRROR_PORT
from tests.lab.cluster import LabCluster

PROXY_PORT, PACKAGES_PORT = 3128, 8444
USER, PASSWORD = "clustr", "pr0xy.pass"
ENVIRONMENT = "/etc/clustr/proxy.env"


@dataclass(frozen=True)
class Site:
    """The cluster with one more agent, which reaches nothing but the proxy; `log` is the proxy's own."""

    cluster: LabCluster
    node: str
    inventory: Path
    log: Path
    packages: str

    def asked(self) -> set[str]:
        """HOST:PORT of everything that the proxy was asked for."""
        return set(re.findall(r"Request .*: CONNECT (\S+) ", self.log.read_text()))

    def settings(self, **artifacts: object) -> Path:
        """The inventory with these artifacts for the node."""

        def edit(document: dict[str, Any]) -> None:
            mine = next(entry for entry in document["nodes"] if entry["name"] == self.node)
            mine["artifacts"] = artifacts

        return self.cluster.variant("behind-proxy", edit)


@pytest.fixture(scope="module")
def site(cluster: LabCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("proxy")
    node = labs.add_node(cluster.lab, (Role.AGENT,), lambda line: None)
    lab = labs.load(cluster.lab.name)
    undo: list[Callable[[], object]] = []
    try:
        undo.append(confine(lab, node))
        undo.append(packages_mirror(lab))
        undo.append(start_proxy(lab, folder))
        yield behind_the_proxy(LabCluster(lab, cluster.home), node, folder)
    finally:
        for step in reversed(undo):
            step()
        labs.remove_node(lab, node.name)
        cluster.kubectl(f"delete --ignore-not-found node {node.name}")
        cluster.kubectl(f"delete --ignore-not-found --namespace kube-system secret {node.name}.node-password.k3s")


def behind_the_proxy(cluster: LabCluster, node: LabNode, folder: Path) -> Site:
    url = folder / "proxy.url"
    url.write_text(f"http://{USER}:{PASSWORD}@{cluster.lab.gateway}:{PROXY_PORT}\n")
    url.chmod(0o600)
    packages = f"https://{cluster.lab.gateway}:{PACKAGES_PORT}"
    made = Site(cluster, node.name, folder, folder / "proxy.log", packages)
    inventory = made.settings(packages=packages, http_proxy={"file": str(url)})
    return Site(cluster, node.name, inventory, made.log, packages)


def confine(lab: Lab, node: LabNode) -> Callable[[], object]:
    """The node reaches the proxy and the lab's clock, and answers; nothing else of this machine, nothing beyond it."""
    source = ["-s", str(node.address)]
    rules = [
        ["INPUT", *source, "-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "ACCEPT"],
        ["INPUT", *source, "-p", "tcp", "--dport", str(PROXY_PORT), "-j", "ACCEPT"],
        ["INPUT", *source, "-p", "udp", "--dport", "123", "-j", "ACCEPT"],
        ["INPUT", *source, "-j", "DROP"],
        ["FORWARD", *source, "!", "-d", str(lab.network), "-j", "DROP"],
    ]

    def each(how: str, listed: list[list[str]]) -> None:
        for chain, *rule in listed:
            subprocess.run(["iptables", "-w", how, chain, *rule], check=True)

    each("-I", rules[::-1])
    return lambda: each("-D", rules)


def start_proxy(lab: Lab, folder: Path) -> Callable[[], object]:
    settings = folder / "tinyproxy.conf"
    settings.write_text(
        f"Port {PROXY_PORT}\nListen {lab.gateway}\nTimeout 60\nMaxClients 50\nLogLevel Connect\n"
        f"BasicAuth {USER} {PASSWORD}\n"
    )
    with (folder / "proxy.log").open("w") as log:
        started = subprocess.Popen(["tinyproxy", "-d", "-c", str(settings)], stdout=log, stderr=subprocess.STDOUT)

    def stop() -> None:
        started.terminate()
        started.wait()

    try:
        wait_for(str(lab.gateway), PROXY_PORT)
    except OSError:
        stop()
        raise
    return stop


def wait_for(address: str, port: int, within: float = 10) -> None:
    deadline = time.monotonic() + within
    while True:
        try:
            socket.create_connection((address, port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def packages_mirror(lab: Lab) -> Callable[[], object]:
    """Debian's archive over HTTPS, signed as it is; what vouches for the server is the lab's CA."""
    origins = {"debian": "http://deb.debian.org/debian", "debian-security": "http://deb.debian.org/debian-security"}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(lab.folder / "mirror.crt", lab.folder / "mirror.key")

    class Archive(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            name, _, path = self.path.lstrip("/").partition("/")
            try:
                with urllib.request.urlopen(f"{origins[name]}/{path}", timeout=60) as found:
                    content = found.read()
            except (OSError, KeyError):
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer((str(lab.gateway), PACKAGES_PORT), Archive)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()

    return stop


def limited(site: Site, inventory: Path | None = None) -> None:
    """Bootstraps the node alone, and leaves nothing to do on it."""
    chosen = inventory or site.inventory
    site.cluster.bootstrap(chosen, "--limit", site.node).expect()
    assert site.cluster.plan(chosen, "--limit", site.node) == []


def test_it_joins_through_the_proxy_alone(site: Site) -> None:
    direct = f"curl --silent --max-time 3 --insecure {site.packages}/debian/ || echo unreachable"
    assert site.cluster.on(site.node, direct).strip() == "unreachable"
    world = socket.gethostbyname("deb.debian.org")
    assert (
        site.cluster.on(site.node, f"timeout 2 bash -c ': </dev/tcp/{world}/80' || echo unreachable") == "unreachable\n"
    )
    limited(site)
    assert "Ready" in site.cluster.kubectl(f"get node {site.node}", "cp1")
    # The releases' mirror and the packages', and nothing of the cluster's own.
    gateway = site.cluster.lab.gateway
    assert site.asked() == {f"{gateway}:{MIRROR_PORT}", f"{gateway}:{PACKAGES_PORT}"}
    unit = site.cluster.on(site.node, "cat /proc/$(systemctl show -p MainPID --value k3s-agent)/environ")
    assert f"HTTPS_PROXY=http://{USER}:" in unit
    assert ",.svc,.cluster.local," in unit


def test_packages_come_from_the_mirror_alone_security_too(site: Site) -> None:
    shown = site.cluster.on(site.node, "apt-get indextargets --format '$(SITE) $(RELEASE)' | sort -u").split("\n")
    assert {line.split(" ")[0] for line in shown if line} == {site.packages + suffix for suffix in PLACES}
    assert {"bookworm", "bookworm-updates", "bookworm-security"} <= {line.split(" ")[-1] for line in shown}
    # A person's own apt and curl go the same way, with the system's trust alone.
    site.cluster.on(site.node, "apt-get update --error-on=any")
    site.cluster.on(
        site.node, f"set -a; . {ENVIRONMENT}; curl --fail --silent {site.packages}/debian/dists/bookworm/Release"
    )


PLACES = ("/debian", "/debian-security")


def test_the_login_is_readable_to_root_alone_and_shown_nowhere(site: Site) -> None:
    listing = f"grep -rlF {PASSWORD} /etc /usr/local /var/lib/clustr 2>/dev/null | xargs stat -c '%a %n' || true"
    holding = site.cluster.on(site.node, listing).splitlines()
    assert {line.split()[1] for line in holding} == {ENVIRONMENT, "/etc/apt/auth.conf.d/95clustr.conf"}
    assert {line.split()[0] for line in holding} == {"600"}
    for run in site.cluster.runs[-2:]:
        for file in (each for each in run.rglob("*") if each.is_file()):
            assert PASSWORD not in file.read_text(errors="replace"), file


def test_a_changed_proxy_restarts_k3s_there_and_nowhere_else(site: Site) -> None:
    document = yaml.safe_load(site.inventory.read_text())
    artifacts = next(entry for entry in document["nodes"] if entry["name"] == site.node)["artifacts"]
    changed = site.settings(**artifacts, no_proxy=[".example.com"])
    planned = {(change["node"], change["goal"]) for change in site.cluster.plan(changed)}
    assert {goal for node, goal in planned if node == site.node} >= {ENVIRONMENT, "k3s-agent.service runs"}
    assert not any(goal.startswith("k3s") for node, goal in planned if node != site.node)
    limited(site, changed)


def test_what_leaves_the_inventory_is_taken_back(site: Site) -> None:
    before = site.cluster.on("cp1", "cat /etc/apt/sources.list.d/debian.sources")
    limited(site, site.settings())
    assert site.cluster.on(site.node, "cat /etc/apt/sources.list.d/debian.sources") == before
    left = f"ls {ENVIRONMENT} /etc/apt/apt.conf.d/95clustr /etc/apt/auth.conf.d/95clustr.conf 2>/dev/null || true"
    assert site.cluster.on(site.node, left) == ""
    unit = site.cluster.on(site.node, "cat /proc/$(systemctl show -p MainPID --value k3s-agent)/environ")
    assert "PROXY" not in unit

"""dnf for real behind a proxy that asks for a login, its packages from a mirror that the site's CA vouches for."""

from __future__ import annotations

import base64
import functools
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from clustr.artifacts import site_ca
from clustr.components import package_source
from clustr.engine.makers import packages
from clustr.engine.preflight.sources import way
from clustr.engine.script import apply_script, apply_work
from clustr.families import Manager
from clustr.inventory.model import Artifacts, Cluster, Node
from clustr.inventory.secrets import Secret
from clustr.remote.facts import OperatingSystem
from clustr.remote.reach import Questions, Way
from clustr.remote.reach_reader import read_reach
from tests.components.machines import CP1, GPU1, cluster_of, seen
from tests.components.test_dnf import build
from tests.fakes import LocalConnection

ROCKY = OperatingSystem("rocky", "9.6", "", "Rocky Linux 9.6 (Blue Onyx)")
HOST, LOGIN, PASSWORD = "mirror.example.com", "clustr", "p@ss/word"
REPOSITORY = """[baseos]
name=BaseOS
mirrorlist=https://mirrors.rockylinux.org/mirrorlist?repo=BaseOS-$releasever
#baseurl=http://dl.rockylinux.org/$contentdir/$releasever/BaseOS/os/
gpgcheck=0
"""


@dataclass
class Proxy:
    """What it was asked for with the right login; everything leads to the mirror."""

    port: int = 0
    asked: list[str] = field(default_factory=list)
    refused: int = 0


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The mirror's files, its certificate, and the inventory's folder."""
    folder = tmp_path_factory.mktemp("site")
    repository = folder / "rocky/9/BaseOS/os"
    repository.mkdir(parents=True)
    build(repository, [("plain", "1.0", "Provides: /bin/sh", "")])
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", "key.pem", "-out", "ca.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder


class Files(SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def proxy(site: Path) -> Iterator[Proxy]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site / "ca.pem", site / "key.pem")
    mirror = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=str(site)))
    mirror.socket = context.wrap_socket(mirror.socket, server_side=True, do_handshake_on_connect=False)
    found = Proxy()
    login = base64.b64encode(f"{LOGIN}:{PASSWORD}".encode()).decode()

    class Connect(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_CONNECT(self) -> None:
            if self.headers.get("Proxy-Authorization") != f"Basic {login}":
                found.refused += 1
                self.send_response(407)
                self.send_header("Proxy-Authenticate", 'Basic realm="site"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            found.asked.append(self.path)
            with socket.create_connection(("127.0.0.1", mirror.server_port)) as beyond:
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=copy, args=(beyond, self.connection), daemon=True)
                back.start()
                copy(self.connection, beyond)
                back.join()
            self.close_connection = True

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Connect)
    found.port = server.server_port
    for each in (mirror, server):
        threading.Thread(target=each.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield found
    for each in (server, mirror):
        each.shutdown()
        each.server_close()


def copy(one: socket.socket, other: socket.socket) -> None:
    try:
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@pytest.fixture
def machine() -> Iterator[LocalConnection]:
    with LocalConnection() as found:
        found.write("/etc/yum.repos.d/rocky.repo", REPOSITORY)
        found.write("/etc/dnf/vars/releasever", "9\n")
        found.write("/etc/dnf/vars/contentdir", "pub/rocky\n")
        found.write("/etc/dnf/plugins/local.conf", "[main]\nenabled = false\n")
        found.path("/var/lib/clustr").mkdir(parents=True)
        yield found


def behind(proxy: Proxy, site: Path) -> tuple[Cluster, Node]:
    url = Secret(f"http://{LOGIN}:p%40ss%2Fword@127.0.0.1:{proxy.port}")
    wanted = Artifacts(packages={"*": f"https://{HOST}"}, ca=Path("ca.pem"), http_proxy=url, https_proxy=url)
    node = GPU1.model_copy(update={"artifacts": wanted})
    return cluster_of(CP1, node, files={Path("ca.pem"): (site / "ca.pem").read_text()}), node


def test_preflight_asks_the_mirror_through_the_proxy_before_anything_is_there(
    machine: LocalConnection, site: Path, proxy: Proxy
) -> None:
    cluster, node = behind(proxy, site)
    machine.run("rm /usr/bin/apt-get")
    asked = Questions(sources=True, way=way(cluster, node, seen(cluster, os=ROCKY)) or Way())
    found = read_reach(machine, asked)
    assert (found.sources, found.sources_asked) == ((), 1)
    assert set(proxy.asked) == {f"{HOST}:443"}
    (site / "rocky").rename(site / "gone")
    try:
        assert len(read_reach(machine, asked).sources) == 1
    finally:
        (site / "gone").rename(site / "rocky")
    assert machine.run("ls /etc/clustr /dev/shm/clustr-reach.* 2>/dev/null").stdout == ""


def test_packages_come_through_the_proxy_from_the_mirror(machine: LocalConnection, site: Path, proxy: Proxy) -> None:
    cluster, node = behind(proxy, site)
    goals = [
        *(goal.of("base_os") for goal in site_ca(cluster, node)),
        *(goal.of("package_source") for goal in package_source.goals(cluster, node, seen(cluster, os=ROCKY))),
        packages(Manager.DNF, ("plain",)).of("base_os"),
    ]
    works = [apply_work(place, goal) for place, goal in enumerate(goals)]
    done = machine.run(apply_script(works, stage="s", node="n", run_id="r", reboots=False))
    assert done.status == 0, done.stdout + done.stderr
    assert machine.path("/usr/share/plain/version").read_text() == "1.0\n"
    assert set(proxy.asked) == {f"{HOST}:443"}
    # A person's own dnf, which has no variables: what it needs is in its files.
    assert machine.run("dnf -q --refresh repoquery plain").stdout == "plain-0:1.0-1.noarch\n"
    assert (machine.path("/etc/dnf/dnf.conf").stat().st_mode & 0o777) == 0o600

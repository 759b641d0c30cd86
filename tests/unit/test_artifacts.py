"""Where downloads come from and which sums they have: over real TLS, from a place on this machine."""

from __future__ import annotations

import errno
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from clustr import artifacts
from clustr.artifacts import K3S, NODE_EXPORTER, Sum
from clustr.errors import ClustrError
from clustr.inventory.model import Artifacts, Cluster
from clustr.inventory.secrets import Secret
from clustr.remote.facts import Seen
from clustr.sumfiles import Relay, parse, read_sum_file
from tests.components.k3s_nodes import VERSION, bare, cluster_of
from tests.fakes import FakeConnection, LocalConnection

AMD64 = f"k3s-io/k3s/releases/download/{VERSION}/k3s"
ARM64 = f"{AMD64}-arm64"
SUM_A, SUM_B = "a" * 64, "b" * 64


@dataclass
class Place:
    """A mirror: answers by path, and what it was asked for."""

    url: str
    ca: Path
    answers: dict[str, str] = field(default_factory=dict)  # content; "-> URL" redirects
    asked: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "ca.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder


@pytest.fixture
def place(keys: Path) -> Iterator[Place]:
    found = Place("", keys / "ca.pem")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            answer = found.answers.get(self.path)
            if answer is None:
                self.send_error(404)
            elif answer.startswith("SSH-"):
                self.wfile.write(answer.encode())
            elif answer.startswith("-> "):
                self.send_response(302)
                self.send_header("Location", answer[3:])
                self.end_headers()
            else:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(answer.encode())

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(keys / "ca.pem", keys / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    found.url = f"https://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def sums_file(version: str = VERSION) -> str:
    return f"/k3s-io/k3s/releases/download/{version.replace('+', '%2B')}/sha256sum-amd64.txt"


def mirrored(place: Place, folder: Path, *names: str) -> Cluster:
    cluster = cluster_of(*(names or ("cp1", "gpu1")), artifacts=Artifacts(mirror=place.url, ca=place.ca))
    return cluster.model_copy(update={"source": folder / "inventory.yaml", "files": {place.ca: place.ca.read_text()}})


def unknown(cluster: Cluster) -> Seen:
    return replace(bare(cluster), sums={})


def test_paths_are_those_of_the_release() -> None:
    assert K3S.path(VERSION, "amd64") == AMD64
    assert K3S.path(VERSION, "arm64") == ARM64
    assert K3S.sums_path(VERSION, "arm64").endswith("/sha256sum-arm64.txt")
    expected = "prometheus/node_exporter/releases/download/v1.9.1/node_exporter-1.9.1.linux-arm64.tar.gz"
    assert NODE_EXPORTER.path("1.9.1", "arm64") == expected


def test_a_mirror_replaces_the_place_and_keeps_the_path() -> None:
    plus = AMD64.replace("+", "%2B")
    assert artifacts.url_of(Artifacts(), AMD64) == f"https://github.com/{plus}"
    for mirror in ("https://m.example.com/x", "https://m.example.com/x/"):
        assert artifacts.url_of(Artifacts(mirror=mirror), AMD64) == f"https://m.example.com/x/{plus}"


def test_a_machine_gets_the_file_of_its_architecture() -> None:
    cluster = cluster_of("cp1", "gpu1")
    seen = replace(bare(cluster), sums={AMD64: SUM_A, ARM64: SUM_B})
    arm = replace(seen, facts={**seen.facts, "gpu1": replace(seen["gpu1"], architecture="aarch64")})
    assert artifacts.artifact(cluster, arm, cluster.node("gpu1"), K3S, VERSION).sum == SUM_B
    assert artifacts.artifact(cluster, arm, cluster.node("cp1"), K3S, VERSION).sum == SUM_A


def test_what_has_no_sum_is_not_installed() -> None:
    cluster = cluster_of("cp1")
    with pytest.raises(ClustrError, match="no sha256 is known"):
        artifacts.artifact(cluster, unknown(cluster), cluster.node("cp1"), K3S, VERSION)


def test_sums_are_read_once_and_kept_with_place_and_date(place: Place, tmp_path: Path) -> None:
    place.answers[sums_file()] = f"{SUM_A}  k3s\n{SUM_B}  k3s-airgap-images-amd64.tar.zst\n"
    cluster = mirrored(place, tmp_path)
    assert artifacts.ensure_sums(cluster, unknown(cluster), None).sums == {AMD64: SUM_A}
    kept = json.loads((tmp_path / "inventory.lock").read_text())["sums"]
    assert kept[AMD64]["sha256"] == SUM_A
    assert kept[AMD64]["source"] == place.url + sums_file()
    assert len(kept[AMD64]["read"]) == len("2026-11-24")
    assert artifacts.ensure_sums(cluster, unknown(cluster), None).sums == {AMD64: SUM_A}
    assert place.asked == [sums_file()]
    assert [path.name for path in tmp_path.iterdir()] == ["inventory.lock"]


def test_other_sums_stay_in_the_lock_file(place: Place, tmp_path: Path) -> None:
    cluster = mirrored(place, tmp_path)
    artifacts.keep_sums(cluster, {"other": Sum(SUM_B, "there", "2026-01-01")})
    place.answers[sums_file()] = f"{SUM_A} *k3s\n"
    artifacts.ensure_sums(cluster, unknown(cluster), None)
    assert sorted(artifacts.read_lock(artifacts.lock_path(cluster))) == [AMD64, "other"]


def test_sums_that_cannot_be_kept_are_an_error_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = cluster_of("cp1").model_copy(update={"source": tmp_path / "gone" / "inventory.yaml"})
    with pytest.raises(ClustrError, match=r"inventory\.lock cannot be written: No such file or directory"):
        artifacts.keep_sums(cluster, {})
    (tmp_path / "gone").mkdir()

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ClustrError, match=r"inventory\.lock cannot be written: No space left on device"):
        artifacts.keep_sums(cluster, {})
    assert list((tmp_path / "gone").iterdir()) == []


def test_a_lock_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ClustrError, match="cannot be read: Is a directory"):
        artifacts.read_lock(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"sums": []}', '{"sums": {"x": 1}}', '{"sums": {"x": {"sha256": "a"}}}']
)
def test_a_broken_lock_file_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "inventory.lock"
    path.write_text(text)
    with pytest.raises(ClustrError, match=r"inventory\.lock"):
        artifacts.read_lock(path)


def test_a_release_that_is_not_there_is_named(place: Place, tmp_path: Path) -> None:
    cluster = mirrored(place, tmp_path)
    with pytest.raises(ClustrError, match="status 404"):
        artifacts.ensure_sums(cluster, unknown(cluster), None)
    place.answers[sums_file()] = f"{SUM_A}  something-else\n"
    with pytest.raises(ClustrError, match="names no k3s"):
        artifacts.ensure_sums(cluster, unknown(cluster), None)
    assert not (tmp_path / "inventory.lock").exists()


def test_a_place_that_nothing_vouches_for_is_refused_and_no_server_is_asked(place: Place) -> None:
    place.answers["/sums"] = f"{SUM_A}  k3s\n"
    with pytest.raises(ClustrError, match="CERTIFICATE_VERIFY_FAILED"):
        read_sum_file(f"{place.url}/sums", "", Relay(FakeConnection(), f"{place.url}/sums"))
    with pytest.raises(ClustrError, match="no https"):
        read_sum_file("http://localhost/sums", "", None)
    assert place.asked == []


def test_what_speaks_no_http_cannot_be_reached(place: Place) -> None:
    place.answers["/sums"] = "SSH-2.0-OpenSSH_10.0\r\n"
    with pytest.raises(ClustrError, match=r"/sums cannot be reached: SSH-2\.0-OpenSSH_10\.0"):
        read_sum_file(f"{place.url}/sums", place.ca.read_text(), None)


def test_a_redirect_out_of_tls_is_not_followed(place: Place) -> None:
    place.answers["/sums"] = "-> http://localhost:1/sums"
    with pytest.raises(ClustrError, match="status 302"):
        read_sum_file(f"{place.url}/sums", place.ca.read_text(), None)


@pytest.fixture
def no_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process reaches nothing; what a server runs has an environment of its own."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)


@pytest.mark.usefixtures("no_way_out")
def test_where_the_laptop_has_no_way_a_server_reads_and_verifies_as_well(place: Place) -> None:
    place.answers["/sums"] = f"{SUM_A}  k3s\n"
    ca = place.ca.read_text()
    with pytest.raises(ClustrError, match="cannot be reached"):
        read_sum_file(f"{place.url}/sums", ca, None)
    with LocalConnection() as server:
        assert read_sum_file(f"{place.url}/sums", ca, Relay(server, f"{place.url}/sums", ca)) == {"k3s": SUM_A}
        with pytest.raises(ClustrError, match="neither from here nor"):
            read_sum_file(f"{place.url}/sums", "", Relay(server, f"{place.url}/sums"))
        with pytest.raises(ClustrError, match="404"):
            read_sum_file(f"{place.url}/other", ca, Relay(server, f"{place.url}/other", ca))


def test_lines_that_are_no_sums_are_left_out() -> None:
    assert parse(f"# sums\n{SUM_A}  ./k3s\n{SUM_B[:60]}  short\n{SUM_B} *other\r\n") == {"k3s": SUM_A, "other": SUM_B}


def test_nodes_are_given_the_ca_that_vouches_for_the_mirror(place: Place, tmp_path: Path) -> None:
    cluster = mirrored(place, tmp_path)
    [goal] = artifacts.site_ca(cluster, cluster.node("gpu1"))
    assert goal.name == artifacts.NODE_CA
    assert place.ca.read_text() in str(goal.wanted)
    plain = cluster_of("cp1")
    assert artifacts.site_ca(plain, plain.node("cp1")) == ()


def test_each_node_downloads_from_its_own_mirror() -> None:
    cluster = cluster_of("cp1", "gpu1")
    far = cluster.node("gpu1").model_copy(update={"artifacts": Artifacts(mirror="https://far.example.com")})
    seen = replace(bare(cluster), sums={AMD64: SUM_A})
    urls = [artifacts.artifact(cluster, seen, node, K3S, VERSION).url for node in (cluster.node("cp1"), far)]
    assert [url.partition("/k3s-io")[0] for url in urls] == ["https://github.com", "https://far.example.com"]


@pytest.mark.usefixtures("no_way_out")
def test_a_server_reads_from_its_own_mirror_by_its_own_proxy_and_trust(tmp_path: Path) -> None:
    """The login is in the script alone, which has no place on a command line."""
    login = "http://clustr:hidden@proxy.example.com:3128"
    own = Artifacts(mirror="https://near.example.com", ca=Path("ca.pem"), https_proxy=Secret(login))
    cluster = cluster_of("cp1", artifacts=Artifacts(mirror="https://far.example.com"))
    read = {Path("ca.pem"): "PEM OF THE SITE"}
    cluster = cluster.model_copy(update={"source": tmp_path / "inventory.yaml", "files": read})
    node = cluster.node("cp1").model_copy(update={"artifacts": own})
    asked = FakeConnection({"curl": f"{SUM_A}  k3s\n"})
    found = artifacts.ensure_sums(cluster, unknown(cluster), artifacts.Server(node, asked))
    assert found.sums == {AMD64: SUM_A}
    [script] = asked.scripts
    assert "https://near.example.com/k3s-io" in script
    assert "far.example.com" not in script
    assert "PEM OF THE SITE" in script
    assert f"https_proxy='{login}'" in script
    assert "hidden" not in next(line for line in script.splitlines() if line.startswith("curl"))
    assert "no_proxy='localhost,127.0.0.1,127.0.0.0/8,10.42.0.0/16," in script


NGC = "https://helm.ngc.nvidia.com/nvidia"


@pytest.mark.parametrize(
    ("charts", "repo"),
    [
        ({}, NGC),
        ({"helm.ngc.nvidia.com": "https://m.example.com/ngc"}, "https://m.example.com/ngc/nvidia"),
        ({"*": "https://m.example.com/charts"}, "https://m.example.com/charts/helm.ngc.nvidia.com/nvidia"),
        ({"other.example.com": "https://m.example.com"}, NGC),
    ],
)
def test_charts_come_from_the_mirror_of_their_repository(charts: dict[str, str], repo: str) -> None:
    cluster = cluster_of("cp1", artifacts=Artifacts(charts=charts))
    assert artifacts.chart_source(cluster, cluster.node("cp1"), NGC) == artifacts.ChartSource(repo, "")


def test_a_chart_is_told_the_ca_of_its_mirror(place: Place, tmp_path: Path) -> None:
    cluster = mirrored(place, tmp_path)
    assert artifacts.chart_source(cluster, cluster.node("cp1"), NGC).ca == place.ca.read_text()

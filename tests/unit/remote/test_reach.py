"""What nodes reach: what is made of their answers, and the script for real on the machine that runs the tests."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from dataclasses import replace

import pytest

from clustr.errors import UnreachableError
from clustr.remote import reach_reader
from clustr.remote.connection import Result
from clustr.remote.reach import DnfWay, Peer, Questions, Reach, Unreached, Way
from clustr.remote.reach_reader import parse_reach, read_reach, script
from clustr.remote.said import Said
from tests.fakes import FakeConnection, LocalConnection

ONE, TWO, THREE = Peer("cp1", "10.0.0.1", 6443), Peer("cp1", "10.0.0.1", 2379), Peer("cp2", "10.0.0.2", 6443)
MIRRORED = Way(
    'Acquire::http::Proxy "http://proxy.example:3128";',
    "machine http://proxy.example:3128 login it's password $(x)",
    "-----BEGIN CERTIFICATE-----",
    (("debian", "http://mirror.example/it's"),),
    ("http://mirror.example/debian/dists/bookworm/",),
    ca_at="/etc/site/ca.pem",
)


def test_a_peer_without_an_answer_is_not_reached() -> None:
    said = Said("peer=10.0.0.1 6443 reached\npeer=10.0.0.1 2379 failed No route to host\npeer=x\nsources=2\n")
    found = parse_reach(said, Questions((ONE, TWO, THREE)))
    assert found == Reach(peers=((TWO, "No route to host"), (THREE, "")))


def test_the_ca_is_read_from_where_it_lies_while_this_is_asked() -> None:
    asked = Questions(sources=True, way=MIRRORED)
    assert 'sed "s|/etc/site/ca.pem|$box/ca.pem|g" >"$box/apt.conf"' in script(asked)
    assert 'cat >"$box/apt.conf"' in script(replace(asked, way=Way(MIRRORED.settings)))


def test_names_and_sources() -> None:
    said = Said(
        "sources=2\nunresolved=deb.example.com\nsource=http://a/ answers\n"
        "source=http://b/ failed   404\x1b[2J  Not Found\nsource=http://c/ failed\nsource=broken\n"
    )
    found = parse_reach(said, Questions(sources=True))
    assert (found.names, found.sources_asked) == (("deb.example.com",), 2)
    assert found.sources == (Unreached("http://b/", "404[2J Not Found"), Unreached("http://c/", ""))


@pytest.mark.parametrize("result", [Result(1, "end=yes", ""), Result(0, "sources=3", "")])
def test_a_script_that_did_not_end_tells_nothing(result: Result) -> None:
    with pytest.raises(UnreachableError, match="could not be asked"):
        read_reach(FakeConnection({"What this machine reaches": result}), Questions())


BY_DNF = Way(
    ca="-----BEGIN CERTIFICATE-----", dnf=DnfWay("proxy=http://p.example:1\n", "a.example/x https://m", "proxy=\n")
)


@pytest.mark.parametrize(
    "questions",
    [Questions(), Questions((ONE,), True), Questions((ONE, TWO), True, MIRRORED), Questions((), True, BY_DNF)],
)
def test_the_script_passes_shellcheck(questions: Questions) -> None:
    program = shutil.which("shellcheck")
    assert program, "shellcheck is not installed"
    done = subprocess.run([program, "-"], input=script(questions), capture_output=True, text=True, check=False)
    assert done.stdout == ""


def test_listening_and_refusing_are_both_reached() -> None:
    with socket.socket() as listening, socket.socket() as closed, LocalConnection() as machine:
        for each in (listening, closed):
            each.bind(("127.0.0.1", 0))
        listening.listen()
        peers = tuple(Peer("n", "127.0.0.1", each.getsockname()[1]) for each in (listening, closed))
        nowhere = Peer("n", "255.255.255.255", 1)
        found = read_reach(machine, Questions((*peers, nowhere)))
        assert [peer for peer, why in found.peers if why] == [nowhere]
        assert machine.run("ls /dev/shm/clustr-reach.* 2>/dev/null || true").stdout == ""


def test_a_peer_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backlog that is full: the kernel lets further connections wait."""
    monkeypatch.setattr(reach_reader, "PEER_SECONDS", 1)
    with socket.socket() as full, LocalConnection() as machine:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(8)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        begun = time.monotonic()
        found = read_reach(machine, Questions((Peer("n", "127.0.0.1", port),)))
        for each in waiting:
            each.close()
    assert found.peers == ((Peer("n", "127.0.0.1", port), ""),)
    assert time.monotonic() - begun > 1

"""Forty nodes behind one bastion, whose sshd is as Debian ships it. Only through it are they reached.

The forty are sshd processes of their own, each at an address of its own, on one lab node; the bastion is another.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clustr import lab as labs
from clustr.lab.model import Spec
from tests.lab.cluster import LabCluster

NAME = "test-bastion"
NODES = 40
HOST, BASTION = "cp1", "agent1"
ASK = ("exec", "--", "sh", "-c", "echo $SSH_CONNECTION | cut -d' ' -f3")  # the address that sshd was called at


@dataclass(frozen=True)
class Behind:
    cluster: LabCluster
    inventory: Path
    addresses: tuple[str, ...]

    def clustr(self, command: str, *words: str) -> tuple[int, str]:
        done = self.cluster.clustr(command, "-i", str(self.inventory), *words, timeout=300)
        return done.status, done.stdout + done.stderr

    def logins(self) -> int:
        """How often anybody has logged in to the bastion, as its sshd tells it."""
        return int(self.cluster.on(BASTION, "journalctl --sync; journalctl -u ssh | grep -c 'Accepted publickey'"))

    def set_sshd(self, settings: str) -> None:
        script = f"printf '{settings}' >/etc/ssh/sshd_config.d/test.conf; systemctl reload ssh; sleep 0.5"
        self.cluster.on(BASTION, script)

    @contextmanager
    def watched(self) -> Iterator[list[int]]:
        """While inside, the bastion's established connections are counted; the most at once is there afterwards."""
        script = """rm -f /run/over; most=0
            until [ -e /run/over ]; do
              now=$(ss -Htn state established '( sport = :22 )' | wc -l)
              if [ "$now" -gt "$most" ]; then most=$now; fi
              sleep 0.05
            done
            echo "$most" """
        most: list[int] = []
        counting = threading.Thread(target=lambda: most.append(int(self.cluster.on(BASTION, script))))
        counting.start()
        try:
            yield most
        finally:
            self.cluster.on(BASTION, "touch /run/over")
            counting.join()


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    labs.down(NAME, lambda line: None)
    lab = labs.up(Spec(name=NAME, servers=1, agents=1, artifacts="none"), lambda line: None)
    cluster = LabCluster(lab, tmp_path_factory.mktemp("laptop"))
    addresses = tuple(f"10.99.{lab.number}.{number}" for number in range(101, 101 + NODES))
    # sshd may not listen everywhere where forty others listen at addresses of their own.
    cluster.on(
        HOST,
        f"""set -e
        printf 'ListenAddress {lab.node(HOST).address}\\n' >/etc/ssh/sshd_config.d/own.conf; systemctl restart ssh
        for address in {" ".join(addresses)}; do
          ip addr add "$address/24" dev host0
          /usr/sbin/sshd -o "ListenAddress=$address" -o PidFile=none
        done""",
    )
    cluster.on(BASTION, f"ip addr add 10.99.{lab.number}.1/24 dev host0")
    keys = cluster.home / "known_hosts"
    bastion = str(lab.node(BASTION).address)
    known = lab.known_hosts.read_text().splitlines()
    keys.write_text("".join(f"{line}\n" for line in known if line.startswith(f"{bastion} ")))

    def edit(document: dict[str, Any]) -> None:
        document["ssh"] |= {"bastion": bastion, "host_keys": "accept-new", "known_hosts": str(keys)}
        document["nodes"] = [{"name": f"n[01-{NODES}]", "address": f"10.99.{lab.number}.[101-{100 + NODES}]"}]

    yield Behind(cluster, cluster.variant("behind", edit), addresses)
    labs.down(NAME, lambda line: None)


def test_the_bastion_is_as_debian_ships_it_and_nobody_else_reaches_the_nodes(behind: Behind) -> None:
    settings = behind.cluster.on(BASTION, "sshd -T").splitlines()
    assert {"maxstartups 10:30:100", "maxsessions 10"} <= set(settings)
    way = subprocess.run(["ip", "route", "get", behind.addresses[0]], capture_output=True, text=True, check=False)
    assert behind.cluster.lab.bridge not in way.stdout  # from here no way leads to their network


def test_one_connection_to_the_bastion_reaches_forty_nodes(behind: Behind) -> None:
    before = behind.logins()
    with behind.watched() as most:
        status, said = behind.clustr(*ASK)
    assert status == 0, said
    assert [line.strip() for line in said.splitlines() if line.startswith("    ")] == list(behind.addresses)
    assert most == [1]
    assert behind.logins() == before + 1
    known = (behind.cluster.home / "known_hosts").read_text().splitlines()
    assert len(known) == 1 + NODES


def test_a_bastion_that_lets_one_login_and_one_session_in_is_enough(behind: Behind) -> None:
    behind.set_sshd("MaxStartups 1:100:1\\nMaxSessions 1\\n")
    try:
        status, said = behind.clustr(*ASK)
        assert status == 0, said
        assert all(f"    {address}\n" in said for address in behind.addresses)
    finally:
        behind.set_sshd("")


@contextmanager
def cut_once(behind: Behind, node: str, all_there: str) -> Iterator[None]:
    """Kills whatever runs as the login's session on the bastion, as soon as this holds on a node."""

    def cut() -> None:
        behind.cluster.on(
            node, f"for each in $(seq 6000); do if {all_there}; then exit 0; fi; sleep 0.02; done; exit 1"
        )
        behind.cluster.on(BASTION, "pkill -KILL -f '^sshd: root'")

    cutting = threading.Thread(target=cut)
    cutting.start()
    try:
        yield
    finally:
        cutting.join()


def test_a_bastion_that_is_cut_is_connected_to_once_more_for_all(behind: Behind) -> None:
    before = behind.logins()
    forwarded = f"""[ "$(ss -Htn state established '( dport = :22 )' | wc -l)" -ge {NODES} ]"""
    with cut_once(behind, BASTION, forwarded):
        status, said = behind.clustr("plan")
    assert f"n[02-{NODES}]  node.same-machine  is the same machine as n01" in said
    assert status == 5
    assert "Traceback" not in said
    assert behind.logins() == before + 2


def test_a_command_that_was_cut_is_not_run_again(behind: Behind) -> None:
    before = behind.logins()
    with cut_once(behind, HOST, f"[ -e /root/runs ] && [ $(wc -l </root/runs) -ge {NODES} ]"):
        status, said = behind.clustr("exec", "--", "sh", "-c", "echo x >>/root/runs; sleep 60")
    assert status == 4
    assert f"? n[01-{NODES}]   could not be asked" in said
    assert "the connection was cut" in said
    assert "Traceback" not in said
    assert behind.cluster.on(HOST, "wc -l </root/runs") == f"{NODES}\n"
    assert behind.logins() == before + 1

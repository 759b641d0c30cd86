"""One run at a time, whatever becomes of it: beside another, after Ctrl-C, after a sleep, with servers down.

The run that is at work stands before the restart of agent1's exporter until it is let go; what agent2 wants comes in a
later stage. The tests go on from each other, in this order.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest

from clustr import lab as labs
from tests.lab.cluster import Done, LabCluster
from tests.lab.firewall import old_connections_dropped
from tests.lab.places import EXPORTER, GO, HERE, SYSTEMCTL

LATER = "/usr/local/bin/crictl"  # of the stage Agents


class Holder:
    """A bootstrap of the product's own, which stands on agent1 with the lock in its hands."""

    def __init__(self, cluster: LabCluster, shown: Path) -> None:
        self.cluster = cluster
        self.shown = shown
        on = cluster.on
        on("agent1", f"rm -f {HERE} {GO}; cat >/usr/local/sbin/systemctl <<'END'\n{SYSTEMCTL}END")
        on("agent1", "chmod 755 /usr/local/sbin/systemctl")
        on("agent1", f"echo '# by hand' >>/etc/default/{EXPORTER}; /usr/bin/systemctl restart {EXPORTER}")
        on("agent2", f"rm -f {LATER}")
        before = set(cluster.runs)
        with shown.open("w") as file:
            self.run = subprocess.Popen(
                cluster.command("bootstrap", str(cluster.inventory), "--yes"),
                env=cluster.env(), stdout=file, stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
        deadline = time.monotonic() + 200
        while not on("agent1", f"ls {HERE} 2>/dev/null || true").strip():
            assert self.run.poll() is None, self.words
            assert time.monotonic() < deadline, self.words
            time.sleep(0.2)
        on("agent1", "rm -f /usr/local/sbin/systemctl")
        (self.folder,) = set(cluster.runs) - before

    @property
    def words(self) -> str:
        return self.shown.read_text()

    def says(self, words: str, within: float = 60) -> None:
        deadline = time.monotonic() + within
        while words not in self.words:
            assert time.monotonic() < deadline, self.words
            time.sleep(0.1)

    def let_go(self) -> None:
        self.cluster.on("agent1", f"touch {GO}")


@contextmanager
def standing(cluster: LabCluster, folder: Path) -> Iterator[Holder]:
    holder = Holder(cluster, folder / "shown")
    try:
        yield holder
    finally:
        holder.let_go()
        cluster.on("agent1", "while systemctl --quiet is-active clustr-apply; do sleep 0.2; done")
        holder.run.send_signal(signal.SIGCONT)
        holder.run.kill()
        holder.run.wait()


def locks(cluster: LabCluster, *servers: str) -> dict[str, str]:
    script = "cat /var/lib/clustr/lock/holder 2>/dev/null || true"
    return {server: cluster.on(server, script) for server in servers or ("cp1", "cp2", "cp3")}


def later_is_done(cluster: LabCluster) -> bool:
    return bool(cluster.on("agent2", f"ls {LATER} 2>/dev/null || true"))


@pytest.fixture(scope="module", autouse=True)
def _whole_at_the_end(cluster: LabCluster) -> Iterator[None]:
    yield
    for node in ("cp1", "cp2"):
        labs.start_node(cluster.lab, node, lambda line: None)


def test_beside_a_run_at_work_another_is_refused_and_who_only_looks_is_told(
    cluster: LabCluster, tmp_path: Path
) -> None:
    """Then the first Ctrl-C: nothing new starts, what runs is let to its end, the lock is freed."""
    with standing(cluster, tmp_path) as holder:
        held = locks(cluster)
        assert len(set(held.values())) == 1
        begun = time.monotonic()
        refused = cluster.bootstrap().expect(7)
        took = time.monotonic() - begun
        shown = " ".join((refused.stdout + refused.stderr).split())
        name = re.escape(cluster.lab.name)
        assert re.search(rf"{name} is locked by \w+@\S+ since \d\d:\d\d \(bootstrap, last beat \d s ago\)\.", shown)
        assert f"Wait for it, or free it: clustr unlock -i {cluster.inventory}" in shown
        assert took < 30  # as soon as a beat was seen, and there is one every 10 s
        at_work = r"\w+@\S+ \(bootstrap, since \d\d:\d\d, run \w+\) is at work, last beat \d+ s ago"
        assert re.search(at_work, " ".join(cluster.clustr("plan", str(cluster.inventory)).expect().stderr.split()))
        doctor = cluster.clustr("doctor", str(cluster.inventory))
        assert re.search(at_work, " ".join(doctor.stderr.split()))
        assert locks(cluster) == held
        assert holder.run.poll() is None

        holder.run.send_signal(signal.SIGINT)
        holder.says("Ctrl-C: nothing new is started")
        assert holder.run.poll() is None
        holder.let_go()
        assert holder.run.wait(120) == 130
        assert "stopped by Ctrl-C after" in holder.words
    assert cluster.on("agent1", f"grep -c 'by hand' /etc/default/{EXPORTER} || true").strip() == "0"
    assert not later_is_done(cluster)
    assert set(locks(cluster).values()) == {""}


def test_the_second_ctrl_c_ends_at_once_and_frees_the_lock(cluster: LabCluster, tmp_path: Path) -> None:
    with standing(cluster, tmp_path) as holder:
        holder.run.send_signal(signal.SIGINT)
        holder.says("Ctrl-C: nothing new is started")
        begun = time.monotonic()
        holder.run.send_signal(signal.SIGINT)
        assert holder.run.wait(30) == 130
        assert time.monotonic() - begun < 10
        assert "Interrupted. Work begun on a node goes on there, and the next run finds it." in holder.words
        assert set(locks(cluster).values()) == {""}
        assert cluster.on("agent1", "systemctl is-active clustr-apply").strip() == "active"


@pytest.fixture(scope="module")
def slept(cluster: LabCluster, tmp_path_factory: pytest.TempPathFactory) -> tuple[Holder, Done, float]:
    """The holder's laptop is closed, the first server fails, another run takes over; then the laptop is opened again
    in another network: its connections are dead, new ones can be made."""
    with standing(cluster, tmp_path_factory.mktemp("slept")) as holder:
        holder.run.send_signal(signal.SIGSTOP)
        with old_connections_dropped(cluster.lab, holder.run.pid):
            labs.crash_node(cluster.lab, "cp1")
            before = set(cluster.runs)
            with cluster.start("bootstrap", str(cluster.inventory), "--yes") as other:
                while not (set(cluster.runs) - before and "is at work here" in json.dumps(cluster.events())):
                    assert other.poll() is None, other.communicate()
                    time.sleep(0.5)
                holder.let_go()
                shown, _ = other.communicate(timeout=600)
            done = Done(other.returncode, shown, "")
            begun, worked = (
                datetime.fromisoformat(next(each["time"] for each in cluster.events() if each["event"] == kind))
                for kind in ("Command", "NodeStarted")
            )
            holder.run.send_signal(signal.SIGCONT)
            holder.run.wait(300)
    return holder, done, (worked - begun).total_seconds()


def test_with_the_first_server_down_too_a_silent_run_is_taken_over(
    cluster: LabCluster, slept: tuple[Holder, Done, float]
) -> None:
    _, done, waited = slept
    done.expect(4)  # cp1 does not answer; everything else is done
    assert "is taken over" in done.stdout
    assert waited < 90
    assert later_is_done(cluster)


def test_a_laptop_that_slept_starts_nothing_new_once_it_lost_the_lock(
    cluster: LabCluster, slept: tuple[Holder, Done, float]
) -> None:
    holder, _, _ = slept
    assert holder.run.returncode == 7
    assert "this run lost the lock: another run took it over" in holder.words  # and has ended since
    assert re.search(r"stopped with its lock lost after .*; `clustr bootstrap.*` does the rest", holder.words)
    events = cluster.events(holder.folder)
    begun = [event for event in events if event["event"] in ("NodeStarted", "GoalStarted")]
    assert [event["goal"] for event in begun if "goal" in event][-1] == f"{EXPORTER}.service runs"
    assert "Agents" not in {event["stage"] for event in begun}
    assert set(locks(cluster, "cp2", "cp3").values()) == {""}


def test_with_one_server_down_the_lock_of_a_run_that_is_gone_is_freed(
    cluster: LabCluster, slept: tuple[Holder, Done, float]
) -> None:
    words = "who=ana\nhost=desk\nrun_id=gone\ncommand=bootstrap\n"
    for server in ("cp2", "cp3"):
        cluster.on(server, f"cd /var/lib/clustr; mkdir lock; printf '{words}' >lock/holder; touch lock/beat")
    freed = cluster.clustr("unlock", "-i", str(cluster.inventory), "--yes").expect()
    assert freed.stdout == "The lock is free.\n"
    shown = " ".join(freed.stderr.split())
    assert "Locked by ana@desk" in shown
    assert re.search(r"! cp1 .*; then again: clustr unlock", shown)
    assert set(locks(cluster, "cp2", "cp3").values()) == {""}


def test_two_of_three_servers_down(cluster: LabCluster, slept: tuple[Holder, Done, float]) -> None:
    labs.crash_node(cluster.lab, "cp2")
    refused = cluster.bootstrap().expect(4)
    shown = " ".join((refused.stdout + refused.stderr).split())
    assert "2 of 3 servers do not answer: cp1 and cp2. Nothing was changed." in shown
    assert "More than half of the servers must answer, for etcd and for the lock: bring one of them back" in shown
    assert locks(cluster, "cp3") == {"cp3": ""}


def test_with_the_servers_back_everything_is_made_whole(cluster: LabCluster) -> None:
    for node in ("cp1", "cp2"):
        labs.start_node(cluster.lab, node, lambda line: None)
    cluster.bootstrap().expect()
    assert cluster.plan() == []

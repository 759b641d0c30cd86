"""Labs come up like machines, and leave this machine as they found it, also when they are killed half way."""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from clustr import lab as labs
from clustr.errors import LabError, LockedError, UsageError
from clustr.inventory.load import load
from clustr.inventory.model import Role
from clustr.lab import host, store
from clustr.lab.model import Lab, Login, Release, Spec
from tests.lab.footprint import footprint, left_behind, sysctls

NAMES = ("test-itself", "test-beside")

# Runs one act of a lab and kills itself, as SIGKILL does, before the given number of outside programs has been run.
KILLED = """
import os, signal, sys
from clustr import lab as labs
from clustr.lab import programs
from clustr.lab.model import Spec
left = int(sys.argv[3])
def counted(real):
    def call(*words, **named):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*words, **named)
    return call
programs.run, programs.attempt, programs.detach = map(counted, (programs.run, programs.attempt, programs.detach))
spec = Spec(sys.argv[2], servers=1, agents=1, artifacts="none", internal_network=True)
labs.up(spec, lambda line: None) if sys.argv[1] == "up" else labs.down(sys.argv[2], lambda line: None)
"""

KILLED_BUILDING = """
import os, signal, sys, time
from pathlib import Path
from clustr import lab as labs
from clustr.lab import image
image.CACHE = Path(sys.argv[1])
def killed_at(line):
    if "installing remaining packages" in line:
        time.sleep(1)
        os.kill(os.getpid(), signal.SIGKILL)
labs.up(labs.Spec("test-itself", servers=1, agents=0, artifacts="none"), killed_at)
"""

# A machine with cgroup v2 alone, as far as systemd in a node can tell: the one hierarchy, and nothing beside it.
ON_CGROUP_V2 = """
import subprocess
from clustr import lab as labs
def run(*words):
    subprocess.run(words, check=True)
run("mount", "--make-rprivate", "/")
run("umount", "--recursive", "/sys/fs/cgroup")
run("mount", "-t", "cgroup2", "cgroup2", "/sys/fs/cgroup")
lab = labs.up(labs.Spec("test-itself", servers=1, agents=0, artifacts="none"), lambda line: None)
try:
    assert "cgroup_v1" not in lab.inventory.read_text()
    script = "systemctl is-system-running && mkdir /sys/fs/cgroup/probe && rmdir /sys/fs/cgroup/probe"
    done = labs.execute(lab, lab.nodes[0], script)
    assert (done.status, done.stdout) == (0, "running\\n"), done
    assert labs.execute(lab, lab.nodes[0], "stat -fc %T /sys/fs/cgroup").stdout == "cgroup2fs\\n"
finally:
    labs.down("test-itself", lambda line: None)
"""


def quiet(line: str) -> None:
    """Progress that nobody watches."""


def small(name: str, **traits: object) -> Spec:
    return Spec(**{"name": name, "servers": 1, "agents": 1, "artifacts": "none", **traits})  # type: ignore[arg-type]


def killed(act: str, name: str, after: int) -> bool:
    """Whether the act was still at work when its time came."""
    done = subprocess.run([sys.executable, "-c", KILLED, act, name, str(after)], capture_output=True, text=True)
    assert done.returncode in (0, -9), done.stderr
    return done.returncode == -9


def inside(lab: Lab, node: str, script: str) -> str:
    result = labs.execute(lab, lab.node(node), script)
    assert result.status == 0, result.stderr
    return result.stdout.strip()


def login(lab: Lab, node: str, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    words = [*labs.ssh_command(lab, lab.node(node)), *command]
    return subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture(autouse=True)
def _none_left() -> Iterator[None]:
    for name in NAMES:
        labs.down(name, quiet)
    yield
    for name in NAMES:
        labs.down(name, quiet)


@pytest.fixture
def one() -> Lab:
    return labs.up(small("test-itself"), quiet)


def test_a_lab_leaves_nothing_behind() -> None:
    before, settings = footprint(NAMES), sysctls()
    lab = labs.up(small("test-itself", internal_network=True), quiet)
    with_lab = left_behind(before, footprint(NAMES))
    assert set(with_lab) == {"mounts", "links", "nftables", "cgroups", "processes"}, (
        "the search must find what it is for"
    )
    links = [line.split()[1] for line in with_lab["links"]]
    assert any(name.startswith("vb-test-its") for name in links)
    assert any(name.startswith(lab.bridge) for name in links)
    inside(lab, "cp1", "echo 12345 > /proc/sys/vm/min_free_kbytes; sysctl -qw kernel.panic=77")
    labs.down("test-itself", quiet)
    assert left_behind(before, footprint(NAMES)) == {}
    assert not lab.folder.exists()
    if not labs.all_labs():
        assert sysctls() == settings


def test_a_lab_killed_half_way_up_leaves_nothing_behind() -> None:
    beside = labs.up(small("test-beside"), quiet)
    before, with_beside = footprint(["test-itself"]), footprint(NAMES)
    points = 0
    for after in range(1, 200, 4):
        if not killed("up", "test-itself", after):
            break
        points += 1
        labs.down("test-itself", quiet)
        assert left_behind(before, footprint(["test-itself"])) == {}, f"killed before program {after}"
    assert points >= 6
    labs.down("test-itself", quiet)
    still = left_behind(with_beside, footprint(NAMES))
    assert not still.keys() & {"mounts", "links", "nftables", "iptables"}
    assert inside(beside, "cp1", "systemctl is-system-running") == "running"


def test_a_lab_killed_half_way_down_can_be_taken_down_again() -> None:
    labs.up(small("test-beside"), quiet)
    before = footprint(["test-itself"])
    points = 0
    for after in range(1, 60, 3):
        labs.up(small("test-itself", internal_network=True), quiet)
        finished = not killed("down", "test-itself", after)
        labs.down("test-itself", quiet)
        assert left_behind(before, footprint(["test-itself"])) == {}, f"killed before program {after}"
        if finished:
            break
        points += 1
    assert points >= 2


def test_an_image_build_killed_half_way_leaves_nothing_behind(tmp_path: Path) -> None:
    before = footprint(["test-itself"])
    done = subprocess.run([sys.executable, "-c", KILLED_BUILDING, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    assert "processes" in left_behind(before, footprint(["test-itself"])), (
        "the builder must be at work when it is killed"
    )
    labs.down("test-itself", quiet)
    assert left_behind(before, footprint(["test-itself"])) == {}


def test_the_last_lab_puts_shared_settings_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LABS", tmp_path)
    monkeypatch.setattr(host, "NOTE", tmp_path / "note")
    setting = Path("/proc/sys/vm/stat_interval")
    before = setting.read_text()
    host.note()
    setting.write_text("7")
    host.note()  # the first `up` after a last `down` that was killed
    assert setting.read_text() == before
    setting.write_text("7")
    host.put_back()
    assert setting.read_text() == before
    assert not (tmp_path / "note").exists()
    host.put_back()


def test_a_firewall_is_asked_for_leave_and_left_as_it_was(one: Lab) -> None:
    script = f"""
import subprocess
from clustr import lab as labs
from clustr.lab import network
def rules():
    return subprocess.run(["iptables", "-S"], capture_output=True, text=True, check=True).stdout
subprocess.run("iptables -P FORWARD DROP; iptables -A INPUT -s 192.0.2.9 -j DROP", shell=True, check=True)
lab, before = labs.load("{one.name}"), rules()
network.up(lab)
for chain, way in (("INPUT", "-i"), ("FORWARD", "-i"), ("FORWARD", "-o")):
    assert f"-A {{chain}} {{way}} {{lab.bridge}} -m comment" in rules(), rules()
network.down(lab)
assert rules() == before, rules()
"""
    done = subprocess.run(["unshare", "--net", sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_down_of_a_lab_that_is_not_there_changes_nothing() -> None:
    before = footprint(NAMES)
    assert labs.down("test-itself", quiet) is False
    assert left_behind(before, footprint(NAMES)) == {}


def test_nodes_are_like_machines(one: Lab) -> None:
    script = "systemctl is-system-running; systemctl --failed --no-legend; sysctl -n net.ipv4.ip_forward; hostname"
    assert inside(one, "agent1", script).split() == ["running", "0", "agent1"]
    inside(one, "cp1", "! command -v python3 && ! command -v chronyd && ! command -v iptables")
    inside(one, "cp1", f"ping -c 1 -W 2 {one.network[12]}")
    assert login(one, "cp1", "id -un").stdout == "root\n"


def test_a_machine_with_cgroup_v2_alone_carries_labs_too() -> None:
    before = footprint(["test-itself"])
    done = subprocess.run(["unshare", "--mount", sys.executable, "-c", ON_CGROUP_V2], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert left_behind(before, footprint(["test-itself"])) == {}


def test_nodes_of_another_release() -> None:
    lab = labs.up(small("test-itself", agents=0, release=Release.TRIXIE), quiet)
    assert inside(lab, "cp1", ". /etc/os-release; echo $VERSION_CODENAME; systemctl is-system-running").split() == [
        "trixie",
        "running",
    ]


def test_apt_and_the_time_come_through_the_lab(one: Lab) -> None:
    inside(
        one, "cp1", "DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends chrony >/dev/null 2>&1"
    )
    inside(one, "cp1", f"echo 'server {one.gateway} iburst' > /etc/chrony/chrony.conf; systemctl restart chrony")
    inside(one, "cp1", "chronyc -n waitsync 30 0.5 0 1")
    assert f"^* {one.gateway}" in inside(one, "cp1", "chronyc -n sources")
    assert re.search(r"chronyd .*-x", inside(one, "cp1", "pgrep -af chronyd")), "a node must not steer the host's clock"


def test_a_reboot_is_a_reboot(one: Lab) -> None:
    boot_id = inside(one, "cp1", "echo kept > /root/file; cat /proc/sys/kernel/random/boot_id")
    login(one, "cp1", "systemctl reboot")
    deadline = time.monotonic() + 60
    while login(one, "cp1", "cat /proc/sys/kernel/random/boot_id").stdout.strip() in ("", boot_id):
        assert time.monotonic() < deadline
    labs.start_node(one, "cp1", quiet)
    assert inside(one, "cp1", "cat /root/file") == "kept"
    inside(one, "cp1", f"ping -c 1 -W 2 {one.gateway}")


def test_a_node_loses_power_and_comes_back(one: Lab) -> None:
    inside(one, "cp1", "echo kept > /var/lib/rancher/file; sync")
    labs.crash_node(one, "cp1")
    with pytest.raises(LabError, match="does not run"):
        labs.execute(one, one.node("cp1"), "true")
    assert [found.uptime is None for found in labs.look([one])[0].nodes] == [True, False]
    labs.start_node(one, "cp1", quiet)
    assert inside(one, "cp1", "cat /var/lib/rancher/file") == "kept"
    labs.stop_node(one, "cp1")
    labs.start_node(one, "cp1", quiet)
    assert inside(one, "cp1", "journalctl --list-boots | wc -l") != "1"


def test_a_node_given_back_is_a_fresh_machine_with_another_key(one: Lab) -> None:
    key, machine_id = one.known_hosts.read_text(), inside(one, "cp1", "cat /etc/machine-id; touch /root/gone")
    labs.reset_node(one, "cp1", quiet)
    assert inside(one, "cp1", "ls /root") == ""
    assert inside(one, "cp1", "cat /etc/machine-id") != machine_id
    assert one.known_hosts.read_text() != key
    assert login(one, "cp1", "true").returncode == 0


def test_nodes_join_and_leave(one: Lab) -> None:
    added = labs.add_node(one, (Role.AGENT,), quiet)
    lab = labs.load("test-itself")
    assert (added.name, str(added.address)) == ("agent2", f"10.77.{lab.number}.13")
    assert login(lab, "agent2", "hostname").stdout == "agent2\n"
    assert [node.name for node in load(lab.inventory).nodes] == ["cp1", "agent1", "agent2"]
    labs.remove_node(lab, "agent2")
    assert [node.name for node in load(lab.inventory).nodes] == ["cp1", "agent1"]
    assert not lab.node_folder(added).exists()


def test_the_inventory_is_one_that_clustr_reads() -> None:
    lab = labs.up(small("test-itself", login=Login.PASSWORD, internal_network=True), quiet)
    cluster = load(lab.inventory)
    node = cluster.node("cp1")
    assert (node.address, node.internal_address) == (f"10.77.{lab.number}.11", f"10.76.{lab.number}.11")
    assert cluster.monitors == (cluster.node("agent1"),)
    assert node.sudo.password is not None
    assert login(lab, "cp1", "sudo -n true").returncode != 0
    assert login(lab, "cp1", "sudo -S -p '' id -u", stdin=node.sudo.password.reveal() + "\n").stdout == "0\n"
    inside(lab, "cp1", f"ip -4 -o addr show int0 | grep -q {node.internal_address}")
    inside(lab, "cp1", f"ping -c 1 -W 2 {cluster.node('agent1').internal_address}")
    assert {path.stat().st_mode & 0o077 for path in (lab.folder, lab.key, lab.password_file, lab.inventory)} == {0}


def test_a_user_whose_sudo_asks_nothing() -> None:
    lab = labs.up(small("test-itself", agents=0, login=Login.NOPASSWD), quiet)
    assert login(lab, "cp1", "id -un; sudo -n id -un").stdout.split() == ["lab", "root"]


def test_a_folder_becomes_a_mirror_with_a_ca_of_its_own(tmp_path: Path) -> None:
    release = tmp_path / "k3s-io/k3s/releases/download/v1.36.3+lab1"
    release.mkdir(parents=True)
    (release / "k3s").write_bytes(bytes(range(256)) * 40)
    lab = labs.up(small("test-itself", agents=0, artifacts=str(tmp_path)), quiet)
    cluster = load(lab.inventory)
    assert cluster.k3s.version == "v1.36.3+lab1"
    assert lab.source.stand_in
    url = f"{cluster.nodes[0].artifacts.mirror}/k3s-io/k3s/releases/download/v1.36.3%2Blab1/k3s"
    trusting = ssl.create_default_context(cafile=cluster.nodes[0].artifacts.ca)
    with urllib.request.urlopen(url, context=trusting) as answer:
        assert answer.read() == (release / "k3s").read_bytes()
    part = urllib.request.Request(url, headers={"Range": "bytes=10000-"})
    with urllib.request.urlopen(part, context=trusting) as answer:
        assert (answer.status, answer.read()) == (206, (release / "k3s").read_bytes()[10000:])
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(url, context=ssl.create_default_context())
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{cluster.nodes[0].artifacts.mirror}/../../etc/passwd", context=trusting)


def test_labs_on_an_overlay_are_refused_before_anything_is_made(tmp_path: Path) -> None:
    script = """
import subprocess, sys
from clustr import lab as labs
from clustr.lab.model import LABS
for name in ("lower", "upper", "work"):
    subprocess.run(["mkdir", f"{sys.argv[1]}/{name}"], check=True)
layers = "lowerdir=lower,upperdir=upper,workdir=work"
subprocess.run(["mount", "-t", "overlay", "overlay", "-o", layers, LABS], cwd=sys.argv[1], check=True)
labs.up(labs.Spec("test-itself", artifacts="none"), print)
"""
    command = ["unshare", "--mount", "--propagation=private", sys.executable, "-c", script, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert "LabError: /var/lib/clustr/labs is on an overlay" in done.stderr
    assert done.stdout == ""


def test_one_command_at_a_time(one: Lab) -> None:
    with store.held(one), pytest.raises(LockedError):
        labs.down("test-itself", quiet)
    with pytest.raises(UsageError, match="already"):
        labs.up(small("test-itself"), quiet)


def test_status_as_json_keeps_to_its_schema(one: Lab) -> None:
    def status(*words: str) -> Any:
        command = [str(Path(sys.executable).with_name("clustr")), "lab", "status", "test-itself", *words]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    labs.crash_node(one, "cp1")
    document = status("--output", "json")
    jsonschema.validate(document, status("--schema"))
    assert [(node["name"], node["up"], node["roles"]) for node in document["labs"][0]["nodes"]] == [
        ("cp1", False, ["server"]),
        ("agent1", True, ["agent", "monitor"]),
    ]

"""What a person sees where SSH or sudo does not let clustr in: the words, the fix, the exit code. Nothing is touched.

Two nodes that are bare: agent1 is the one that something is wrong with, cp1 is read all the same.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from clustr import lab as labs
from clustr.lab.model import Login
from tests.lab.bare import Bare, answering
from tests.lab.bootstrapped import LISTING
from tests.lab.cluster import LabCluster
from tests.lab.conftest import start

NAME = "test-errors"
PHRASE = "open sesame"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bare]:
    lab = start(NAME, servers=1, agents=2, login=Login.PASSWORD)
    cluster = LabCluster(lab, tmp_path_factory.mktemp("laptop"))
    cluster.on("agent1", "touch -r /usr/bin /usr/bin")  # the first change gives an overlay's folder another size
    keys = tmp_path_factory.mktemp("keys")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", keys / "stranger"], check=True)
    (keys / "locked").write_bytes(lab.key.read_bytes())
    (keys / "locked").chmod(0o600)
    lock = ["ssh-keygen", "-q", "-p", "-P", "", "-N", PHRASE, "-f", str(keys / "locked")]
    subprocess.run(lock, check=True, capture_output=True)
    (keys / "password").write_text("not it\n")
    (keys / "password").chmod(0o600)
    yield Bare(cluster, keys)
    labs.down(lab.name, lambda line: None)


@pytest.fixture
def untouched(bare: Bare) -> Iterator[None]:
    """Every file on both nodes is as it was, but for what logins themselves leave: sudo's lecture, systemd's timers."""
    script = LISTING.format(leave="-o -path /var/lib/sudo -o -path /var/lib/systemd -o -path /var/lib/private")

    def listed() -> dict[str, list[str]]:
        return {node: bare.cluster.on(node, script).splitlines() for node in ("cp1", "agent1")}

    before = listed()
    yield
    assert listed() == before


UNTOUCHED = pytest.mark.usefixtures("untouched")


@UNTOUCHED
def test_a_changed_host_key(bare: Bare) -> None:
    known = bare.keys / "known hosts"
    stranger = " ".join((bare.keys / "stranger.pub").read_text().split()[:2])
    others = [
        line for line in bare.cluster.lab.known_hosts.read_text().splitlines() if bare.address("agent1") not in line
    ]
    known.write_text("\n".join([*others, f"{bare.address('agent1')} {stranger}", ""]))
    inventory = bare.inventory("changed", known_hosts=str(known))
    for status, said in (bare.plan(inventory), bare.bootstrap(inventory)):
        assert status == 4
        assert "✗ agent1 its host key has changed" in said
        assert f"known SHA256:{fingerprint(bare.keys / 'stranger.pub')} ({known}:" in said
        offered = bare.cluster.on("agent1", "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub").split()[1]
        assert f"offered {offered}" in said
        assert f"If the machine was reinstalled: ssh-keygen -R {bare.address('agent1')} -f '{known}'" in said
    assert stranger in known.read_text()


def fingerprint(public: Path) -> str:
    done = subprocess.run(["ssh-keygen", "-lf", public], capture_output=True, text=True, check=True)
    return done.stdout.split()[1].removeprefix("SHA256:")


@UNTOUCHED
def test_an_unknown_host_key_where_the_inventory_is_strict(bare: Bare) -> None:
    inventory = bare.inventory("strict", {"ssh": {"known_hosts": str(bare.keys / "none"), "host_keys": "strict"}})
    status, said = bare.plan(inventory)
    assert status == 4
    assert f"✗ agent1 its host key is not known, and ssh.host_keys is strict ({bare.address('agent1')})" in said
    assert "offered SHA256:" in said
    assert not (bare.keys / "none").exists()


@UNTOUCHED
def test_a_wrong_key(bare: Bare) -> None:
    inventory = bare.inventory("stranger", {"ssh": {"key": str(bare.keys / "stranger")}})
    where = f"lab@{bare.address('agent1')}"
    for status, said in (bare.plan(inventory), bare.bootstrap(inventory)):
        assert status == 4
        assert f"✗ agent1 {bare.address('agent1')} refuses the login as lab" in said
        assert f"key {bare.keys}/stranger SHA256:{fingerprint(bare.keys / 'stranger.pub')}: refused" in said
        assert f"ssh-copy-id -i {bare.keys}/stranger {where}, or correct ssh.user and ssh.key" in said
        assert "ssh-copy-id" in said


@UNTOUCHED
def test_the_other_node_is_read_and_planned(bare: Bare) -> None:
    inventory = bare.inventory("stranger", {"ssh": {"key": str(bare.keys / "stranger")}})
    status, said = bare.plan(inventory)
    assert status == 4
    assert "changes on 1 node. Nothing was changed." in said
    assert "The plan is without 1 node that did not answer." in said


@UNTOUCHED
def test_an_encrypted_key_and_the_wrong_phrase(bare: Bare) -> None:
    inventory = bare.inventory("locked", key=str(bare.keys / "locked"), passphrase={"env": "PHRASE"})
    for status, said in (bare.plan(inventory, PHRASE="open barley"), bare.bootstrap(inventory, PHRASE="open barley")):
        assert status == 4
        assert "no node answers. Nothing was changed." in said
        assert f"cp1 agent1 the key {bare.keys}/locked is encrypted, and the passphrase is wrong: " in said
        assert "correct ssh.key and ssh.passphrase in the inventory, or ssh-add the key" in said
        assert "barley" not in said
    status, said = bare.plan(inventory, PHRASE=PHRASE)
    assert status == 0
    assert "changes on 2 nodes" in said


@UNTOUCHED
def test_an_encrypted_key_whose_phrase_nobody_can_be_asked_for(bare: Bare) -> None:
    status, said = bare.plan(bare.inventory("nobody", key=str(bare.keys / "locked")))
    assert status == 4
    assert f"the key {bare.keys}/locked is encrypted, and neither ssh.passphrase nor an agent opens it: " in said


@UNTOUCHED
@pytest.mark.parametrize(("phrase", "code"), [(PHRASE, 0), ("open barley", 4)])
def test_a_phrase_is_asked_for_once_for_all_nodes(bare: Bare, phrase: str, code: int) -> None:
    inventory = bare.inventory("asked", key=str(bare.keys / "locked"))
    status, shown = answering(bare.cluster, f"Passphrase of {bare.keys}/locked: ", phrase, "plan", str(inventory))
    assert status == code, shown
    assert shown.count("Passphrase of") == 1
    assert phrase not in shown
    assert ("changes on 2 nodes" if code == 0 else "the passphrase is wrong") in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l"), "the cursor is left hidden"


@UNTOUCHED
def test_a_wrong_sudo_password(bare: Bare) -> None:
    inventory = bare.inventory("sudo", {"sudo": {"password": {"file": str(bare.keys / "password")}}})
    for look in (bare.plan, bare.bootstrap):
        bare.cluster.on("agent1", "journalctl --rotate --vacuum-time=1s -q")
        status, said = look(inventory)
        assert status == 4
        assert "✗ agent1 sudo refuses the password of lab sudo: 1 incorrect password attempt" in said
        assert "correct what sudo.password points to" in said
        assert "not it" not in said
        # Once in a run: what is tried again and again locks the account where pam_faillock is at work.
        tries = bare.cluster.on("agent1", "journalctl --sync; journalctl | grep -c 'sudo.*incorrect password'")
        assert tries == "1\n"


@UNTOUCHED
def test_a_missing_sudo_password(bare: Bare) -> None:
    def edit(document: dict[str, Any]) -> None:
        document["nodes"] = document["nodes"][:2]
        document["nodes"][0]["sudo"] = document.pop("sudo")

    inventory = bare.cluster.variant("no-sudo", edit)
    for status, said in (bare.plan(inventory), bare.bootstrap(inventory)):
        assert status == 4
        assert "✗ agent1 sudo asks lab for a password and the inventory has none" in said
        assert "set sudo.password: {env: NAME}, or allow NOPASSWD for this user in /etc/sudoers.d" in said


@UNTOUCHED
def test_a_node_that_is_not_there(bare: Bare) -> None:
    free = f"{bare.address('agent1').rpartition('.')[0]}.250"
    inventory = bare.inventory("away", {"address": free, "internal_address": bare.address("agent1")})
    for status, said in (bare.plan(inventory), bare.bootstrap(inventory)):
        assert status == 4
        assert f"✗ agent1 {free} cannot be reached (tried for " in said or f"{free} does not answer on port 22" in said
        assert f"is it on? try: ssh -v -i {bare.cluster.lab.key} lab@{free}" in said


@UNTOUCHED
def test_a_node_whose_sshd_is_elsewhere(bare: Bare) -> None:
    inventory = bare.inventory("port", {"ssh": {"port": 2222}})
    for status, said in (bare.plan(inventory), bare.bootstrap(inventory)):
        assert status == 4
        assert f"✗ agent1 {bare.address('agent1')} refuses connections on port 2222 (tried for " in said
        assert "start sshd there, or correct ssh.port; try: ssh -v -p 2222 -i " in said


@UNTOUCHED
def test_a_node_that_boots_is_waited_for(bare: Bare) -> None:
    inventory = bare.inventory("boots", connect_within=60)
    bare.cluster.on("agent1", "systemctl stop ssh")
    back = threading.Timer(4, bare.cluster.on, ("agent1", "systemctl start ssh"))
    back.start()
    status, said = bare.plan(inventory)
    back.join()
    assert status == 0
    assert f"agent1 {bare.address('agent1')} refuses connections on port 22; trying again" in said
    assert "changes on 2 nodes" in said


@UNTOUCHED
def test_a_node_that_lets_only_root_in_yet(bare: Bare) -> None:
    """As systemd-user-sessions.service(8) does it until the boot is over."""
    bare.cluster.on("agent1", "echo 'System is booting up. See pam_nologin(8)' >/run/nologin")
    try:
        status, said = bare.plan(bare.inventory("nologin"))
    finally:
        bare.cluster.on("agent1", "rm /run/nologin")
    assert status == 4
    assert f"✗ agent1 {bare.address('agent1')} is booting and lets only root in (tried for " in said


@contextmanager
def full(bare: Bare, node: str, folder: str) -> Iterator[None]:
    """A small tmpfs with what is in the folder, and not a byte free."""
    bare.cluster.on(
        node,
        f"""set -e
        size=$(($(du -sk {folder} | cut -f1) + 2000)); mkdir -p /run/full
        mount -t tmpfs -o size=${{size}}k tmpfs /run/full; cp -a {folder}/. /run/full
        cat /dev/zero >/run/full/fill 2>/dev/null || true
        mount --bind /run/full {folder}; umount /run/full""",
    )
    try:
        yield
    finally:
        bare.cluster.on(node, f"umount {folder}")


@UNTOUCHED
def test_a_full_dev_shm(bare: Bare) -> None:
    with full(bare, "agent1", "/dev/shm"):
        for status, said in (bare.plan(bare.inventory("shm")), bare.bootstrap(bare.inventory("shm"))):
            assert status == 4
            assert "✗ agent1 no folder can be made in /dev/shm, or it is full" in said
            assert "No space left on device" in said
            assert "free some memory there: df /dev/shm" in said


@UNTOUCHED
def test_a_full_var_lib(bare: Bare) -> None:
    inventory = bare.inventory("full")
    with full(bare, "agent1", "/var/lib"):
        for status, said in (bare.plan(inventory), bare.bootstrap(inventory)):
            assert status == 5
            assert "1 thing stands in the way. Nothing was changed." in said
            assert "agent1 size.disk has 0 MB free in /var/lib; 4096 are needed: make room there" in said


def test_who_goes_on_on_a_full_disk_is_told_what_could_not_be_written(bare: Bare) -> None:
    """The lock is on cp1 meanwhile, so that something was touched there."""
    with full(bare, "agent1", "/var/lib"):
        status, said = bare.bootstrap(bare.inventory("full"), "--ignore", "size.disk")
        assert status == 6
        assert "✗ agent1 could not start its changes" in said
        assert "No space left on device" in said
        assert "mend that there (is it full? df /var/lib), then: clustr bootstrap" in said


@UNTOUCHED
def test_a_server_whose_disk_takes_no_lock(bare: Bare) -> None:
    with full(bare, "cp1", "/var/lib"):
        begun = time.monotonic()
        status, said = bare.bootstrap(bare.inventory("lock"), "--ignore", "size.disk")
        assert status == 5
        assert "cp1: the lock cannot be written in /var/lib/clustr." in said
        assert "No space left on device make room there; see: df /var/lib" in said
        assert time.monotonic() - begun < 50, "it waited for a lock that is its own"
        assert bare.cluster.on("cp1", "ls /var/lib/clustr") == ""


# Without a trace once it is over: the login's shell is another by a mount, and the folder gets its time back.
HIDE_BASH = """set -e
touch -r /usr/bin /run/when
sed 's|^\\(lab:.*\\):[^:]*$|\\1:/bin/sh|' /etc/passwd >/run/passwd
mount --bind /run/passwd /etc/passwd
: >/var/cache/no-bash
mv /usr/bin/bash /usr/bin/bash.away
exec setsid sh -c '
  while [ -e /var/cache/no-bash ]; do sleep 0.1; done
  mv /usr/bin/bash.away /usr/bin/bash; touch -r /run/when /usr/bin; umount /etc/passwd
' >/dev/null 2>&1 &"""


@UNTOUCHED
def test_no_bash(bare: Bare) -> None:
    """Seen by whoever has another login shell. `execute` needs bash too: it comes back by itself."""
    flag = bare.cluster.lab.root(bare.cluster.lab.node("agent1")) / "var/cache/no-bash"
    inventory = bare.inventory("no-bash")
    bare.cluster.on("agent1", HIDE_BASH)
    try:
        for status, said in (bare.plan(inventory), bare.bootstrap(inventory)):
            assert status == 4
            assert "✗ agent1 there is no bash install bash there" in said
    finally:
        flag.unlink()
        time.sleep(1)


def gate(bare: Bare, **settings: str) -> Path:
    ssh = {"bastion": {"host": bare.address("agent2"), **settings}}
    return bare.inventory("gate", **ssh)


@UNTOUCHED
def test_a_bastion_that_forwards_nothing(bare: Bare) -> None:
    setting = "/etc/ssh/sshd_config.d/test.conf"
    bare.cluster.on("agent2", f"echo 'AllowTcpForwarding no' >{setting}; systemctl reload ssh; sleep 0.5")
    try:
        for status, said in (bare.plan(gate(bare)), bare.bootstrap(gate(bare))):
            assert status == 4
            assert "no node answers. Nothing was changed." in said
            assert f"cp1 agent1 the bastion {bare.address('agent2')} forwards no connections: " in said
            assert "set AllowTcpForwarding yes in its /etc/ssh/sshd_config" in said
    finally:
        bare.cluster.on("agent2", f"rm {setting}; systemctl reload ssh; sleep 0.5")


@UNTOUCHED
def test_a_bastion_that_refuses_the_login(bare: Bare) -> None:
    inventory = gate(bare, key=str(bare.keys / "stranger"), user="jump")
    for status, said in (bare.plan(inventory), bare.bootstrap(inventory)):
        assert status == 4
        assert f"cp1 agent1 the bastion {bare.address('agent2')} refuses the login as jump: " in said
        assert f"ssh-copy-id -i {bare.keys}/stranger jump@{bare.address('agent2')}, or correct " in said


@UNTOUCHED
def test_a_bastion_that_is_not_there(bare: Bare) -> None:
    inventory = gate(bare, port="2222")
    for status, said in (bare.plan(inventory), bare.bootstrap(inventory)):
        assert status == 4
        assert f"cp1 agent1 the bastion {bare.address('agent2')} refuses connections on port 2222 (tried for " in said


@UNTOUCHED
def test_a_bastion_that_cannot_reach_a_node(bare: Bare) -> None:
    inventory = bare.inventory("beyond", {"ssh": {"port": 2222}}, bastion=f"lab@{bare.address('agent2')}")
    status, said = bare.plan(inventory)
    assert status == 4
    where = f"{bare.address('agent1')}:2222"
    assert f"✗ agent1 the bastion {bare.address('agent2')} cannot reach {where} (tried for " in said
    assert f"try it there: nc -zv {bare.address('agent1')} 2222" in said
    assert "changes on 1 node" in said

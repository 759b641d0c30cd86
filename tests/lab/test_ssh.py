"""Logins and sudo of every kind, on a node of its own with real users, real PAM and a real sudo."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from clustr import lab as labs
from clustr.errors import ClustrError, LoginError, SudoError, UnreachableError
from clustr.inventory.load import load
from clustr.inventory.model import Node, Sudo
from clustr.inventory.secrets import Secret
from clustr.lab.model import Lab, Spec
from clustr.remote.facts_reader import read_facts
from clustr.remote.ssh import Network, SshConnection
from clustr.remote.waits import read_boot_id, wait_for_boot

NAME = "test-ssh"
PASSWORD = 'it\'s $(a) "pass" wörd'
USERS = {
    "asked": "asked ALL=(ALL) ALL",
    "free": "free ALL=(ALL) NOPASSWD: ALL",
    "nobody-of-note": "",
    "terminal": "Defaults:terminal requiretty\nterminal ALL=(ALL) ALL",
    "free-terminal": "Defaults:free-terminal requiretty\nfree-terminal ALL=(ALL) NOPASSWD: ALL",
    "noisy": "noisy ALL=(ALL) ALL",
    "dashing": "dashing ALL=(ALL) ALL",
    "nologin": "nologin ALL=(ALL) ALL",
}
SHELLS = {"dashing": "/bin/dash", "nologin": "/usr/sbin/nologin"}


@dataclass(frozen=True)
class Machine:
    """The lab's one node, and the way in to it for each of its users."""

    lab: Lab
    node: Node
    network: Network

    def login(self, user: str, sudo: str | None = None, **ssh: object) -> SshConnection:
        settings = self.node.ssh.model_copy(update={"user": user, **ssh})
        become = Sudo(password=Secret(sudo) if sudo else None)
        return self.network.open(self.node.model_copy(update={"ssh": settings, "sudo": become}))

    def on(self, script: str) -> str:
        """What a root shell on the node prints, past ssh."""
        result = labs.execute(self.lab, self.lab.nodes[0], script)
        assert result.status == 0, result.stderr
        return result.stdout

    def set_sshd(self, settings: str) -> None:
        """Further settings of sshd; it listens again a moment after its reload."""
        self.on(f"printf '{settings}' >/etc/ssh/sshd_config.d/test.conf; systemctl reload ssh; sleep 0.5")

    def boxes(self) -> str:
        return self.on("ls -d /dev/shm/clustr* 2>/dev/null || true")


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    labs.down(NAME, lambda line: None)
    lab = labs.up(Spec(name=NAME, servers=1, agents=0, artifacts="none"), lambda line: None)
    with Network(ssh_config=Path("/dev/null")) as network:
        made = Machine(lab, load(lab.inventory).nodes[0], network)
        for user, rule in USERS.items():
            add_user(made, user, rule)
        made.on("printf 'echo noise; echo noise >&2; printf partial; umask 027; cd /tmp\\n' >/home/noisy/.bashrc")
        yield made
    labs.down(lab.name, lambda line: None)


def add_user(machine: Machine, user: str, rule: str) -> None:
    machine.on(f"""set -e
        useradd --create-home --shell {SHELLS.get(user, "/bin/bash")} {user}
        chpasswd <<'END'\n{user}:{PASSWORD}\nEND
        install -d -m 700 -o {user} /home/{user}/.ssh
        install -m 600 -o {user} /root/.ssh/authorized_keys /home/{user}/.ssh/authorized_keys
        cat >/etc/sudoers.d/{user} <<'END'\n{rule}\nEND
        chmod 440 /etc/sudoers.d/{user}; visudo -qc""")


REACHED = [
    ("asked", PASSWORD),
    ("free", None),
    ("free", "needless"),
    ("terminal", PASSWORD),
    ("free-terminal", None),
    ("free-terminal", "needless"),
    ("noisy", PASSWORD),
    ("dashing", PASSWORD),
]


@pytest.mark.parametrize(("user", "password"), REACHED, ids=lambda given: "password" if given == PASSWORD else None)
def test_every_kind_of_sudo(machine: Machine, user: str, password: str | None) -> None:
    connection = machine.login(user, password)
    lines: list[str] = []
    script = 'id -un; umask; pwd; read -r line; echo "[$line]"; echo err >&2; exit 4'
    result = connection.run(script, on_line=lines.append)
    assert (result.status, result.stdout, result.stderr) == (4, "root\n0022\n/\n[]\n", "err\n")
    assert lines == ["root", "0022", "/", "[]"]
    assert connection.run("id -un", sudo=False).stdout == f"{user}\n"
    much = connection.run(f"#{'x' * 100_000}\nhead -c 200000 /dev/zero | tr '\\0' x; seq 1000 >&2")
    assert (len(much.stdout), much.stderr.splitlines()[-1]) == (200_000, "1000")
    connection.close()
    assert machine.boxes() == ""


REFUSED = [
    ("asked", "wrong", "sudo refuses the password of asked"),
    ("asked", None, "sudo asks asked for a password and the inventory has none"),
    ("terminal", "wrong", "sudo refuses the password of terminal"),
    ("terminal", None, "sudo asks terminal for a password and the inventory has none"),
    ("nobody-of-note", PASSWORD, "nobody-of-note may not use sudo for everything"),
]


@pytest.mark.parametrize(
    ("user", "password", "problem"), REFUSED, ids=[f"{user}-{words}" for user, _, words in REFUSED]
)
def test_every_refusal_of_sudo_has_its_own_words(
    machine: Machine, user: str, password: str | None, problem: str
) -> None:
    connection = machine.login(user, password)
    for _ in range(2):
        with pytest.raises(SudoError) as caught:
            connection.run("id")
        assert caught.value.problem == problem
        assert caught.value.node == "cp1"
        assert caught.value.remedy
        assert PASSWORD not in caught.value.detail
    connection.close()
    assert machine.boxes() == ""


def test_a_login_shell_that_runs_nothing(machine: Machine) -> None:
    with pytest.raises(UnreachableError, match="login shell of nologin does not run commands") as caught:
        machine.login("nologin").run("id")
    assert not isinstance(caught.value, SudoError)
    assert "not available" in caught.value.detail


def test_no_bash_and_no_sudo(machine: Machine) -> None:
    connection = machine.login("dashing", PASSWORD)
    for program, words in (("/usr/bin/sudo", "there is no sudo"), ("/bin/bash", "there is no bash")):
        hidden = f"mv {program} {program}.away"
        back = f"mv {program}.away {program}"
        machine.on(hidden if "sudo" in program else f"(sleep 3; {back}) >/dev/null 2>&1 & {hidden}")
        with pytest.raises(UnreachableError, match=words):
            connection.run("id")
        if "sudo" in program:
            machine.on(back)
    time.sleep(3.5)
    assert connection.run("id -un").stdout == "root\n"


def test_logins_by_password(machine: Machine) -> None:
    known = {"key": None}
    assert machine.login("asked", password=Secret(PASSWORD), **known).run("id -un", sudo=False).stdout == "asked\n"
    with pytest.raises(LoginError) as caught:
        machine.login("asked", password=Secret("wrong"), **known)
    assert "password: refused" in caught.value.detail
    machine.set_sshd("PasswordAuthentication no\\nKbdInteractiveAuthentication yes\\n")
    assert machine.login("asked", password=Secret(PASSWORD), **known).run("id -un", sudo=False).stdout == "asked\n"
    machine.set_sshd("")


def test_no_secret_is_ever_on_a_command_line(machine: Machine) -> None:
    seen: list[str] = []
    done = threading.Event()

    def sample() -> None:
        while not done.is_set():
            seen.append(machine.on("cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'"))

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        for user in ("asked", "terminal"):
            connection = machine.login(user, PASSWORD)
            for _ in range(3):
                connection.run("secret='tell nobody'; for each in 1 2 3 4 5; do sleep 0.1; done")
            connection.close()
    finally:
        done.set()
        sampler.join()
    everything = "\n".join(seen)
    assert "clustr:arrived" in everything  # else the sampling saw no run at all
    assert PASSWORD not in everything
    assert "tell nobody" not in everything
    assert machine.on("journalctl --no-pager | grep -cF 'tell nobody' || true").strip() == "0"


def test_the_script_lies_where_nobody_else_can_read_it_or_nowhere(machine: Machine) -> None:
    """Where sudo takes a password from stdin, the script waits in a file of memory."""
    shown = (
        'stat -c "%a %U" /dev/shm/clustr.*/script /dev/shm/clustr.*; df --output=fstype /dev/shm/clustr.* | tail -n 1'
    )
    told = machine.login("asked", PASSWORD).run(shown).stdout
    assert told.split() == ["600", "asked", "700", "asked", "tmpfs"]
    assert "No such file" in machine.login("free").run(shown).stderr


def test_a_line_that_is_cut_leaves_nothing_behind(machine: Machine) -> None:
    connection = machine.login("asked", PASSWORD)
    failed: list[ClustrError] = []

    def run() -> None:
        try:
            connection.run("sleep 4; echo never read")
        except ClustrError as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(1)
    machine.on("pkill -9 -u asked sshd")
    thread.join(20)
    assert isinstance(failed[0], UnreachableError)
    assert failed[0].node == "cp1"
    time.sleep(5)
    assert machine.boxes() == ""


def test_more_sessions_than_sshd_allows(machine: Machine) -> None:
    machine.set_sshd("MaxSessions 1\\n")
    connection = machine.login("free")
    thread = threading.Thread(target=connection.run, args=("sleep 5",))
    thread.start()
    time.sleep(0.7)
    with pytest.raises(UnreachableError, match="opens no more sessions") as caught:
        connection.run("true")
    assert "MaxSessions" in caught.value.remedy
    thread.join()
    assert connection.run("id -un").stdout == "root\n"
    machine.set_sshd("")


def test_facts_change_nothing(machine: Machine) -> None:
    listing = (
        "find / -xdev \\( -path /tmp -o -path /var/log -o -path /var/cache -o -path /run -o -path /dev -o -path /proc "
        "-o -path /sys \\) -prune -o -printf '%p %s %m %u %T@\\n' | sort"
    )
    connection = machine.login("asked", PASSWORD)
    connection.run("true")  # sudo notes its first lecture in /var/lib/sudo
    before = machine.on(listing)
    facts = read_facts(connection, machine.node)
    assert machine.on(listing) == before
    assert facts.boot_id == machine.on("cat /proc/sys/kernel/random/boot_id").strip()


def test_a_reboot_is_waited_for(machine: Machine) -> None:
    connection = machine.login("free")
    before = read_boot_id(connection)
    connection.run("(sleep 0.5; systemctl reboot) >/dev/null 2>&1 &")
    connection.close()
    after = wait_for_boot(lambda: machine.login("free"), before, within=60)
    assert read_boot_id(after) not in ("", before)
    assert after.run("id -un").stdout == "root\n"

"""Hosts as people harden them: each kind of one, what shows that it is one, and the way in as its login."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from clustr import lab as labs
from clustr.inventory.model import Role
from clustr.lab.model import SHELLS, Lab, LabNode, Login, NodeSpec, Release, Trait

FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")
RUN_A_PROGRAM = "sh -c 'for at in {}; do cp /bin/true $at/t && $at/t && echo $at runs programs; rm -f $at/t; done; :'"


@dataclass(frozen=True)
class Host:
    lab: Lab
    node: LabNode

    def ssh(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """What the login sees; `words` follow the destination, as with ssh(1)."""
        command = [*labs.ssh_command(self.lab, self.node), *words]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=30, check=False)

    def ssh_with(self, option: str, *words: str) -> subprocess.CompletedProcess[str]:
        """The same with an option of ssh(1) before all others, of which the first counts."""
        program, *rest = labs.ssh_command(self.lab, self.node)
        command = [program, *option.split(), *rest, *words]
        return subprocess.run(command, input="", capture_output=True, text=True, timeout=30, check=False)

    def on(self, script: str) -> str:
        """What a root shell prints, past ssh; fails the test where the script fails."""
        result = labs.execute(self.lab, self.node, script)
        assert result.status == 0, f"{self.node.name}: {script}\n{result.stderr}"
        return result.stdout

    def sudo(self, words: str) -> subprocess.CompletedProcess[str]:
        password = self.lab.password_file.read_text() if self.node.login is Login.PASSWORD else ""
        return self.ssh(f"sudo -S -p '' {words}", stdin=password)


def kinds(release: Release, release_of_all: Release, shell: Trait) -> dict[str, NodeSpec]:
    """A node for each trait of hardened hosts, and one with all; what cannot meddle with a trait is beside it."""

    def host(*traits: Trait, login: Login = Login.PASSWORD, release: Release = release) -> NodeSpec:
        return NodeSpec((Role.AGENT,), traits, release, login)

    every = tuple(trait for trait in Trait if trait not in SHELLS)
    return {
        "umask 027, and root logs in": host(Trait.UMASK, login=Login.ROOT),
        "noexec /tmp, and sudo that asks each time": host(Trait.NOEXEC, Trait.NO_TIMESTAMP),
        "no sftp, another port, and sudo that asks nothing": host(
            Trait.NO_SFTP, Trait.PORT, Trait.DASH, login=Login.NOPASSWD
        ),
        "requiretty": host(Trait.REQUIRETTY),
        "a banner and a noisy .bashrc, and a hardened sshd": host(Trait.NOISE, Trait.HARDENED_SSHD),
        "a German locale": host(Trait.GERMAN),
        "a login shell that is not bash": host(Trait.FISH, Trait.SECURE_PATH),
        "all of it": host(*every, shell, release=release_of_all),
    }


def umask(host: Host) -> None:
    assert host.on("systemd-run --quiet --wait --pipe --collect sh -c umask").strip() == "0027"
    if Trait.NOISE not in host.node.traits:  # whose .bashrc sets another
        assert host.ssh("sh -c umask").stdout.strip() == "0027"


def noexec(host: Host) -> None:
    done = host.ssh(RUN_A_PROGRAM.format(" ".join(FOLDERS)))
    assert "runs programs" not in done.stdout
    for folder in FOLDERS:
        assert f"{folder}/t" in done.stderr, f"{folder} was not tried: {done.stderr}"
        assert "noexec" in host.on(f"findmnt --noheadings --output OPTIONS --target {folder} | tail -n 1")


def no_sftp(host: Host) -> None:
    assert host.ssh("true").returncode == 0
    assert "subsystem request failed" in host.ssh_with("-s", "sftp").stderr


def requiretty(host: Host) -> None:
    done = host.sudo("id -u")
    assert (done.returncode, "0" in done.stdout) == (1, False)
    assert "tty" in done.stderr.lower()


def no_timestamp(host: Host) -> None:
    assert "timestamp_timeout=0" in host.on(f"sudo -l -U {host.node.login.user}")
    if Trait.REQUIRETTY not in host.node.traits:
        assert host.sudo("true && sudo -n true").returncode == 1
        assert host.sudo("true").returncode == 0


def secure_path(host: Host) -> None:
    assert "secure_path=/usr/sbin\\:/usr/bin\\:/sbin\\:/bin," in host.on("sudo -l -U lab").replace("\n", ",")
    if Trait.REQUIRETTY not in host.node.traits:
        assert host.sudo("sh -c 'command -v k3s || echo none'").stdout == "none\n"


def noise(host: Host) -> None:
    done = host.ssh("pwd; umask")
    assert "Welcome" in done.stdout
    assert "no newline here" in done.stdout
    assert done.stdout.splitlines()[-2].endswith("/var/tmp")
    assert done.stdout.splitlines()[-1] in ("0077", "077", "77")
    if not SHELLS.intersection(host.node.traits):
        assert "Inappropriate ioctl" in done.stderr
    assert "Authorised use only" in host.ssh_with("-o LogLevel=INFO", "true").stderr


def german(host: Host) -> None:
    assert "nicht gefunden" in host.ssh("ls /no/such").stderr
    assert "Keine Berechtigung" in host.ssh("apt-get install nothing").stderr
    assert "LANG=de_DE.UTF-8" in host.ssh("env").stdout


def port(host: Host) -> None:
    assert host.node.port == 2222
    with socket.socket() as asking:
        asking.settimeout(5)
        assert asking.connect_ex((str(host.node.address), 22)) != 0


def hardened_sshd(host: Host) -> None:
    assert "administratively prohibited" in host.ssh_with(f"-o LogLevel=INFO -W 127.0.0.1:{host.node.port}").stderr
    assert "maxsessions 2\n" in host.on("sshd -T")
    done = host.ssh_with("-o LogLevel=INFO -c chacha20-poly1305@openssh.com", "true")
    assert "no matching cipher" in done.stderr


def shell(says: str, answer: str) -> Callable[[Host], None]:
    def is_the_login_shell(host: Host) -> None:
        assert answer in host.ssh(says).stdout.replace("no newline here", "")

    return is_the_login_shell


IN_FORCE: Mapping[Trait, Callable[[Host], None]] = {
    Trait.UMASK: umask,
    Trait.NOEXEC: noexec,
    Trait.NO_SFTP: no_sftp,
    Trait.REQUIRETTY: requiretty,
    Trait.NO_TIMESTAMP: no_timestamp,
    Trait.SECURE_PATH: secure_path,
    Trait.NOISE: noise,
    Trait.GERMAN: german,
    Trait.DASH: shell("readlink /proc/$$/exe", "/dash"),
    Trait.FISH: shell("readlink /proc/$fish_pid/exe", "/fish"),
    Trait.TCSH: shell("echo $version", "tcsh "),
    Trait.ZSH: shell("echo zsh $ZSH_VERSION", "zsh 5"),
    Trait.PORT: port,
    Trait.HARDENED_SSHD: hardened_sshd,
}

"""One end of a connection, and what a person is told when it cannot be had."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from clustr.errors import LoginError, NotUpError, UnreachableError
from clustr.inventory.model import Bastion, Node
from clustr.inventory.secrets import Secret


@dataclass(frozen=True)
class Hop:
    """One end to log in at, as the inventory says: a node, or a bastion on the way to it."""

    node: str  # that errors name
    host: str
    user: str | None = None  # None, here and for port: as ~/.ssh/config says
    port: int | None = None
    key: Path | None = None
    password: Secret | None = None
    passphrase: Secret | None = None
    accept_new: bool = True
    known_hosts: Path | None = None
    timeout: int = 10  # seconds for one attempt
    within: int = 30  # seconds in which a machine that is not up is tried again
    bastion: bool = False

    @property
    def itself(self) -> Hop:
        """The same whoever needs it: what tells a bastion from another."""
        return replace(self, node="", timeout=0, within=0)

    @property
    def written(self) -> str:
        """As ssh's ProxyJump has it: [user@]host[:port]."""
        user = f"{self.user}@" if self.user else ""
        return f"{user}{self.host}:{self.port}" if self.port else f"{user}{self.host}"


def node_hop(node: Node) -> Hop:
    """Port 22 may be changed by ~/.ssh/config: it is what the inventory has where nobody wrote a port."""
    ssh = node.ssh
    return Hop(
        node=node.name,
        host=node.address,
        user=ssh.user,
        port=ssh.port if ssh.port != 22 else None,
        key=ssh.key.expanduser() if ssh.key else None,
        password=ssh.password,
        passphrase=ssh.passphrase,
        accept_new=ssh.host_keys == "accept-new",
        known_hosts=ssh.known_hosts.expanduser() if ssh.known_hosts else None,
        timeout=ssh.connect_timeout,
        within=ssh.connect_within,
    )


def bastion_hop(hop: Hop, bastion: Bastion) -> Hop:
    """A bastion on the way to `hop`. What it does not set itself is as for the node, but never the password."""
    return Hop(
        node=hop.node,
        host=bastion.host,
        user=bastion.user or hop.user,
        port=bastion.port if bastion.port != 22 else None,
        key=bastion.key.expanduser() if bastion.key else hop.key,
        passphrase=hop.passphrase,
        accept_new=hop.accept_new,
        known_hosts=hop.known_hosts,
        timeout=hop.timeout,
        within=hop.within,
        bastion=True,
    )


def jump_hops(hop: Hop, proxy_jump: str) -> tuple[Hop, ...]:
    """The bastions that ~/.ssh/config's ProxyJump names: [ssh://][user@]host[:port], first to last.

    Their user and key are what that file says of them, as with ssh, and not the node's.
    """
    matches = [
        re.fullmatch(r"(?:ssh://)?(?:([^@]+)@)?([^@:]+)(?::(\d+))?/?", jump.strip()) for jump in proxy_jump.split(",")
    ]
    named = [match for match in matches if match and match[2] not in ("none", hop.host)]
    return tuple(
        replace(bastion_hop(hop, Bastion(host=match[2], port=int(match[3] or 22))), user=match[1], key=None)
        for match in named
    )


@dataclass(frozen=True)
class End:
    """A hop with what ~/.ssh/config adds to it, and the bastion before it ("" where there is none)."""

    hop: Hop
    user: str
    host: str
    port: int
    through: str = ""

    @property
    def called(self) -> str:
        return f"the bastion {self.host}" if self.hop.bastion else self.host

    @property
    def known_as(self) -> str:
        """Its name in known_hosts."""
        return self.host if self.port == 22 else f"[{self.host}]:{self.port}"

    def by_hand(self, program: str = "ssh -v") -> str:
        """The command a person can try."""
        words = [] if self.port == 22 else ["-p", str(self.port)]
        words += ["-i", str(self.hop.key)] if self.hop.key else []
        words += ["-o", f"ProxyJump={self.through}"] if self.through else []
        return f"{program} {shlex.join([*words, f'{self.user}@{self.host}'])}"

    def unknown_name(self, detail: str) -> UnreachableError:
        remedy = "correct the bastion's host" if self.hop.bastion else "correct its address in the inventory"
        return self._unreachable(f"no address is known for {self.host}", remedy, detail)

    def refused(self) -> NotUpError:
        problem = f"{self.called} refuses connections on port {self.port}"
        return self._not_up(problem, "start sshd there, or correct ssh.port;")

    def silent(self) -> NotUpError:
        return self._not_up(f"{self.called} does not answer on port {self.port}", "is it on?")

    def mute(self) -> NotUpError:
        """Something listens there and says nothing."""
        return self._not_up(f"port {self.port} of {self.called} does not speak SSH: it says nothing", "is it on?")

    def dropped(self, detail: str) -> NotUpError:
        """sshd closes what is beyond its MaxStartups (sshd_config(5)), and all while it is not ready."""
        problem = f"sshd of {self.called} closes the connection before the login"
        return self._not_up(problem, "it has too many logins at once (MaxStartups), or it blocks this address;", detail)

    def booting(self, detail: str) -> NotUpError:
        return self._not_up(f"{self.called} is booting and lets only root in", "wait until it is up;", detail)

    def gone(self) -> NotUpError:
        """It was connected once and answers no more."""
        return self._not_up(f"{self.called} does not answer any more", "is it on?")

    def no_way_yet(self, detail: str) -> NotUpError:
        return self._not_up(f"{self.called} cannot be reached", "is it on?", detail)

    def no_way(self, detail: str) -> UnreachableError:
        return self._unreachable(f"{self.called} cannot be reached", f"try: {self.by_hand()}", detail)

    def no_ssh(self, detail: str) -> UnreachableError:
        problem = f"port {self.port} of {self.called} does not speak SSH as it should"
        return self._unreachable(problem, f"correct ssh.port, or try: {self.by_hand()}", detail)

    def not_forwarded(self, code: int, bastion: End) -> UnreachableError:
        """`code` is RFC 4254, 5.1's: 1 is prohibited; 2 is that the far end could not be connected to."""
        if code == 1:
            remedy = "set AllowTcpForwarding yes in its /etc/ssh/sshd_config"
            return self._unreachable(f"{bastion.called} forwards no connections", remedy, "")
        return self.not_reached(bastion)

    def not_reached(self, bastion: End, *, slow: bool = False) -> NotUpError:
        problem = f"{bastion.called} cannot reach {self.host}:{self.port}"
        remedy = f"try it there: nc -zv {shlex.quote(self.host)} {self.port}"
        return NotUpError(problem + (", or not in time" if slow else ""), remedy, node=self.hop.node)

    def login_refused(self, tried: Sequence[str]) -> LoginError:
        problem = f"{self.called} refuses the login as {self.user}"
        remedy = f"{self.by_hand('ssh-copy-id')}, or correct ssh.user and ssh.key"
        detail = "\n".join(tried) or "nothing to try: no ssh.key, no agent, no key in ~/.ssh"
        return LoginError(problem, remedy, node=self.hop.node, detail=detail)

    def no_key(self, reasons: Sequence[str]) -> LoginError:
        """No key that was named can be used at all, so nothing was tried."""
        remedy = "correct ssh.key and ssh.passphrase in the inventory, or ssh-add the key"
        return LoginError(reasons[0], remedy, node=self.hop.node, detail="\n".join(reasons[1:]))

    def _not_up(self, problem: str, remedy: str, detail: str = "") -> NotUpError:
        return NotUpError(problem, f"{remedy} try: {self.by_hand()}", node=self.hop.node, detail=detail)

    def _unreachable(self, problem: str, remedy: str, detail: str) -> UnreachableError:
        return UnreachableError(problem, remedy, node=self.hop.node, detail=detail)

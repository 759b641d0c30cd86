"""All connections of one run: to nodes, directly or through a bastion that they share."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clustr.errors import LoginError, NotUpError, UnreachableError
from clustr.inventory.model import Node
from clustr.remote.hop import End, Hop, bastion_hop, jump_hops, node_hop
from clustr.remote.known_hosts import DEFAULT, KnownHosts
from clustr.remote.local_user import local_user
from clustr.remote.proxy_command import ProxyCommand
from clustr.remote.shell import SshConnection
from clustr.remote.ssh.line import Carried, Line, dialled, opened
from clustr.remote.ssh.login import AskPassphrase, Keyring, Login, Policy
from clustr.remote.ssh_config import SYSTEM, USER, config_error, ssh_config_text
from clustr.remote.waits import connect

if TYPE_CHECKING:
    import paramiko

HANDSHAKE = 30.0  # seconds for keys to be agreed on, and for a login; many at once keep a small machine busy
Tell = Callable[[str, str], None]  # node, what it is waited for


@dataclass
class _Shared:
    """A bastion's connection, opened by the first node that needs it; the others wait, and share a failure too."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    line: Line | None = None
    failure: UnreachableError | None = None
    failed_at: float = 0.0


class Network:
    """All connections of one run. They share host keys, loaded keys, and one connection to each bastion.

    `ask` is called once for the passphrase of an encrypted key that neither the inventory nor the agent can open,
    `tell` where a machine is waited for that is not up. `ssh_config` is read instead of ~/.ssh/config and the system's.
    Raises UsageError where they cannot be read.
    """

    def __init__(
        self, ask: AskPassphrase | None = None, ssh_config: Path | None = None, tell: Tell = lambda node, why: None
    ) -> None:
        # Else paramiko's own tracebacks reach the screen by logging's last resort.
        logging.getLogger("paramiko").addHandler(logging.NullHandler())
        # fabric and paramiko ask getpass.getuser, which has no answer for a user without a name (local_user).
        os.environ.setdefault("LOGNAME", local_user())
        files = (ssh_config,) if ssh_config else (USER, SYSTEM)
        self._files = files
        self._settings = ssh_config_text(files)
        self._parsed = _parse(self._settings, files)
        self._keyring = Keyring(ask)
        self._tell = tell
        self._lock = threading.Lock()
        self._known: dict[tuple[Path, ...], KnownHosts] = {}
        self._bastions: dict[tuple[Hop, ...], _Shared] = {}
        self._given_up: set[str] = set()  # machines that were waited for in vain: from then on one attempt is enough

    def __enter__(self) -> Network:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the bastions; nodes' connections are their users' to close."""
        for bastion in list(self._bastions.values()):  # what was left behind may open one meanwhile
            if bastion.line:
                bastion.line.close()

    def open(self, node: Node) -> SshConnection:
        """Connects and logs in; raises UnreachableError, HostKeyError or LoginError."""
        hop = node_hop(node)
        through = (bastion_hop(hop, node.ssh.bastion),) if node.ssh.bastion else ()
        line = self._open(hop, through)
        return SshConnection(line, node.name, line.end.user, node.sudo.password)

    def _open(self, hop: Hop, through: tuple[Hop, ...]) -> Line:
        """Tries again, for as long as the inventory allows, what may only be a machine that boots."""
        began = time.monotonic()

        def once_more(error: UnreachableError) -> None:
            self._tell(hop.node, f"{error.problem}; trying again")

        try:
            line = connect(
                lambda: self._attempt(hop, through),
                within=0 if hop.written in self._given_up else hop.within,
                again=NotUpError,
                tell=once_more,
            )
        except NotUpError as error:
            self._given_up.add(hop.written)
            problem = f"{error.problem} (tried for {time.monotonic() - began:.0f} s)"
            raise NotUpError(problem, error.remedy, node=error.node, detail=error.detail) from error
        self._given_up.discard(hop.written)
        return line

    def _attempt(self, hop: Hop, through: tuple[Hop, ...]) -> Line:
        import fabric

        options: dict[str, Any] = {
            "banner_timeout": hop.timeout,
            "channel_timeout": hop.timeout,
            "auth_timeout": HANDSHAKE,
        }
        connection = fabric.Connection(
            hop.host,
            user=hop.user,
            port=hop.port,
            gateway=False,  # fabric would open one connection per node, and accept any key there
            config=fabric.Config(ssh_config=self._parsed, lazy=True),  # one each: fabric writes in it as it connects
            connect_timeout=HANDSHAKE,
            connect_kwargs=options,
        )
        settings = connection.ssh_config
        through = through or jump_hops(hop, settings.get("proxyjump", "none"))
        end = End(hop, connection.user, connection.host, connection.port, ",".join(each.written for each in through))
        known = self._known_hosts(hop, settings.get("userknownhostsfile", ""))
        policy = Policy(hop, known, settings.get("hostkeyalias") or end.known_as)
        options.update(auth_strategy=Login(end, settings, self._keyring), transport_factory=policy.transport)
        connection.client.set_missing_host_key_policy(policy)
        proxy = None
        if through:
            return self._behind(through, Line(connection, end), options)
        if settings.get("proxycommand"):
            proxy = ProxyCommand(self._proxy_command(hop.host, end))
        options["sock"] = proxy.socket if proxy else dialled(end)
        return opened(Line(connection, end, proxy))

    def _proxy_command(self, alias: str, end: End) -> str:
        """As ~/.ssh/config has it, with the user and port that are really used in place of %r and %p."""
        known = f"Host *\n  User {end.user}\n  Port {end.port}\n"
        return str(_parse(known + self._settings, self._files).lookup(alias)["proxycommand"])

    def _behind(self, through: tuple[Hop, ...], line: Line, options: dict[str, Any]) -> Line:
        """Opens a line through the bastion; where that is gone meanwhile it is named, not the node."""
        bastion = self._bastion(through, line.end.hop.node)
        options["sock"] = self._forwarded(bastion, line.end)
        try:
            return opened(line)
        except (NotUpError, LoginError) as error:
            if bastion.transport.is_active():
                raise
            raise _gone(bastion, line.end.hop.node) from error

    def _forwarded(self, bastion: Line, end: End) -> Carried:
        """A channel to the node from its bastion (direct-tcpip, what ssh calls ProxyJump).

        paramiko keeps the reason of a refused channel per connection, so that of several refused at once only one
        learns its own (Transport.get_exception): the others try again.
        """
        import paramiko

        began = time.monotonic()
        try:
            target, source = (end.host, end.port), ("127.0.0.1", 0)
            return Carried(bastion.transport.open_channel("direct-tcpip", target, source, timeout=end.hop.timeout))
        except paramiko.ChannelException as error:
            raise end.not_forwarded(error.code, bastion.end) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            slow = time.monotonic() - began >= end.hop.timeout
            if bastion.transport.is_active() and (not slow or bastion.alive()):
                raise end.not_reached(bastion.end, slow=slow) from error
            bastion.close()  # so that the next one opens it anew
            raise _gone(bastion, end.hop.node) from error

    def _bastion(self, through: tuple[Hop, ...], node: str) -> Line:
        with self._lock:
            shared = self._bastions.setdefault(tuple(hop.itself for hop in through), _Shared())
        with shared.lock:
            if shared.line and shared.line.transport.is_active():
                return shared.line
            if shared.failure and time.monotonic() - shared.failed_at < through[-1].timeout:
                raise _of_the_bastion(shared.failure, node) from shared.failure
            try:
                shared.line = self._open(through[-1], through[:-1])
            except UnreachableError as error:
                shared.failure, shared.failed_at = error, time.monotonic()
                raise _of_the_bastion(error, node) from error
            return shared.line

    def _known_hosts(self, hop: Hop, named: str) -> KnownHosts:
        if hop.known_hosts:
            files: tuple[Path, ...] = (hop.known_hosts,)
        else:
            # /dev/null means "accept whatever comes", which is not offered here.
            own = [Path(name) for name in named.split() if name not in ("none", "/dev/null")]
            files = (*(own or (DEFAULT, Path("~/.ssh/known_hosts2"))), Path("/etc/ssh/ssh_known_hosts"))
        with self._lock:
            if files not in self._known:
                self._known[files] = KnownHosts(files)
            return self._known[files]


def _gone(bastion: Line, node: str) -> NotUpError:
    return replace(bastion.end, hop=replace(bastion.end.hop, node=node)).gone()


def _of_the_bastion(failure: UnreachableError, node: str) -> UnreachableError:
    """The same for another node behind it. It was waited for once, for all of them: no longer a NotUpError."""
    kind = UnreachableError if isinstance(failure, NotUpError) else type(failure)
    return kind(failure.problem, failure.remedy, node=node, detail=failure.detail)


def _parse(settings: str, files: tuple[Path, ...]) -> paramiko.SSHConfig:
    import paramiko

    try:
        return paramiko.SSHConfig.from_text(settings)
    except (paramiko.ConfigParseError, ValueError) as error:
        raise config_error(files, error) from error

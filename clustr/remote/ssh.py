"""SSH itself: the only file that knows fabric and paramiko.

fabric merges ~/.ssh/config; host keys, logins and scripts are done here. fabric accepts any host key, and feeds a
script on `in_stream` one character per 10 ms (https://github.com/pyinvoke/invoke/issues/774).
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from clustr.errors import ClustrError, UnreachableError
from clustr.inventory.model import Node
from clustr.inventory.secrets import Secret
from clustr.remote.hop import End, Hop, bastion_hop, jump_hops, node_hop
from clustr.remote.known_hosts import DEFAULT, HostKey, KnownHosts, public_half
from clustr.remote.proxy_command import ProxyCommand
from clustr.remote.session import Channel
from clustr.remote.shell import SshConnection
from clustr.remote.ssh_config import SYSTEM, USER, config_error, ssh_config_text

if TYPE_CHECKING:
    import fabric
    import paramiko

__all__ = ["AskPassphrase", "Network", "SshConnection", "open_connection"]

KEEPALIVE = 15  # seconds; keeps the entry in a NAT table that would forget a silent connection
FREED = 2.0  # seconds; sshd counts a session until a moment after its script has ended
AskPassphrase = Callable[[Path], Secret | None]
_Attempt = tuple[str, Callable[[], list[str]]]
_ALGORITHMS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}  # RFC 8332: one kind of key, other signatures


@dataclass
class _Shared:
    """A bastion's connection, opened by the first node that needs it; the others wait, and share a failure too."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    line: _Line | None = None
    failure: ClustrError | None = None
    failed_at: float = 0.0


class Network:
    """All connections of one run. They share host keys, loaded keys, and one connection to each bastion.

    `ask` is called once for the passphrase of an encrypted key that neither the inventory nor the agent can open.
    `ssh_config` is read instead of ~/.ssh/config and the system's. Raises UsageError where they cannot be read.
    """

    def __init__(self, ask: AskPassphrase | None = None, ssh_config: Path | None = None) -> None:
        import fabric

        # Else paramiko's own tracebacks reach the screen by logging's last resort.
        logging.getLogger("paramiko").addHandler(logging.NullHandler())
        files = (ssh_config,) if ssh_config else (USER, SYSTEM)
        self._files = files
        self._settings = ssh_config_text(files)
        self._config = fabric.Config(ssh_config=_parse(self._settings, files), lazy=True)
        self._keyring = _Keyring(ask)
        self._lock = threading.Lock()
        self._known: dict[tuple[Path, ...], KnownHosts] = {}
        self._bastions: dict[tuple[Hop, ...], _Shared] = {}

    def __enter__(self) -> Network:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the bastions; nodes' connections are their users' to close."""
        for bastion in self._bastions.values():
            if bastion.line:
                bastion.line.close()

    def open(self, node: Node) -> SshConnection:
        """Connects and logs in; raises UnreachableError, HostKeyError or LoginError."""
        hop = node_hop(node)
        through = (bastion_hop(hop, node.ssh.bastion),) if node.ssh.bastion else ()
        line = self._open(hop, through)
        return SshConnection(line, node.name, line.end.user, node.sudo.password)

    def _open(self, hop: Hop, through: tuple[Hop, ...]) -> _Line:
        import fabric

        options: dict[str, Any] = {"banner_timeout": hop.timeout, "channel_timeout": hop.timeout, "auth_timeout": 30}
        connection = fabric.Connection(
            hop.host,
            user=hop.user,
            port=hop.port,
            gateway=False,  # fabric would open one connection per node, and accept any key there
            config=self._config,
            connect_timeout=hop.timeout,
            connect_kwargs=options,
        )
        settings = connection.ssh_config
        through = through or jump_hops(hop, settings.get("proxyjump", "none"))
        by = ",".join(each.written for each in through)
        proxy = None
        end = End(hop, connection.user, connection.host, connection.port, by)
        if through:
            options["sock"] = self._through(through, end)
        elif settings.get("proxycommand"):
            proxy = ProxyCommand(self._proxy_command(hop.host, end))
            options["sock"] = proxy.socket
        known = self._known_hosts(hop, settings.get("userknownhostsfile", ""))
        policy = _Policy(hop, known, settings.get("hostkeyalias") or end.known_as)
        options.update(auth_strategy=_Login(end, settings, self._keyring), transport_factory=policy.transport)
        connection.client.set_missing_host_key_policy(policy)
        return _opened(_Line(connection, end, proxy))

    def _proxy_command(self, alias: str, end: End) -> str:
        """As ~/.ssh/config has it, with the user and port that are really used in place of %r and %p."""
        known = f"Host *\n  User {end.user}\n  Port {end.port}\n"
        return str(_parse(known + self._settings, self._files).lookup(alias)["proxycommand"])

    def _through(self, through: tuple[Hop, ...], end: End) -> paramiko.Channel:
        """A channel to the node from its bastion (direct-tcpip, what ssh calls ProxyJump)."""
        import paramiko

        bastion = self._bastion(through, end.hop.node)
        try:
            transport = bastion.transport
            return transport.open_channel(
                "direct-tcpip", (end.host, end.port), ("127.0.0.1", 0), timeout=end.hop.timeout
            )
        except paramiko.ChannelException as error:
            raise end.not_forwarded(error.code, bastion.end) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            if bastion.alive():
                raise end.silent(str(error)) from error
            bastion.close()  # so that the next one opens it anew
            raise replace(bastion.end, hop=replace(bastion.end.hop, node=end.hop.node)).gone() from error

    def _bastion(self, through: tuple[Hop, ...], node: str) -> _Line:
        with self._lock:
            shared = self._bastions.setdefault(tuple(replace(hop, node="") for hop in through), _Shared())
        with shared.lock:
            if shared.line and shared.line.transport.is_active():
                return shared.line
            if shared.failure and time.monotonic() - shared.failed_at < through[-1].timeout:
                failure = shared.failure
                raise type(failure)(failure.problem, failure.remedy, node=node, detail=failure.detail)
            try:
                shared.line = self._open(through[-1], through[:-1])
            except ClustrError as error:
                shared.failure, shared.failed_at = error, time.monotonic()
                raise
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


def open_connection(node: Node, network: Network) -> SshConnection:
    """Connects to a node; raises UnreachableError, HostKeyError or LoginError."""
    return network.open(node)


def _parse(settings: str, files: tuple[Path, ...]) -> paramiko.SSHConfig:
    import paramiko

    try:
        return paramiko.SSHConfig.from_text(settings)
    except (paramiko.ConfigParseError, ValueError) as error:
        raise config_error(files, error) from error


@dataclass(frozen=True)
class _Policy:
    """Checks host keys; paramiko asks it about every key, since it is given none to compare by itself."""

    hop: Hop
    known: KnownHosts
    name: str  # in known_hosts

    def missing_host_key(self, _client: object, _name: str, key: paramiko.PKey) -> None:
        offered = HostKey(key.get_name(), key.asbytes())
        self.known.verify(self.name, offered, accept_new=self.hop.accept_new, node=self.hop.node)

    def transport(self, sock: Any, **options: Any) -> paramiko.Transport:
        """A transport that asks first for the kinds of key that are known, as only those can be compared."""
        import paramiko

        if isinstance(sock, socket.socket) and sock.family != socket.AF_UNIX:
            # Else each exec waits 40 ms for the delayed acknowledgement of the last one's end.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport = paramiko.Transport(sock, **options)
        security = transport.get_security_options()
        wanted = [name for kind in self.known.kinds(self.name) for name in _ALGORITHMS.get(kind, (kind,))]
        first = [name for name in wanted if name in security.key_types]
        security.key_types = [*first, *(name for name in security.key_types if name not in first)]
        return transport


class _Keyring:
    """Private keys, each read and opened once for all nodes: opening an encrypted one costs a third of a second."""

    def __init__(self, ask: AskPassphrase | None) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._keys: dict[tuple[Path, Secret | None], paramiko.PKey | str] = {}

    def load(self, path: Path, passphrase: Secret | None) -> paramiko.PKey | str:
        """The key, or in words why it cannot be had."""
        with self._lock:
            known = (path, passphrase)
            if known not in self._keys:
                self._keys[known] = self._read(path, passphrase)
            return self._keys[known]

    def _read(self, path: Path, passphrase: Secret | None) -> paramiko.PKey | str:
        import paramiko

        try:
            return paramiko.PKey.from_path(str(path))
        except (TypeError, paramiko.PasswordRequiredException):
            passphrase = passphrase or (self._ask(path) if self._ask else None)
        except (OSError, ValueError, paramiko.SSHException, paramiko.pkey.UnknownKeyType) as error:
            return f"the key {path} cannot be read: {error}"
        if not passphrase:
            return f"the key {path} is encrypted, and neither ssh.passphrase nor an agent opens it"
        try:
            # Bytes whatever the stubs say: cryptography takes nothing else.
            return paramiko.PKey.from_path(str(path), passphrase.reveal().encode())  # type: ignore[arg-type]
        except (TypeError, ValueError, paramiko.SSHException):
            return f"the key {path} is encrypted, and the passphrase is wrong"


class _Login:
    """Logs in with what the inventory, ~/.ssh/config, the agent and ~/.ssh offer, and remembers what it tried.

    paramiko's own way tries each file as each kind of key and keeps only the last error.
    """

    def __init__(self, end: End, settings: dict[str, Any], keyring: _Keyring) -> None:
        self._end = end
        self._hop = end.hop
        self._settings = settings
        self._keyring = keyring
        self._tried: list[str] = []
        self._unusable: list[str] = []  # keys that could not even be tried, each with the reason

    def authenticate(self, transport: paramiko.Transport) -> None:
        import paramiko

        agent = paramiko.Agent()
        try:
            for name, attempt in self._attempts(transport, agent.get_keys()):
                if self._try(name, attempt):
                    return
                if not transport.is_active():
                    self._tried.append("the server hung up")
                    break
        finally:
            agent.close()
        if self._unusable and not self._tried:
            raise self._end.no_key(self._unusable)
        raise self._end.login_refused([*self._tried, *self._unusable])

    def _try(self, name: str, attempt: Callable[[], list[str]]) -> bool:
        import paramiko

        try:
            further = attempt()
        except paramiko.BadAuthenticationType as error:
            self._tried.append(f"{name}: not offered, only {', '.join(error.allowed_types)}")
        except paramiko.AuthenticationException:
            self._tried.append(f"{name}: refused")
        except (paramiko.SSHException, EOFError, OSError) as error:
            self._tried.append(f"{name}: {error}")
        else:
            if not further:
                return True
            self._tried.append(f"{name}: accepted, but {', '.join(further)} is asked for too")
        return False

    def _attempts(self, transport: paramiko.Transport, agent: Sequence[paramiko.AgentKey]) -> Iterator[_Attempt]:
        own = [self._hop.key] if self._hop.key else []
        named = own or [Path(name).expanduser() for name in self._settings.get("identityfile", [])]
        left = {key.asbytes(): key for key in agent}
        for path in named:
            held = left.pop(public_half(path), None)
            yield from self._with_agent(transport, held) if held else self._with_file(transport, path, must=path in own)
        if not own and self._settings.get("identitiesonly") != "yes":
            for key in left.values():
                yield from self._with_agent(transport, key)
        if not named:
            for kind in ("ed25519", "ecdsa", "rsa"):
                yield from self._with_file(transport, Path(f"~/.ssh/id_{kind}").expanduser(), must=False)
        if password := self._hop.password:
            yield "password", lambda: transport.auth_password(self._end.user, password.reveal())

    def _with_agent(self, transport: paramiko.Transport, key: paramiko.AgentKey) -> Iterator[_Attempt]:
        name = f"agent's key {HostKey(key.get_name(), key.asbytes()).fingerprint}"
        yield name, lambda: transport.auth_publickey(self._end.user, key)

    def _with_file(self, transport: paramiko.Transport, path: Path, *, must: bool) -> Iterator[_Attempt]:
        if not path.exists() and not must:
            return
        key = self._keyring.load(path, self._hop.passphrase)
        if isinstance(key, str):
            self._unusable.append(key)
            return
        yield f"key {path} {key.fingerprint}", lambda: transport.auth_publickey(self._end.user, key)


@dataclass(frozen=True)
class _Line:
    """A login that stands."""

    connection: fabric.Connection
    end: End
    proxy: ProxyCommand | None

    @property
    def transport(self) -> paramiko.Transport:
        return cast("paramiko.Transport", self.connection.transport)

    def open(self, *, terminal: bool = False) -> Channel:
        import paramiko

        deadline = time.monotonic() + FREED
        while True:
            try:
                channel = self.transport.open_session(timeout=self.end.hop.timeout)
                if terminal:
                    channel.get_pty()
                return channel
            except paramiko.ChannelException as error:
                if time.monotonic() > deadline:
                    remedy = "raise MaxSessions in its /etc/ssh/sshd_config"
                    raise UnreachableError("sshd opens no more sessions", remedy, detail=str(error)) from error
            except (paramiko.SSHException, EOFError, OSError) as error:
                raise UnreachableError(
                    "the connection was cut", f"try: {self.end.by_hand()}", detail=str(error)
                ) from error
            time.sleep(0.05)

    def alive(self) -> bool:
        """Whether the other end answers: a refused channel is an answer too."""
        import paramiko

        try:
            self.transport.open_session(timeout=self.end.hop.timeout).close()
        except paramiko.ChannelException:
            return True
        except (paramiko.SSHException, EOFError, OSError):
            return False
        return True

    def close(self) -> None:
        self.connection.client.close()
        if self.proxy:
            self.proxy.close()


def _opened(line: _Line) -> _Line:
    """Opens it; whatever goes wrong becomes an error of its own kind."""
    import paramiko

    end = line.end
    try:
        line.connection.open()
        line.transport.set_keepalive(KEEPALIVE)
        return line
    except ClustrError:
        line.close()
        raise
    except socket.gaierror as error:
        failed = end.unknown_name(str(error))
    except paramiko.ssh_exception.NoValidConnectionsError as error:
        errors = error.errors.values()
        refused = all(isinstance(each, ConnectionRefusedError) for each in errors)
        failed = end.refused() if refused else end.no_way("\n".join(str(each) for each in errors))
    except TimeoutError:
        failed = end.silent()
    except (paramiko.SSHException, EOFError) as error:
        failed = end.no_ssh(str(error))
    except OSError as error:
        failed = end.no_way(str(error))
    line.close()
    raise failed

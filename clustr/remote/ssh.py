"""SSH itself: the only file that knows fabric and paramiko.

fabric reads ~/.ssh/config; logging in, host keys and running scripts are done here. fabric accepts any host key, and
feeds a script on `in_stream` one character per 10 ms (https://github.com/pyinvoke/invoke/issues/774).
"""

from __future__ import annotations

import base64
import logging
import re
import shlex
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, cast

from clustr.errors import ClustrError, LoginError, UnreachableError
from clustr.inventory.model import Node
from clustr.inventory.secrets import Secret
from clustr.remote.known_hosts import DEFAULT, HostKey, KnownHosts
from clustr.remote.session import Channel
from clustr.remote.shell import SshConnection

if TYPE_CHECKING:
    import fabric
    import paramiko

KEEPALIVE = 15  # seconds; keeps the entry in a NAT table that would forget a silent connection
_ALGORITHMS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}  # RFC 8332: one kind of key, other signatures
AskPassphrase = Callable[[Path], Secret | None]
_Attempt = tuple[str, Callable[[], list[str]]]


@dataclass(frozen=True)
class Hop:
    """One end to log in at: a node, or a bastion on the way to it."""

    node: str  # that errors name
    host: str
    user: str | None = None
    port: int | None = None  # None: as ~/.ssh/config says, else 22
    key: Path | None = None
    password: Secret | None = None
    passphrase: Secret | None = None
    accept_new: bool = True
    known_hosts: Path | None = None
    timeout: int = 10
    bastion: bool = False

    @property
    def called(self) -> str:
        return f"the bastion {self.host}" if self.bastion else self.host


@dataclass
class _Bastion:
    """A bastion's connection, opened by the first node that needs it; the others wait, and share a failure too."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    line: fabric.Connection | None = None
    failure: ClustrError | None = None
    failed_at: float = 0.0


class Network:
    """All connections of one run. They share host keys, loaded keys, and one connection to each bastion.

    `ask` is called once for the passphrase of an encrypted key that neither the inventory nor the agent can open.
    """

    def __init__(self, ask: AskPassphrase | None = None, ssh_config: Path | None = None) -> None:
        import fabric

        # Else paramiko's own tracebacks reach the screen by logging's last resort.
        logging.getLogger("paramiko").addHandler(logging.NullHandler())
        self._config = fabric.Config(runtime_ssh_path=str(ssh_config) if ssh_config else None)
        self._keyring = _Keyring(ask)
        self._lock = threading.Lock()
        self._known: dict[tuple[Path, ...], KnownHosts] = {}
        self._bastions: dict[tuple[Hop, ...], _Bastion] = {}

    def __enter__(self) -> Network:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        for bastion in self._bastions.values():
            if bastion.line:
                bastion.line.close()

    def open(self, node: Node) -> SshConnection:
        """Connects and logs in; raises UnreachableError, HostKeyError or LoginError."""
        ssh = node.ssh
        hop = Hop(
            node.name,
            node.address,
            ssh.user,
            ssh.port if ssh.port != 22 else None,
            ssh.key,
            ssh.password,
            ssh.passphrase,
            ssh.host_keys == "accept-new",
            ssh.known_hosts,
            ssh.connect_timeout,
        )
        through: tuple[Hop, ...] = ()
        if ssh.bastion:
            port = ssh.bastion.port if ssh.bastion.port != 22 else None
            through = (_jump(hop, ssh.bastion.host, ssh.bastion.user, port, ssh.bastion.key),)
        line = self._open(hop, through)
        return SshConnection(_Line(line, hop), node.name, line.user, node.sudo.password)

    def _open(self, hop: Hop, through: tuple[Hop, ...]) -> fabric.Connection:
        import fabric

        options: dict[str, Any] = {"banner_timeout": hop.timeout, "channel_timeout": hop.timeout, "auth_timeout": 30}
        line = fabric.Connection(
            hop.host,
            user=hop.user,
            port=hop.port,
            gateway=False,  # fabric would open one connection per node, and accept any key there
            config=self._config,
            connect_timeout=hop.timeout,
            connect_kwargs=options,
        )
        through = through or _jumps(hop, line)
        if through:
            options["sock"] = self._through(through, hop, line)
        elif command := line.ssh_config.get("proxycommand"):
            line.gateway = command
        login = _Login(hop, line, self._keyring)
        known = self._known_hosts(hop, line)
        policy = _Policy(hop, known, line.ssh_config.get("hostkeyalias") or _known_as(line))
        options.update(auth_strategy=login, transport_factory=policy.transport)
        line.client.set_missing_host_key_policy(policy)
        return _opened(line, hop)

    def _through(self, through: tuple[Hop, ...], hop: Hop, line: fabric.Connection) -> paramiko.Channel:
        """A channel to the node from its bastion (direct-tcpip, what ssh calls ProxyJump)."""
        import paramiko

        bastion = self._bastion(through)
        try:
            transport: paramiko.Transport = bastion.transport
            return transport.open_channel("direct-tcpip", (line.host, line.port), ("127.0.0.1", 0), timeout=hop.timeout)
        except paramiko.ChannelException as error:
            raise _refused_by_bastion(error.code, hop, through[-1], line) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            problem = f"{through[-1].called} opened no way to {line.host}:{line.port} within {hop.timeout} s"
            remedy = f"try it: ssh -J {through[-1].host} {line.user}@{line.host}"
            raise UnreachableError(problem, remedy, node=hop.node, detail=str(error)) from error

    def _bastion(self, through: tuple[Hop, ...]) -> fabric.Connection:
        with self._lock:
            bastion = self._bastions.setdefault(_without_node(through), _Bastion())
        with bastion.lock:
            if bastion.line and bastion.line.is_connected:
                return bastion.line
            if bastion.failure and time.monotonic() - bastion.failed_at < through[-1].timeout:
                raise bastion.failure
            try:
                bastion.line = self._open(through[-1], through[:-1])
            except ClustrError as error:
                bastion.failure, bastion.failed_at = error, time.monotonic()
                raise
            return bastion.line

    def _known_hosts(self, hop: Hop, line: fabric.Connection) -> KnownHosts:
        if hop.known_hosts:
            files: tuple[Path, ...] = (hop.known_hosts,)
        else:
            named = [Path(name) for name in line.ssh_config.get("userknownhostsfile", "").split()]
            # /dev/null means "accept whatever comes", which is not offered here.
            user = [name for name in named if str(name) not in ("none", "/dev/null")]
            files = (*(user or (DEFAULT, Path("~/.ssh/known_hosts2"))), Path("/etc/ssh/ssh_known_hosts"))
        with self._lock:
            if files not in self._known:
                self._known[files] = KnownHosts(files)
            return self._known[files]


def open_connection(node: Node, network: Network) -> SshConnection:
    """Connects to a node; raises UnreachableError, HostKeyError or LoginError."""
    return network.open(node)


def _without_node(through: tuple[Hop, ...]) -> tuple[Hop, ...]:
    return tuple(replace(hop, node="") for hop in through)


def _jump(hop: Hop, host: str, user: str | None, port: int | None, key: Path | None) -> Hop:
    return replace(hop, host=host, user=user, port=port, key=key, password=None, bastion=True)


def _jumps(hop: Hop, line: fabric.Connection) -> tuple[Hop, ...]:
    """The bastions that ProxyJump names: [ssh://][user@]host[:port], first to last."""
    found = []
    for jump in line.ssh_config.get("proxyjump", "none").split(","):
        match = re.fullmatch(r"(?:ssh://)?(?:([^@]+)@)?([^@:]+)(?::(\d+))?/?", jump.strip())
        if match and match[2] not in ("none", hop.host):
            found.append(_jump(hop, match[2], match[1], int(match[3]) if match[3] else None, None))
    return tuple(found)


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
            return f"cannot be read: {error}"
        if not passphrase:
            return "is encrypted, and neither ssh.passphrase nor an agent opens it"
        try:
            # Bytes whatever the stubs say: cryptography takes nothing else.
            return paramiko.PKey.from_path(str(path), passphrase.reveal().encode())  # type: ignore[arg-type]
        except (TypeError, ValueError, paramiko.SSHException):
            return "is encrypted, and the passphrase is wrong"


class _Login:
    """Logs in with what the inventory, ~/.ssh/config, the agent and ~/.ssh offer, and remembers what it tried.

    paramiko's own way tries each file as each kind of key and keeps only the last error.
    """

    def __init__(self, hop: Hop, line: fabric.Connection, keyring: _Keyring) -> None:
        self._hop = hop
        self._line = line
        self._keyring = keyring
        self._tried: list[str] = []
        self._unusable: list[str] = []

    def authenticate(self, transport: paramiko.Transport) -> None:
        import paramiko

        agent = paramiko.Agent()
        try:
            for name, attempt in self._attempts(transport, agent.get_keys()):
                try:
                    if not attempt():
                        return
                    self._tried.append(f"{name}: accepted, but more is asked for")
                except paramiko.BadAuthenticationType as error:
                    self._tried.append(f"{name}: not offered (only {', '.join(error.allowed_types)})")
                except paramiko.AuthenticationException:
                    self._tried.append(f"{name}: refused")
                except (paramiko.SSHException, EOFError, OSError) as error:
                    self._tried.append(f"{name}: {error or 'the server hung up'}")
                if not transport.is_active():
                    break
        finally:
            agent.close()
        raise self._refused()

    def _attempts(self, transport: paramiko.Transport, agent: tuple[paramiko.AgentKey, ...]) -> Iterator[_Attempt]:
        user, config = self._line.user, self._line.ssh_config
        named = [self._hop.key] if self._hop.key else [Path(name) for name in config.get("identityfile", [])]
        left = {key.asbytes(): key for key in agent}
        for path in named:
            held = left.pop(_public_blob(path.expanduser()), None)
            yield from self._with_agent(transport, held) if held else self._with_file(transport, path.expanduser())
        if not self._hop.key and config.get("identitiesonly") != "yes":
            for key in left.values():
                yield from self._with_agent(transport, key)
        if not named:
            for kind in ("ed25519", "ecdsa", "rsa"):
                yield from self._with_file(transport, Path(f"~/.ssh/id_{kind}").expanduser())
        if password := self._hop.password:
            yield "password", lambda: transport.auth_password(user, password.reveal())

    def _with_agent(self, transport: paramiko.Transport, key: paramiko.AgentKey) -> Iterator[_Attempt]:
        name = f"agent's key {HostKey(key.get_name(), key.asbytes()).fingerprint}"
        yield name, lambda: transport.auth_publickey(self._line.user, key)

    def _with_file(self, transport: paramiko.Transport, path: Path) -> Iterator[_Attempt]:
        if not path.exists() and path != self._hop.key:
            return
        key = self._keyring.load(path, self._hop.passphrase)
        if isinstance(key, str):
            self._unusable.append(f"the key {path} {key}")
            return
        yield f"key {path} {key.fingerprint}", lambda: transport.auth_publickey(self._line.user, key)

    def _refused(self) -> LoginError:
        line = self._line
        if self._unusable and not self._tried:
            remedy = "set ssh.key and ssh.passphrase in the inventory, or ssh-add the key"
            return LoginError(self._unusable[0], remedy, node=self._hop.node, detail="\n".join(self._unusable[1:]))
        tried = [*self._tried, *self._unusable] or ["nothing to try: no ssh.key, no agent, no key in ~/.ssh"]
        key = f" -i {shlex.quote(str(self._hop.key))}" if self._hop.key else ""
        return LoginError(
            f"{self._hop.called} refuses the login as {line.user}",
            f"ssh-copy-id{key} -p {line.port} {line.user}@{line.host}, or set ssh.user and ssh.key",
            node=self._hop.node,
            detail="\n".join(tried),
        )


def _public_blob(path: Path) -> bytes:
    """The public half that lies beside a private key; b"" where there is none."""
    public = path if path.suffix == ".pub" else path.with_name(path.name + ".pub")
    try:
        return base64.b64decode(public.read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return b""


def _known_as(line: fabric.Connection) -> str:
    return str(line.host) if line.port == 22 else f"[{line.host}]:{line.port}"


@dataclass(frozen=True)
class _Line:
    """The login that SshConnection runs on."""

    line: fabric.Connection
    hop: Hop

    def open(self, *, terminal: bool = False) -> Channel:
        import paramiko

        try:
            channel = self.line.transport.open_session(timeout=self.hop.timeout)
            if terminal:
                channel.get_pty()
        except paramiko.ChannelException as error:
            remedy = "raise MaxSessions in its /etc/ssh/sshd_config"
            raise UnreachableError("sshd opens no more sessions", remedy, detail=str(error)) from error
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise UnreachableError("the connection was cut", detail=str(error)) from error
        return cast(Channel, channel)

    def alive(self) -> bool:
        """Whether the other end answers: a refused channel is an answer too."""
        import paramiko

        try:
            self.line.transport.open_session(timeout=self.hop.timeout).close()
        except paramiko.ChannelException:
            return True
        except (paramiko.SSHException, EOFError, OSError):
            return False
        return True

    def close(self) -> None:
        self.line.close()


def _opened(line: fabric.Connection, hop: Hop) -> fabric.Connection:
    """Opens the line; whatever goes wrong becomes an error of its own kind."""
    import paramiko

    try:
        line.open()
        line.transport.set_keepalive(KEEPALIVE)
        return line
    except ClustrError:
        line.client.close()
        raise
    except socket.gaierror as error:
        failed = UnreachableError(
            f"no address is known for {line.host}", "correct `address`, or give it a name in DNS", detail=str(error)
        )
    except paramiko.SSHException as error:
        failed = _no_ssh(error, hop, line)
    except (OSError, EOFError) as error:
        failed = _no_connection(error, hop, line)
    line.client.close()
    failed.node = hop.node
    raise failed


def _no_connection(error: Exception, hop: Hop, line: fabric.Connection) -> UnreachableError:
    import paramiko

    errors = list(error.errors.values()) if isinstance(error, paramiko.ssh_exception.NoValidConnectionsError) else []
    if errors and all(isinstance(each, ConnectionRefusedError) for each in errors):
        problem = f"{hop.called} refuses connections on port {line.port}"
        return UnreachableError(problem, "start sshd there, or correct ssh.port")
    if isinstance(error, TimeoutError):
        problem = f"{hop.called} does not answer on port {line.port} within {hop.timeout} s"
    else:
        problem = f"{hop.called} cannot be reached"
    detail = "\n".join(str(each) for each in errors or [error])
    return UnreachableError(problem, f"is it on? try: ssh -v -p {line.port} {line.user}@{line.host}", detail=detail)


def _no_ssh(error: Exception, hop: Hop, line: fabric.Connection) -> UnreachableError:
    problem = f"port {line.port} of {hop.called} does not speak SSH as it should, or has too many logins at once"
    return UnreachableError(problem, f"try: ssh -v -p {line.port} {line.user}@{line.host}", detail=str(error))


def _refused_by_bastion(code: int, hop: Hop, bastion: Hop, line: fabric.Connection) -> UnreachableError:
    """RFC 4254, 5.1: 1 is prohibited; 2 is that the far end could not be connected to."""
    if code == 1:
        remedy = "set AllowTcpForwarding yes in its /etc/ssh/sshd_config"
        return UnreachableError(f"{bastion.called} forwards no connections", remedy, node=hop.node)
    problem = f"{bastion.called} cannot reach {line.host}:{line.port}"
    return UnreachableError(problem, f"try it there: ssh {bastion.host} nc -z {line.host} {line.port}", node=hop.node)

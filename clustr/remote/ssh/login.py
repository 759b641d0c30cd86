"""Who we are to a server: keys, the agent, a password; and whether the server is who it was: its host key."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clustr.inventory.secrets import Secret
from clustr.remote.hop import End, Hop
from clustr.remote.known_hosts import HostKey, KnownHosts
from clustr.remote.ssh.agent import agent_keys, agent_socket, public_half

if TYPE_CHECKING:
    import paramiko

AskPassphrase = Callable[[Path], Secret | None]
_Attempt = tuple[str, Callable[[], list[str]]]
_ALGORITHMS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}  # RFC 8332: one kind of key, other signatures
WAKES = 1.0  # seconds between a silent connection's looks at its clock; paramiko's own tenth is felt at 1,000 of them
_NOT_YET = "pam_nologin(8)"  # what systemd-user-sessions.service(8) has everybody but root told until the boot is over


@dataclass(frozen=True)
class Policy:
    """Checks host keys; paramiko asks it about every key, since it is given none to compare by itself."""

    hop: Hop
    known: KnownHosts
    name: str  # in known_hosts

    def missing_host_key(self, _client: object, _name: str, key: paramiko.PKey) -> None:
        offered = HostKey(key.get_name(), key.asbytes())
        self.known.verify(self.name, offered, accept_new=self.hop.accept_new, node=self.hop.node)

    def transport(self, sock: Any, **options: Any) -> paramiko.Transport:
        """A transport that asks first for the kinds of key that are known, as only those can be compared.

        And first for AES-GCM (RFC 5647), which proves a packet's origin by itself: the other ciphers' HMAC is compared
        byte by byte in Python, and took a third of the time of a run.
        """
        import paramiko

        transport = paramiko.Transport(sock, **options)
        transport.sock.settimeout(WAKES)
        security = transport.get_security_options()
        security.ciphers = sorted(security.ciphers, key=lambda name: "-gcm@" not in name)
        wanted = [name for kind in self.known.kinds(self.name) for name in _ALGORITHMS.get(kind, (kind,))]
        first = [name for name in wanted if name in security.key_types]
        security.key_types = [*first, *(name for name in security.key_types if name not in first)]
        return transport


class Keyring:
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
            if not public_half(path):  # which only the older formats keep to themselves
                how = f"for the agent's: ssh-keygen -y -f {path} >{path}.pub"
                return f"the key {path} is encrypted, and there is neither ssh.passphrase nor {path}.pub ({how})"
            return f"the key {path} is encrypted, and neither ssh.passphrase nor an agent opens it"
        try:
            # Bytes whatever the stubs say: cryptography takes nothing else.
            return paramiko.PKey.from_path(str(path), passphrase.reveal().encode())  # type: ignore[arg-type]
        except (TypeError, ValueError, paramiko.SSHException):
            return f"the key {path} is encrypted, and the passphrase is wrong"


class Login:
    """Logs in with what the inventory, ~/.ssh/config, the agent and ~/.ssh offer, and remembers what it tried.

    paramiko's own way tries each file as each kind of key and keeps only the last error.
    """

    def __init__(self, end: End, settings: dict[str, Any], keyring: Keyring) -> None:
        self._end = end
        self._hop = end.hop
        self._settings = settings
        self._keyring = keyring
        self._tried: list[str] = []
        self._unusable: list[str] = []  # keys that could not even be tried, each with the reason

    def authenticate(self, transport: paramiko.Transport) -> None:
        """Raises LoginError, or NotUpError where the machine says that it is still booting."""
        with agent_keys(agent_socket(self._end, self._settings)) as held:
            for name, attempt in self._attempts(transport, held):
                if self._try(name, attempt):
                    return
                if not transport.is_active():
                    self._tried.append("the server hung up")
                    break
        if _NOT_YET in (said := _banner(transport)):
            raise self._end.booting(said)
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


def _banner(transport: paramiko.Transport) -> str:
    """What sshd said before the login. Transport.get_banner tells it only while the connection stands."""
    said: str | bytes = getattr(transport.auth_handler, "banner", None) or ""
    return (said.decode(errors="replace") if isinstance(said, bytes) else said).strip()

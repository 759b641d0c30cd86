"""Host keys that were seen before: read once, shared by all connections, added to one line at a time.

The format is sshd(8)'s, SSH_KNOWN_HOSTS FILE FORMAT: plain and hashed names, patterns, [host]:port, @revoked.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import hashlib
import hmac
import os
import shlex
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from clustr.errors import HostKeyError

DEFAULT = Path("~/.ssh/known_hosts")


@dataclass(frozen=True)
class HostKey:
    kind: str  # ssh-ed25519, ecdsa-sha2-nistp256, ssh-rsa
    blob: bytes

    @property
    def fingerprint(self) -> str:
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")


@dataclass(frozen=True)
class Entry:
    """One line of a known_hosts file."""

    names: tuple[str, ...]
    key: HostKey
    file: Path
    line: int
    revoked: bool = False

    def matches(self, name: str) -> bool:
        found = False
        for pattern in self.names:
            if pattern.startswith("!") and fnmatchcase(name, _literal(pattern[1:])):
                return False
            found = found or _matches(pattern, name)
        return found


class KnownHosts:
    """The keys in `files`; new ones go to the first of them, which need not exist yet."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._files = [file.expanduser() for file in files]
        self._lock = threading.Lock()
        self._plain: dict[str, list[Entry]] = {}
        self._others: list[Entry] = []  # hashed names and patterns: each has to be tried
        for file in self._files:
            for entry in _read(file):
                self._index(entry)

    def entries(self, name: str) -> list[Entry]:
        """What is known of a host; `name` is `host`, or `[host]:port` where the port is not 22."""
        with self._lock:
            return [*self._plain.get(name, ()), *(entry for entry in self._others if entry.matches(name))]

    def kinds(self, name: str) -> list[str]:
        """Kinds of key to ask the server for first, since only those can be compared."""
        return list(dict.fromkeys(entry.key.kind for entry in self.entries(name) if not entry.revoked))

    def verify(self, name: str, key: HostKey, *, accept_new: bool, node: str) -> None:
        """Raises HostKeyError unless the key is the known one, or new and may be accepted.

        A host that is known by another kind of key only counts as changed: else a stranger need only offer that kind.
        """
        entries = self.entries(name)
        if any(entry.revoked and entry.key == key for entry in entries):
            raise HostKeyError(f"the host key of {name} is revoked", "do not connect to it", node=node)
        known = [entry for entry in entries if not entry.revoked]
        if any(entry.key == key for entry in known):
            return
        if known:
            raise _changed(name, key, known[0], node)
        if not accept_new:
            raise self._unknown(name, key, node)
        self.add(name, key)

    def add(self, name: str, key: HostKey) -> None:
        """Appends a line in one write, under a lock that other processes see; the file is made 0600."""
        file = self._files[0]
        line = f"{name} {key.kind} {base64.b64encode(key.blob).decode()}\n".encode()
        with self._lock:
            if any(entry.key == key for entry in self._plain.get(name, ())):
                return
            try:
                _append(file, line)
            except OSError as error:
                problem = f"the host key of {name} cannot be kept in {file}"
                raise HostKeyError(problem, f"see: ls -ld {file} {file.parent}", detail=str(error)) from error
            self._index(Entry((name,), key, file, 0))

    def _index(self, entry: Entry) -> None:
        if any(set(name) & set("|*?!") for name in entry.names):
            self._others.append(entry)
            return
        for name in entry.names:
            self._plain.setdefault(name, []).append(entry)

    def _unknown(self, name: str, key: HostKey, node: str) -> HostKeyError:
        return HostKeyError(
            f"its host key is not known, and ssh.host_keys is strict ({name})",
            f"compare it with `ssh-keygen -lf` of the machine's own /etc/ssh/ssh_host_*_key.pub, then connect once "
            f"with ssh, or add it to {self._files[0]}",
            node=node,
            detail=f"offered   {key.fingerprint} ({key.kind})",
        )


def _changed(name: str, offered: HostKey, known: Entry, node: str) -> HostKeyError:
    place = f"{known.file}:{known.line}" if known.line else f"{known.file}, added by this run"
    default = known.file == DEFAULT.expanduser()
    file = "" if default else f" -f {shlex.quote(str(known.file))}"
    return HostKeyError(
        "its host key has changed",
        f"If the machine was reinstalled: ssh-keygen -R {shlex.quote(name)}{file}",
        node=node,
        detail=f"known     {known.key.fingerprint} ({place})\noffered   {offered.fingerprint}",
    )


def _append(file: Path, line: bytes) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = os.fstat(descriptor).st_size
        unfinished = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        os.write(descriptor, b"\n" + line if unfinished else line)
    finally:
        os.close(descriptor)


def _read(file: Path) -> Iterable[Entry]:
    try:
        content = file.read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise HostKeyError(f"{file} cannot be read", f"see: ls -l {file}", detail=str(error)) from error
    for number, line in enumerate(content.split("\n"), 1):
        fields = line.split()
        mark = fields.pop(0) if fields and fields[0].startswith("@") else ""
        if len(fields) < 3 or fields[0].startswith("#") or mark not in ("", "@revoked"):
            continue
        try:
            key = HostKey(fields[1], base64.b64decode(fields[2], validate=True))
        except binascii.Error:
            continue
        yield Entry(tuple(fields[0].split(",")), key, file, number, revoked=mark == "@revoked")


def _matches(pattern: str, name: str) -> bool:
    if pattern.startswith("|1|"):
        return _hash_matches(pattern, name)
    return fnmatchcase(name, _literal(pattern))


def _hash_matches(pattern: str, name: str) -> bool:
    try:
        _, _, salt, digest = pattern.split("|")
        wanted = base64.b64decode(digest)
        return hmac.compare_digest(hmac.digest(base64.b64decode(salt), name.encode(), "sha1"), wanted)
    except (ValueError, binascii.Error):
        return False


def _literal(pattern: str) -> str:
    """[host]:port is meant as it stands; only * and ? are patterns here."""
    return pattern.replace("[", "[[]")

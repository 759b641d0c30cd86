"""The keys that an agent holds: where it listens, what it has, and which of its keys a file names."""

from __future__ import annotations

import base64
import os
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from clustr.remote.hop import End
from clustr.remote.local_user import local_user

if TYPE_CHECKING:
    import paramiko

VARIABLE = "SSH_AUTH_SOCK"
_OPENSSH = re.compile(rb"-----BEGIN OPENSSH PRIVATE KEY-----(.*?)-----END", re.DOTALL)
_MAGIC = b"openssh-key-v1\0"


def agent_socket(end: End, settings: Mapping[str, str]) -> str | None:
    """Where the agent listens, None where there is none: by IdentityAgent of ssh_config(5), which paramiko passes over.

    Of its tokens all but %C, whose definition differs between versions of OpenSSH.
    """
    written = settings.get("identityagent", VARIABLE)
    if written == "none":
        return None
    if written == VARIABLE:
        return os.environ.get(VARIABLE)
    if re.fullmatch(r"\$\w+", written):
        return os.environ.get(written[1:])
    tokens = {f"%{letter}": value for letter, value in _tokens(end, settings).items()}
    tokens |= {f"${{{name}}}": value for name, value in os.environ.items()}
    if any(name not in tokens for name in re.findall(r"\$\{\w+\}", written)):
        return os.environ.get(VARIABLE)  # "the setting for that keyword will be ignored"
    path = os.path.expanduser(written)  # noqa: PTH111 - Path's raises RuntimeError for a user that there is not
    return re.sub(r"%.|\$\{\w+\}", lambda found: tokens.get(found[0], found[0]), path)


def _tokens(end: End, settings: Mapping[str, str]) -> dict[str, str]:
    here = socket.gethostname()
    return {
        "%": "%",
        "d": str(Path.home()),
        "h": end.host,
        "i": str(os.getuid()),
        "k": settings.get("hostkeyalias") or end.hop.host,
        "L": here.partition(".")[0],
        "l": here,
        "n": end.hop.host,
        "p": str(end.port),
        "r": end.user,
        "u": local_user(),
    }


@contextmanager
def agent_keys(path: str | None) -> Iterator[Sequence[paramiko.AgentKey]]:
    """What the agent there holds, to be used inside; nothing where none listens, or where it makes no sense."""
    import paramiko
    from paramiko.agent import AgentSSH

    agent = AgentSSH()
    with socket.socket(socket.AF_UNIX) as line:
        with suppress(OSError, paramiko.SSHException):
            if path:
                line.connect(path)
                # paramiko.Agent takes no path: it knows SSH_AUTH_SOCK alone, which is one for all threads.
                agent._connect(line)  # type: ignore[attr-defined]
        yield agent.get_keys()


def public_half(private: Path) -> bytes:
    """A private key's public half, from itself or from NAME.pub beside it; b"" where neither has it."""
    return _in_clear(private) or _beside(private)


def _in_clear(private: Path) -> bytes:
    """OpenSSH's own format has it before what is encrypted: the cipher, the KDF, its options, a count, this key.

    https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.key
    """
    try:
        found = _OPENSSH.search(private.read_bytes())
        content = base64.b64decode(found[1]) if found else b""
    except (OSError, ValueError):
        return b""
    if not content.startswith(_MAGIC):
        return b""
    rest = content.removeprefix(_MAGIC)
    for _ in ("cipher", "KDF", "options"):
        rest = _string(rest)[1]
    return _string(rest[4:])[0]


def _string(content: bytes) -> tuple[bytes, bytes]:
    """The string that it begins with (RFC 4251, 5), and what follows."""
    end = 4 + int.from_bytes(content[:4], "big")
    return content[4:end], content[end:]


def _beside(private: Path) -> bytes:
    public = private if private.suffix == ".pub" else private.with_name(f"{private.name}.pub")
    try:
        return base64.b64decode(public.read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return b""

"""A login that stands, and how it is had: one attempt, whose every failure becomes an error of its own kind."""

from __future__ import annotations

import errno
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from clustr.errors import ClustrError, CutError, UnreachableError
from clustr.remote.hop import End
from clustr.remote.proxy_command import ProxyCommand
from clustr.remote.session import Channel

if TYPE_CHECKING:
    import fabric
    import paramiko

KEEPALIVE = 15  # seconds; keeps the entry in a NAT table that would forget a silent connection
OPENING = 30.0  # seconds for one more channel: a busy machine forks slowly
FREED = 2.0  # seconds; sshd counts a session until a moment after its script has ended
_NO_WAY_YET = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ECONNRESET)


@dataclass(frozen=True)
class Line:
    """`connection` is fabric's, open or about to be; `proxy` the program that carries it, where there is one."""

    connection: fabric.Connection
    end: End
    proxy: ProxyCommand | None = None

    @property
    def transport(self) -> paramiko.Transport:
        return cast("paramiko.Transport", self.connection.transport)

    def open(self, command: str, *, terminal: bool = False) -> Channel:
        """A channel on which `command` has begun. What sshd refuses has not, and is tried again for a moment.

        Raises CutError where the line is cut meanwhile, UnreachableError where sshd goes on refusing.
        """
        import paramiko

        deadline = time.monotonic() + FREED
        while True:
            began = time.monotonic()
            channel: paramiko.Channel | None = None
            try:
                channel = self.transport.open_session(timeout=OPENING)
                if terminal:
                    channel.get_pty()
                channel.exec_command(command)
                return channel
            except (paramiko.SSHException, EOFError, OSError) as error:
                _close(channel)
                if not self.transport.is_active():
                    remedy = f"try: {self.end.by_hand()}"
                    raise CutError("the connection was cut", remedy, detail=str(error)) from error
                if time.monotonic() - began >= OPENING:
                    problem = f"sshd opens no session within {OPENING:g} s"
                    raise CutError(problem, "see what the node is busy with", detail=str(error)) from error
                if time.monotonic() > deadline:
                    raise self._refused(error, opened=channel is not None) from error
            time.sleep(0.05)

    def _refused(self, error: Exception, *, opened: bool) -> UnreachableError:
        if opened:
            remedy = f"try: {self.end.by_hand()} true"
            return UnreachableError("sshd opens a session and runs no command in it", remedy, detail=str(error))
        remedy = "raise MaxSessions in its /etc/ssh/sshd_config"
        return UnreachableError("sshd opens no more sessions", remedy, detail=str(error))

    def alive(self) -> bool:
        """Whether the other end answers: a channel that it refuses in time is an answer too."""
        import paramiko

        began = time.monotonic()
        try:
            self.transport.open_session(timeout=self.end.hop.timeout).close()
        except (paramiko.SSHException, EOFError, OSError):
            return self.transport.is_active() and time.monotonic() - began < self.end.hop.timeout
        return True

    def close(self) -> None:
        self.connection.client.close()
        if self.proxy:
            self.proxy.close()


@dataclass(frozen=True)
class Carried:
    """A channel of one connection as the socket of another.

    Its `close` says nothing where the first is gone: paramiko's thread would die of that, with a traceback on the
    screen, before it has woken those who wait for it (Transport.run).
    """

    channel: paramiko.Channel

    @property
    def _closed(self) -> bool:
        """As a socket has it, and Transport.stop_thread asks for it."""
        return bool(self.channel.closed)

    def send(self, data: bytes) -> int:
        return self.channel.send(data)

    def recv(self, size: int) -> bytes:
        return self.channel.recv(size)

    def settimeout(self, seconds: float) -> None:
        self.channel.settimeout(seconds)

    def close(self) -> None:
        _close(self.channel)


def _close(channel: paramiko.Channel | None) -> None:
    import paramiko

    with suppress(paramiko.SSHException, EOFError, OSError):
        if channel:
            channel.close()


def dialled(end: End) -> socket.socket:
    """A TCP connection to it."""
    try:
        made = socket.create_connection((end.host, end.port), timeout=end.hop.timeout)
    except socket.gaierror as error:
        raise end.unknown_name(str(error)) from error
    except ConnectionRefusedError as error:
        raise end.refused() from error
    except TimeoutError as error:
        raise end.silent() from error
    except OSError as error:
        raise (end.no_way_yet if error.errno in _NO_WAY_YET else end.no_way)(str(error)) from error
    # Else each exec waits 40 ms for the delayed acknowledgement of the last one's end.
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def opened(line: Line) -> Line:
    """Greets, compares the host key and logs in."""
    import paramiko

    try:
        line.connection.open()
        line.transport.set_keepalive(KEEPALIVE)
        return line
    except ClustrError:
        line.close()
        raise
    except (paramiko.SSHException, EOFError, OSError) as error:
        line.close()
        raise _not_opened(line.end, error) from error


def _not_opened(end: End, error: Exception) -> UnreachableError:
    # paramiko puts an error of its own in front of what happened to the stream while the other end should have spoken.
    cause = error.__context__ if isinstance(error.__context__, EOFError | OSError) else error
    if isinstance(cause, TimeoutError):
        return end.mute()
    if isinstance(cause, EOFError | OSError):
        return end.dropped(str(cause))
    return end.no_ssh(str(error))

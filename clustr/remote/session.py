"""A command that has begun on a channel: what goes in, what comes out, how long it may take. Knows nothing of SSH."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from clustr.errors import CutError, UnreachableError
from clustr.templates import text

STARTED = b"\nclustr:started\n"
READY = b"\nclustr:ready\n"
END = b"\n#clustr:end"  # of a script, which is not run without it
LINE_LIMIT = 16_384  # bytes of a line that are shown; the result keeps all of it
KEPT = 8 << 20  # bytes of one stream; the largest honest answer (probes of many files) is a tenth of it
CHUNK = 65_536
TICK = 1.0  # seconds between looks at stderr and the clock while stdout is silent
SILENCE = 30.0  # seconds without output before the line itself is tried


class Channel(Protocol):
    """What is used of paramiko.Channel."""

    def settimeout(self, timeout: float | None) -> None: ...
    def sendall(self, s: bytes) -> None: ...
    def shutdown_write(self) -> None: ...
    def recv(self, nbytes: int) -> bytes: ...
    def recv_stderr(self, nbytes: int) -> bytes: ...
    def recv_stderr_ready(self) -> bool: ...
    def exit_status_ready(self) -> bool: ...
    def recv_exit_status(self) -> int: ...
    def close(self) -> None: ...


def command(name: str) -> str:
    """A file of templates/remote as one command line that every login shell takes as it is (sh, fish, csh, zsh)."""
    return f"sh -c '{_one_line('bash.sh')}' '{_one_line(name)}'"


@cache
def _one_line(name: str) -> str:
    lines = (line.strip() for line in text(f"remote/{name}").splitlines())
    return " ".join(line for line in lines if line and not line.startswith("#"))


@dataclass
class Lines:
    """Cuts a stream into lines as it comes, at a cost that does not grow with a line's length."""

    emit: Callable[[str], None]
    _held: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> None:
        *whole, rest = data.split(b"\n")
        for piece in whole:
            self._hold(piece)
            self.flush(always=True)
        self._hold(rest)

    def flush(self, *, always: bool = False) -> None:
        if self._held or always:
            self.emit(self._held.decode(errors="replace").rstrip("\r"))
            self._held.clear()

    def _hold(self, piece: bytes) -> None:
        self._held += piece[: LINE_LIMIT - len(self._held)]


class TooMuch(Exception):
    """More than KEPT bytes came on a stream that is read as a whole."""


@dataclass
class Stream:
    """Output from the mark on: what login shells and sudo print before it is noise, kept apart in `noise`.

    An answer is kept whole or not at all; of what is shown as it comes, and of errors, the end is kept.
    """

    on_line: Callable[[str], None] | None = None
    whole: bool = False
    noise: bytes = b""
    started: bool = False
    _parts: deque[bytes] = field(default_factory=deque)
    _size: int = 0
    _lines: Lines | None = None

    def feed(self, data: bytes) -> None:
        if not self.started:
            before, mark, data = (self.noise + data).partition(STARTED)
            self.noise = before[-CHUNK:]  # a login shell that never stops talking fills no memory
            if not mark:
                return
            self.started = True
            self._lines = Lines(self.on_line) if self.on_line else None
        self._keep(data)
        if self._lines:
            self._lines.feed(data)

    def _keep(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        if self._size > KEPT and self.whole:
            raise TooMuch
        while self._size - len(self._parts[0]) > KEPT:
            self._size -= len(self._parts.popleft())

    def end(self) -> None:
        if self._lines:
            self._lines.flush()

    @property
    def data(self) -> bytes:
        return b"".join(self._parts)


@dataclass(frozen=True)
class Outcome:
    """How a command ended; `started` tells whether the script itself ran, or something before it failed."""

    status: int
    stdout: bytes
    stderr: bytes
    started: bool
    noise: str  # what the login shell or sudo said before
    expired: bool
    seconds: float


@dataclass
class Session:
    """One exec. `alive` asks whether the line still stands; it is asked only after a long silence."""

    channel: Channel
    alive: Callable[[], bool]
    limit: float | None = None  # seconds
    on_line: Callable[[str], None] | None = None
    _out: Stream = field(default_factory=Stream)
    _err: Stream = field(default_factory=Stream)
    _silent: bool = False  # for a tick after the command's end

    def run(self, stdin: Iterable[bytes], *, wait_for_ready: bool = False) -> Outcome:
        """Raises CutError where the line is cut before the command has ended, UnreachableError where its answer is
        without an end."""
        self._out = Stream(self.on_line, whole=self.on_line is None)
        began = self._heard = time.monotonic()
        try:
            self.channel.settimeout(TICK)
            if wait_for_ready:
                self._wait_for_ready(began + 30)
            self._send(stdin)
            expired = not self._read(began + self.limit if self.limit else None)
            status = -1 if expired else self._status()
        except (OSError, EOFError) as error:
            raise CutError("the connection was cut", "run the same again", detail=str(error)) from error
        except TooMuch:
            problem = f"its answer was given up after {KEPT >> 20} MB"
            raise UnreachableError(problem, "see what prints so much there") from None
        finally:
            self.channel.close()
        self._out.end()
        return self._outcome(status, expired, time.monotonic() - began)

    def _outcome(self, status: int, expired: bool, seconds: float) -> Outcome:
        noise = (self._out.noise + b"\n" + self._err.noise).decode(errors="replace").strip()
        return Outcome(status, self._out.data, self._err.data, self._out.started, noise, expired, seconds)

    def _send(self, stdin: Iterable[bytes]) -> None:
        self.channel.settimeout(SILENCE)
        try:
            for data in stdin:
                for start in range(0, len(data), CHUNK):
                    self.channel.sendall(data[start : start + CHUNK])
            self.channel.shutdown_write()
        except TimeoutError:
            raise
        except (OSError, EOFError):
            pass  # the command ended before it had read all; its status and words say why
        self.channel.settimeout(TICK)

    def _wait_for_ready(self, deadline: float) -> None:
        seen = b""
        while READY not in seen:
            try:
                data = self.channel.recv(CHUNK)
            except TimeoutError:
                data = None
            if data == b"" or time.monotonic() > deadline:
                raise EOFError("no terminal was given")
            seen = (seen + (data or b""))[-CHUNK:]

    def _read(self, deadline: float | None) -> bool:
        """Reads until stdout, then stderr, ends; False where the deadline came first."""
        for receive, stream in ((self.channel.recv, self._out), (self.channel.recv_stderr, self._err)):
            data: bytes | None = None
            while data != b"":
                if deadline and time.monotonic() > deadline:
                    return False
                try:
                    data = receive(CHUNK)
                except TimeoutError:
                    data = None
                if data:
                    self._take(stream, data)
                while self.channel.recv_stderr_ready():
                    self._take(self._err, self.channel.recv_stderr(CHUNK))
                if data is None and not self._still_there():
                    return True
        return self._ended(deadline)

    def _take(self, stream: Stream, data: bytes) -> None:
        self._heard, self._silent = time.monotonic(), False
        stream.feed(data)

    def _ended(self, deadline: float | None) -> bool:
        """Waits for a command that closed its streams and went on."""
        pause = 0.001
        while not self.channel.exit_status_ready():
            if deadline and time.monotonic() > deadline:
                return False
            self._still_there()
            time.sleep(pause)
            pause = min(2 * pause, TICK)
        return True

    def _still_there(self) -> bool:
        """Whether there is more to wait for. Something left in the background may hold the streams open for ever."""
        if self.channel.exit_status_ready():
            # Its last output may come after its end: only what stays silent from then on is held open by another.
            silent, self._silent = self._silent, True
            return not silent
        if time.monotonic() - self._heard > SILENCE:
            if not self.alive():
                raise EOFError(f"no sign of life for {SILENCE:.0f} s")
            self._heard = time.monotonic()
        return True

    def _status(self) -> int:
        status = self.channel.recv_exit_status()
        if status == -1:
            raise EOFError("it closed before the script had ended")
        return status

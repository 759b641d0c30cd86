"""A line with a delay: what a network between two machines adds to what loopback alone would show."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any


class DelayedLoop(asyncio.SelectorEventLoop):
    """Every connection that its servers take lies behind a line of this round trip, in seconds.

    Half of it passes in each direction, and one whole round trip before the first byte: TCP's handshake.
    """

    def __init__(self, round_trip: float) -> None:
        super().__init__()
        self._round_trip = round_trip

    async def create_server(self, protocol_factory: Callable[[], Any], *args: Any, **options: Any) -> asyncio.Server:
        return await super().create_server(
            lambda: _FarEnd(self, self._round_trip, protocol_factory()), *args, **options
        )


class _Pipe:
    """Calls made later, in the order in which they were asked for."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._loop = loop
        self._seconds = seconds
        self._held: deque[tuple[Callable[..., object], tuple[object, ...]]] = deque()

    def send(self, call: Callable[..., object], *args: object) -> None:
        self._held.append((call, args))
        self._loop.call_later(self._seconds, self._next)

    def _next(self) -> None:
        call, args = self._held.popleft()
        call(*args)


class _FarEnd(asyncio.Protocol):
    """Hears what arrives, and hands it to the server's own protocol later."""

    def __init__(self, loop: asyncio.AbstractEventLoop, round_trip: float, inner: Any) -> None:
        self._loop = loop
        self._round_trip = round_trip
        self._inner = inner
        self._in = _Pipe(loop, round_trip / 2)
        self._begun = False
        self._early: list[tuple[Callable[..., object], tuple[object, ...]]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        out = _Pipe(self._loop, self._round_trip / 2)
        self._loop.call_later(self._round_trip, self._begin, _DelayedTransport(transport, out))

    def _begin(self, transport: asyncio.BaseTransport) -> None:
        self._inner.connection_made(transport)
        self._begun = True
        for call, args in self._early:
            self._in.send(call, *args)
        self._early.clear()

    def _later(self, call: Callable[..., object], *args: object) -> None:
        if self._begun:
            self._in.send(call, *args)
        else:
            self._early.append((call, args))

    def data_received(self, data: bytes) -> None:
        self._later(self._inner.data_received, data)

    def eof_received(self) -> bool:
        self._later(self._inner.eof_received)
        return True  # the server's own protocol decides when to close

    def connection_lost(self, error: Exception | None) -> None:
        self._later(self._inner.connection_lost, error)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()


class _DelayedTransport(asyncio.Transport):
    """What the server writes leaves later; all else is the real transport's."""

    def __init__(self, real: Any, out: _Pipe) -> None:
        super().__init__()
        self._real = real
        self._out = out
        self._closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._out.send(self._real.write, bytes(data))

    def write_eof(self) -> None:
        self._out.send(self._real.write_eof)

    def close(self) -> None:
        self._closing = True
        self._out.send(self._real.close)

    def abort(self) -> None:
        self._closing = True
        self._real.abort()

    def is_closing(self) -> bool:
        return self._closing or bool(self._real.is_closing())

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._real.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._real.pause_reading()

    def resume_reading(self) -> None:
        self._real.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._real.set_write_buffer_limits(high, low)

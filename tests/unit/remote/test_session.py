"""One exec: what a command prints last is read, whenever its end is told."""

from __future__ import annotations

from clustr.remote.session import STARTED, Session
from tests.fakes import EndedChannel


class EndsEarly(EndedChannel):
    """A channel that tells the command's end after a silent tick, before its last output; sshd may do so."""

    def __init__(self, *pieces: bytes | None) -> None:
        self.pieces = list(pieces)  # None: nothing came for a tick; the last is given for ever

    def recv(self, nbytes: int) -> bytes:
        piece = self.pieces.pop(0) if len(self.pieces) > 1 else self.pieces[0]
        if piece is None:
            raise TimeoutError
        return piece


def read(*pieces: bytes | None) -> bytes:
    return Session(EndsEarly(*pieces), alive=lambda: True).run([]).stdout


def test_output_that_comes_after_the_commands_end_is_read() -> None:
    assert read(STARTED, None, b"one\n", None, b"two\n", b"") == b"one\ntwo\n"


def test_streams_that_something_left_behind_holds_open_are_let_go() -> None:
    assert read(STARTED, b"one\n", None) == b"one\n"

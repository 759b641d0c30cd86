"""Secrets, and what would act on a terminal, taken out of events, once, where they are emitted."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from dataclasses import fields, replace
from shlex import quote as shell_quote
from urllib.parse import quote, quote_plus

from clustr.engine.events import Emit, Event
from clustr.inventory.secrets import MASK, Secret
from clustr.views.control import clean

SHORTEST_LINE = 8  # of a secret of several lines, a line that is masked by itself: output comes line by line


def masked(emit: Emit, mask: Mask) -> Emit:
    """The same emit, each secret that the mask knows by then replaced by *** in every text of every event."""
    return lambda event: emit(mask.event(event))


class Mask:
    """Knows its secrets as they are, in base64 at any alignment, URL-encoded, shell-quoted and in JSON."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        self._forms: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None
        self.learn(secrets)

    def learn(self, secrets: Iterable[Secret]) -> None:
        """Masks these too from now on: a token is known only once a server has told it."""
        self._forms |= {form for secret in secrets for form in _forms(secret.reveal())}
        longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """Cleaned first: a secret is one too where control characters stand between its letters."""
        text = clean(text)
        return self._pattern.sub(MASK, text) if self._pattern else text

    def event(self, event: Event) -> Event:
        found = {field.name: self._value(getattr(event, field.name)) for field in fields(event)}
        return replace(event, **found)

    def _value(self, value: object) -> object:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, tuple):
            return tuple(self._value(each) for each in value)
        return value


def _forms(secret: str) -> set[str]:
    texts = {secret, secret.strip(), *(line for line in secret.splitlines() if len(line) >= SHORTEST_LINE)}
    return {form for text in texts if text for form in _spellings(text)}


def _spellings(text: str) -> set[str]:
    encoded = {quote(text, safe=""), quote(text), quote_plus(text)}
    lower = {re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), each) for each in encoded}
    quoted = {shell_quote(text), shell_quote(text).strip("'"), json.dumps(text)[1:-1]}
    return {text} | encoded | lower | {each for each in quoted if each} | _base64(text.encode())


def _base64(data: bytes) -> set[str]:
    """What base64 makes of these bytes wherever they stand in a longer text: at each of the three alignments the
    characters that depend on them alone (RFC 4648, section 4: 3 bytes are 4 characters)."""
    found = {base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()}
    for shift in range(3):
        first, last = -(-shift * 8 // 6), (shift + len(data)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            inner = encode(bytes(shift) + data + bytes(2))[first:last].decode()
            if len(inner) >= SHORTEST_LINE - 2:
                found.add(inner)
    return found

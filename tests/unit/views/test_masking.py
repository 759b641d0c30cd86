"""No event that leaves the engine holds a secret, however it was written."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import fields
from shlex import quote as shell_quote
from urllib.parse import quote, quote_plus

import pytest

from clustr.engine.events import Event, NodeFailed, Output, StageStarted
from clustr.inventory.secrets import Secret
from clustr.views.masking import Mask, masked

PASSWORD = "p4ss w'rd/+&\"é$(x)"
TOKEN = "K10abcdef0123456789::server:5a5a5a5a5a5a5a5a"
KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nBAQEFAASCBKcwggSjAgEAAo\n-----END KEY-----\n"
SECRETS = [Secret(PASSWORD), Secret(TOKEN), Secret(KEY)]


def spellings(secret: str) -> list[str]:
    data = secret.encode()
    aligned = [base64.b64encode(before + data + b" and more").decode() for before in (b"", b"a", b"ab")]
    urls = [quote(secret), quote(secret, safe=""), quote_plus(secret), _lower(quote(secret, safe=""))]
    return [secret, base64.b64encode(data).decode(), *aligned, *urls, shell_quote(secret), json.dumps(secret)[1:-1]]


def _lower(encoded: str) -> str:
    """%2F as %2f: RFC 3986 allows both."""
    return re.sub("%..", lambda found: found[0].lower(), encoded)


def leaks(secret: str, text: str) -> list[str]:
    """The spellings of a secret in a text; of base64 the characters that depend on the secret alone."""
    data = secret.encode()
    inner = []
    for shift in range(3):
        first, last = -(-shift * 8 // 6), (shift + len(data)) * 8 // 6
        inner.append(base64.b64encode(bytes(shift) + data + bytes(2)).decode()[first:last])
    known = [secret, quote(secret), quote(secret, safe=""), quote_plus(secret), shell_quote(secret), *inner]
    return [each for each in known if each in text]


@pytest.mark.parametrize("secret", [PASSWORD, TOKEN, KEY.strip()])
def test_each_spelling_is_masked(secret: str) -> None:
    mask = Mask(SECRETS)
    for spelling in spellings(secret):
        before = f"before {spelling} after"
        after = mask.text(before)
        assert leaks(secret, after) == []
        assert "***" in after
        assert after.startswith("before ")
        assert after.endswith(" after")


def test_the_search_of_these_tests_finds_what_it_looks_for() -> None:
    for secret in (PASSWORD, TOKEN):
        assert all(leaks(secret, spelling) for spelling in spellings(secret)[:7])


def test_every_text_field_of_every_event_is_masked() -> None:
    """Events are made by their fields' types, so that a new one is held to it as well."""
    kinds = [kind for kind in Event.__subclasses__() if kind.__module__ == "clustr.engine.events"]
    assert len(kinds) > 10
    seen: list[Event] = []
    emit = masked(seen.append, Mask(SECRETS))
    values = {"str": TOKEN, "int": 1, "float": 1.0, "tuple[str, ...]": ("a", f"x{TOKEN}x")}
    for kind in kinds:
        emit(kind(**{field.name: values[str(field.type)] for field in fields(kind)}))
    assert [type(event) for event in seen] == kinds
    assert [event for event in seen if TOKEN in repr(event)] == []


def test_a_key_of_several_lines_is_masked_line_by_line() -> None:
    mask = Mask(SECRETS)
    assert [mask.text(line) for line in KEY.splitlines()] == ["***"] * 4


def test_without_secrets_and_with_empty_ones_nothing_is_touched() -> None:
    event = Output("cp1", "an ordinary line")
    assert Mask([]).event(event) == event
    assert Mask([Secret("")]).event(event) == event


def test_what_is_no_secret_stays() -> None:
    event = NodeFailed("Agents", "cp1", "k3s", "a goal", 41, "problem", f"say {TOKEN}", "", "/a/log")
    found = Mask(SECRETS).event(event)
    assert found == NodeFailed("Agents", "cp1", "k3s", "a goal", 41, "problem", "say ***", "", "/a/log")
    assert Mask(SECRETS).event(StageStarted("Agents", ("a", "b"))) == StageStarted("Agents", ("a", "b"))

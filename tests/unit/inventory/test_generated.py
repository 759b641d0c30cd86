"""Two hundred inventories that nobody would write, and some that somebody did: each ends with 0 or with its mistakes.

Never a traceback, never a hang, never gigabytes: the command line itself, in this process, under a limit of memory.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clustr.cli import main

ROOM = 512 << 20  # bytes beyond what is taken already
SECONDS = 20  # for one of them, on a machine that is busy otherwise
MADE = settings(
    max_examples=60,
    deadline=SECONDS * 1000,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
_FIELDS = """cluster ssh sudo network k3s addons runtime monitoring artifacts time rollout system classes defaults nodes
    name address internal_address roles class interface labels taints user port key password passphrase bastion host
    host_keys known_hosts connect_timeout connect_within env file version server_config registries mirror ca proxy
    sysctls packages cluster_cidr service_cidr vip at_once max_failures drain_seconds servers gpus model x-shared <<
    [key]"""
_WORDS = """server agent monitor sever gpu01 10.0.0.1 10.0.0.[1-3] gpu[01-03] n[1-999999999] [1-3] n[3-1] n[1-3,5 [[1]]
    n[1-9999][1-9999] a.b:22 root@jump:99999 ~nobody-there/key ~/key ../x /dev/null /proc/self/mem true yes 1.30 22:22
    0x10 -1 1e999 10.42.0.0/8 10.0.0.0/33 key=value:NoSchedule a:b:c v1.36.5+k3s1 10% 101% @daily 30d none docker
    https://u:p@h/ http://[::1]:3128 * ! | > ٣٣ ² ﷽ \u202ecod \x00 \x1b[2J null ~ <<"""
FIELDS, WORDS = _FIELDS.split(), _WORDS.split()
HUGE = ["9" * 5000, "a" * 70_000, "a." * 2000, "[1-9]" * 500, "n[" + "1-9999," * 2000 + "1]", "k" * 300 + "/" * 300]

words = st.one_of(
    st.sampled_from([*WORDS, *FIELDS]),
    st.text(max_size=30),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(HUGE),
)
values = st.recursive(
    words | st.none() | st.booleans() | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS) | words, inner, max_size=4),
    max_leaves=12,
)
nodes = st.lists(
    st.fixed_dictionaries(
        {"name": words, "address": words},
        optional={"roles": values, "internal_address": words, "ssh": values, "sudo": values, "labels": values},
    ),
    max_size=5,
)
documents = st.dictionaries(st.sampled_from(FIELDS[:15]), values, max_size=5).flatmap(
    lambda rest: st.one_of(nodes, values).map(lambda found: rest | {"nodes": found})
)
# Pieces of YAML in any order: what a person leaves behind who edits by hand, or a template that went wrong.
_PIECES = "nodes:|ssh: {|}|[|]|- |, |: |? |&a |*a |<<: |!!binary |!x |# |> |--- |... |%YAML |name: a|x-a: &a {name: b}"
_CHARACTERS = "\"'\\\t\n|\u2028\x85\ufeff\ufffe\x00\x07\x7f\xe9"
pieces = st.sampled_from([*_PIECES.split("|"), *_CHARACTERS, "\n  ", "\n    ", "\n- "])
texts = st.lists(pieces | st.text(max_size=8) | st.sampled_from(FIELDS), max_size=40).map("".join)


EXAMPLE: Any = yaml.load(
    (Path(__file__).parents[3] / "inventories" / "example.yaml").read_text(), Loader=yaml.BaseLoader
)


def places(document: Any, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The way to every value in a document, mappings and lists too."""
    pairs = document.items() if isinstance(document, dict) else enumerate(document)
    for step, inner in pairs:
        yield (*above, step)
        if isinstance(inner, dict | list):
            yield from places(inner, (*above, step))


def written(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")  # which is YAML too


@pytest.fixture(autouse=True)
def bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A home of its own, and so much memory that a bomb is a MemoryError here and not the machine's end."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def validate(content: bytes, *words: str) -> tuple[int, str]:
    """`clustr validate`, as the console script runs it."""
    path = Path("made.yaml")
    path.write_bytes(content)
    said, arguments = io.StringIO(), sys.argv
    sys.argv = ["clustr", "validate", str(path), *words]
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            return main._run(), said.getvalue()
    finally:
        sys.argv = arguments


def ends_well(content: bytes) -> None:
    code, said = validate(content)
    assert code in (0, 3), said
    assert "no words for" not in said
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", said), "it would steer a terminal"
    if code == 3:
        assert re.search(r"made\.yaml(:\d+:\d+ | .*\(line \d+\))", said), said
        assert max(map(len, said.splitlines())) < 2000


@MADE
@given(documents)
def test_documents_that_are_almost_right(document: object) -> None:
    ends_well(written(document))


@MADE
@given(st.sampled_from(list(places(EXAMPLE))), values)
def test_the_example_with_one_part_spoiled(place: tuple[str | int, ...], value: object) -> None:
    document = json.loads(json.dumps(EXAMPLE))
    *way, last = place
    holder = document
    for step in way:
        holder = holder[step]
    holder[last] = value
    ends_well(written(document))


@MADE
@given(texts | st.binary(max_size=60).map(lambda data: data.decode("latin-1")), st.sampled_from(["utf-8", "utf-16"]))
def test_texts_that_are_almost_yaml(text: str, encoding: str) -> None:
    ends_well(text.encode(encoding, "surrogatepass"))


@settings(MADE, max_examples=20)
@given(st.binary(max_size=200))
def test_bytes(data: bytes) -> None:
    ends_well(data)


def laughs(opening: str, closing: str, item: str) -> str:
    """Each level holds the one before nine times: a billion leaves, were they ever written out."""
    levels = "".join(
        f"x-{level + 1}: &l{level + 1} {opening}{', '.join(item.format(n=n, level=level) for n in range(9))}{closing}\n"
        for level in range(10)
    )
    return f"x-0: &l0 {opening}{closing}\n{levels}"


BOMBS = {
    "aliases": laughs("[", "]", "*l{level}") + "nodes: *l10\n",
    "mappings": laughs("{", "}", "name{n}: *l{level}") + "nodes: [*l10]\nssh: *l10\nk3s: {server_config: *l10}\n",
    "merges": laughs("{", "}", "<<: *l{level}") + "nodes: [*l10]\n",
    "nested lists": "nodes: " + "[" * 100_000,
    "nested mappings": "nodes: " + "{a: " * 100_000,
    "nested dashes": "nodes:\n  " + "- " * 50_000 + "a\n",
    "nested lines": "".join(f"{' ' * depth}a:\n" for depth in range(2000)),
    "a mapping that holds itself": "<<: &a {<<: *a, nodes: *a}\nnodes: &b [*b]\n",
    "ranges": "nodes: [{name: 'n[1-999999999]', address: '10.0.0.[1-999999999]'}]\n",
    "many ranges": "nodes:\n" + "".join(f"- {{name: 'n{n}-[1-9999]', address: 'h{n}-[1-9999]'}}\n" for n in range(999)),
    "brackets": f"nodes: [{{name: 'n{'[1-9999]' * 5000}', address: a}}]\n",
    "spans": f"nodes: [{{name: 'n[{','.join(['1-9999'] * 20_000)}]', address: a}}]\n",
    "a long name": f"nodes: [{{name: {'a' * 5_000_000}, address: 10.0.0.1}}]\n",
    "a long number": f"ssh: {{port: {'9' * 1_000_000}}}\nnodes: [{{name: a, address: 10.0.0.1}}]\n",
    "many keys": "".join(f"key{n}: {n}\n" for n in range(3000)),
    "one key, often": "cluster: a\n" * 3000,
    "a huge file": "# " + "x" * 20_000_000 + "\n",
}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.timeout(60)
def test_bombs(bomb: str) -> None:
    code, said = validate(BOMBS[bomb].encode())
    assert code == 3, said[:1000]
    assert "no words for" not in said
    assert "made.yaml" in said


def test_paths_that_cannot_be() -> None:
    for path in ("~nobody-there/key", "k" * 5000, "a/" * 3000):
        code, said = validate(
            f"ssh: {{key: {path}, known_hosts: {path}}}\nnodes: [{{name: a, address: 10.0.0.1}}]\n".encode()
        )
        assert code == 0, said
        assert "made.yaml:1:12  ssh.key" in said
    code, said = validate(b"sudo: {password: {file: /dev/zero}}\nnodes: [{name: a, address: 10.0.0.1}]\n")
    assert code == 0, said
    assert "more than 65536 bytes" in said


def test_the_place_of_a_character_that_is_none() -> None:
    code, said = validate(b"cluster: a\nssh: {user: r\x00ot}\n")
    assert code == 3
    assert "made.yaml:2:14  " in said
    assert "U+0000 is no character of YAML: take it out" in said

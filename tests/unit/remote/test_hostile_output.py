"""What a node says may be anything: endless, broken, a lie. It becomes an error of its kind, or is left out."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clustr import kubeconfig
from clustr.checks.questions import read_answers as read_checks
from clustr.engine.apply import Follower
from clustr.engine.events import Event, NodeStatus, Output
from clustr.engine.preflight import preflight
from clustr.engine.script import Status, read_answers, read_verdict
from clustr.errors import ApplyError, ClustrError, UnreachableError
from clustr.inventory.gpu import NodeClass, Rdma
from clustr.inventory.model import Cluster, Node, Role
from clustr.inventory.secrets import Secret
from clustr.remote.connection import Result
from clustr.remote.facts import Seen
from clustr.remote.facts_reader import read_facts
from clustr.remote.kubectl import cordon_marked, drain, node_ready
from clustr.remote.lock import Lock, free_lock, read_lock, this_run
from clustr.remote.session import CHUNK, KEPT, STARTED, Session
from clustr.views.control import clean
from clustr.views.documents import as_json
from clustr.views.journal import Journal
from clustr.views.masking import Mask, masked
from tests.fakes import EndedChannel, FakeConnection

NODE = Node(
    name="n1",
    address="10.0.0.1",
    internal_address="10.0.0.1",
    roles=frozenset({Role.SERVER}),
    class_name="h100",
    expects=NodeClass(gpus=8, model="H100-SXM", ib_ports=8),
    rdma=Rdma(),
)
CLUSTER = Cluster(name="lab", nodes=(NODE,), source=Path("inventory.yaml"))
NONCE = "0123456789abcdef"
MADE = settings(
    max_examples=100, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
Answer = TypeVar("Answer")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
RECORDED = [
    (Path(__file__).parent / "facts" / name).read_text().splitlines() for name in ("debian-12.txt", "gpu-h100.txt")
]

numbers = st.sampled_from(["-1", "99999999999999999999", "9" * 5000, "1e999", "nan", "inf", "²", "٣", "", " ", "0x10"])
junk = (
    st.text(max_size=40)
    | numbers
    | st.binary(max_size=40).map(lambda data: data.decode(errors="replace"))
    | st.sampled_from(
        ["\x1b[2J\x1b]0;owned\x07", "\x9b31m", "\u202egpj.exe", "=", "a=b=c", "A" * 100_000, "\0\0", "===="]
    )
)


@st.composite
def lies_about_facts(draw: st.DrawFn) -> str:
    """A recorded answer in which some values are others, some lines gone, and some there twice."""
    lines = list(draw(st.sampled_from(RECORDED)))
    for place in draw(st.lists(st.integers(0, len(lines) - 1), min_size=1, max_size=5)):
        key = lines[place].partition("=")[0]
        lines[place] = draw(st.sampled_from(["", lines[place] * 2]) | junk.map(f"{key}={{}}".format))
    return "\n".join(lines) + "\n"


def told(ask: Callable[[], Answer], error: type[ClustrError]) -> Answer | None:
    """The answer; None where it is refused in words, by an error of this kind and no other."""
    try:
        return ask()
    except error as refused:
        return None if refused.problem and refused.remedy else pytest.fail("an error without words")


@MADE
@given(lies_about_facts() | junk)
def test_facts(said: str) -> None:
    facts = told(lambda: read_facts(FakeConnection({"": said}), NODE), UnreachableError)
    for finding in preflight(CLUSTER, Seen({"n1": facts})) if facts else ():
        assert finding.problem
        assert finding.remedy


marks = st.sampled_from(
    [
        *(
            f"\n::{NONCE} {word}\n"
            for word in ("answer 0", "answer 1", "answer 7", f"answer {'9' * 5000}", "answer -1", "end")
        ),
        *(f"\n::{NONCE} status {word}\n" for word in ("0 0", "1 0", "0 1", "7 0", "0 ²", f"0 {'9' * 5000}", "x")),
        f"::{NONCE} answer 0",
        "\n::another answer 0\n",
    ]
)


@MADE
@given(st.lists(marks | junk, max_size=20).map("".join))
def test_probes(said: str) -> None:
    answers = read_answers(said, NONCE, 2)
    assert len(answers) == 2
    read_checks(said, NONCE)


def test_probes_of_whoever_answers_as_others_do() -> None:
    one, other = (f"\n::{NONCE} answer {n}\nyes\n::{NONCE} status {n} 0\n" for n in (0, 9))
    said = f"{one}{other}\n::{NONCE} end\n"
    first, second = read_answers(said, NONCE, 2)
    assert (first.text, first.error) == ("yes", "")
    assert second.error == "the probe script ended before this probe"


@pytest.mark.parametrize(
    "piece", [f"\n::{NONCE} answer 0\n", f"\n::{NONCE} status 0 0\n", f"::{NONCE} 1 0\nAA\n", "\n"]
)
def test_reading_takes_time_in_line_with_the_answer(piece: str) -> None:
    said = piece * (KEPT // len(piece))
    begun = time.process_time()
    read_answers(said, NONCE, 100)
    read_checks(said, NONCE)
    assert time.process_time() - begun < 5


@MADE
@given(
    st.lists(st.sampled_from(["::goal 0", "::goal 9", "::goal x", "::done", "::done ²", "::status", "::busy"]) | junk)
)
def test_apply_logs(lines: list[str]) -> None:
    events: list[Event] = []
    follower = Follower("stage", "n1", (), events.append)
    for line in lines:
        follower.line(line)
    assert all(isinstance(event, Output | NodeStatus) for event in events)


@MADE
@given(
    st.lists(
        junk | st.sampled_from(["status done", "status", "run x", "done 1", "done ²", "failed --5 9 x", "failed 1"])
    )
)
def test_verdicts(lines: list[str]) -> None:
    assert read_verdict(lines).status in Status


ASKED: dict[str, Callable[[FakeConnection], object]] = {
    "take": lambda node: Lock("lab", this_run("r1", "bootstrap"), ("n1",), {"n1": node}).take(),
    "read": lambda node: read_lock({"n1": node}),
    "free": lambda node: free_lock("n1", node),
    "cordon": lambda node: cordon_marked(node, "n1", "r1"),
    "drain": lambda node: drain(node, "n1", "r1", 1),
    "ready": lambda node: node_ready(node, "n1", "boot-1"),
    "kubeconfig": lambda node: kubeconfig.fetch(node, CLUSTER),
}
answers = st.lists(
    junk
    | st.sampled_from(
        ["answer=taken", "answer=held", "answer=x", "held_for=1", "held_for=x", "silent_for=", "answer=True"]
    )
).map("\n".join)


@pytest.mark.parametrize("asked", ASKED)
@MADE
@given(said=answers, status=st.sampled_from([0, 0, 1]))
def test_locks_kubectl_and_kubeconfigs(asked: str, said: str, status: int) -> None:
    told(lambda: ASKED[asked](FakeConnection({"": Result(status, said, said)})), ClustrError)


def test_a_cordon_that_is_no_answer() -> None:
    with pytest.raises(ApplyError, match="could not be cordoned"):
        cordon_marked(FakeConnection({"": "answer=certainly\n"}), "n1", "r1")


def test_a_kubeconfig_brings_no_program_to_the_laptop() -> None:
    user = {"client-certificate-data": "Yw==", "client-key-data": "aw==", "exec": {"command": "/tmp/evil"}}
    clusters = [
        {"name": "default", "cluster": {"server": "https://127.0.0.1:6443", "certificate-authority-data": "YQ=="}}
    ]
    said = json.dumps({"clusters": clusters, "users": [{"name": "default", "user": user}]})
    merged = kubeconfig.fetch(FakeConnection({"": said}), CLUSTER)
    assert "evil" not in merged
    assert "client-key-data: aw==" in merged


class Endless(EndedChannel):
    """A channel whose one stream never ends, or ends after so many bytes."""

    def __init__(self, stream: str, total: int = 1 << 40) -> None:
        self.left = {"out": 0, "err": 0} | {stream: total}
        self.started = {"out": STARTED, "err": STARTED}

    def _give(self, stream: str) -> bytes:
        if started := self.started.pop(stream, b""):
            return started
        self.left[stream] -= CHUNK
        return b"x" * CHUNK if self.left[stream] > 0 else b""

    def recv(self, nbytes: int) -> bytes:
        return self._give("out")

    def recv_stderr(self, nbytes: int) -> bytes:
        return self._give("err")


def test_an_answer_without_an_end_is_given_up() -> None:
    channel = Endless("out")
    with pytest.raises(UnreachableError, match="its answer was given up after 8 MB"):
        Session(channel, alive=lambda: True).run([])
    assert channel.closed


@pytest.mark.parametrize("stream", ["out", "err"])
def test_of_what_is_followed_only_the_end_is_kept(stream: str) -> None:
    lines: list[str] = []
    outcome = Session(Endless(stream, 5 * KEPT), alive=lambda: True, on_line=lines.append).run([])
    kept = outcome.stdout if stream == "out" else outcome.stderr
    assert KEPT <= len(kept) <= KEPT + CHUNK
    assert sum(map(len, lines)) < CHUNK, "one line of megabytes is shown as its begin"


HOSTILE = "\x1b[2J\x1b]0;title\x07\x1bPq#1\x1b\\\x9b31m\x00\x07\r\x7f\u202e\u2066 said \u2028tok\x00en123\ttab"


def test_nothing_that_steers_a_terminal_gets_into_an_event_or_a_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    seen: list[Event] = []
    with Journal("lab", "plan") as journal:
        mask = Mask([Secret("token123")])
        emit, keep = masked(journal.emit, mask), masked(seen.append, mask)
        emit(Output("n1", HOSTILE))
        emit(NodeStatus("n1", HOSTILE))
        keep(Output("n1", HOSTILE))
        log, events = journal.log("n1").read_text(), (journal.folder / "events.jsonl").read_text()
    assert seen[0] == Output("n1", " said ***\ttab")
    for text in (log, events):
        assert " said ***" in text
        assert not CONTROL.search(text)
        assert "title" not in text


@MADE
@given(st.text() | junk)
def test_what_is_cleaned_and_what_is_written_as_json(text: str) -> None:
    assert not CONTROL.search(clean(text))
    document: dict[str, Any] = {"output": text}
    written = as_json(document)
    assert json.loads(written) == document
    assert not CONTROL.search(written)

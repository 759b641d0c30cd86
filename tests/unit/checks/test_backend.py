"""testinfra over a Connection: what counts as an answer, and what is asked of whom."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from clustr.checks.backend import ClustrBackend, Host, host_of
from clustr.checks.check import CouldNotLook
from clustr.checks.learning import Learning
from clustr.checks.questions import Answer, Own, Pattern, Question, ask_script, read_answers
from clustr.inventory.model import Node, Role
from tests.fakes import LocalConnection
from tests.unit.checks.recorded import Spoken, recorded_answers, recorded_cluster, recorded_nodes

NODE = Node(name="cp1", address="198.51.100.1", internal_address="10.0.0.1", roles=frozenset({Role.SERVER}))
OTHER = Node(name="cp2", address="198.51.100.2", internal_address="10.0.0.2", roles=frozenset({Role.SERVER}))


def host(status: int, stdout: str = "", stderr: str = "") -> Host:
    return host_of(ClustrBackend(NODE, Spoken({"look": Answer(status, stdout, stderr)})))


def test_an_answer_is_testinfras_result() -> None:
    result = host(3, "out\n", "err\n").run("look")
    assert (result.rc, result.stdout, result.stderr) == (3, "out\n", "err\n")
    assert host(0, "out\n").check_output("look") == "out"


@pytest.mark.parametrize(
    ("status", "stderr", "why"),
    [
        (127, "bash: line 1: look: command not found\n", "look: command not found"),
        (126, "bash: line 1: look: cannot execute\n", "look: cannot execute"),
        (124, "", "no answer within 20 s"),
        (137, "", "status 137"),
        (1, "open /etc/shadow: Permission denied\n", "open /etc/shadow: Permission denied"),
        (0, "bash: line 1: look: command not found\n", "look: command not found"),
    ],
)
def test_what_could_not_look_is_no_answer(status: int, stderr: str, why: str) -> None:
    with pytest.raises(CouldNotLook) as error:
        host(status, "partial", stderr).run("look")
    assert str(error.value) == f"{why}\nasked: look"


@pytest.mark.parametrize(
    ("status", "refused"), [(1, False), (7, False), (124, True), (126, True), (127, True), (139, True)]
)
def test_even_what_may_fail_must_have_run(status: int, refused: bool) -> None:
    asked = host(status, stderr="Permission denied")
    if refused:
        with pytest.raises(CouldNotLook):
            asked.run("look", may_fail=True)
    else:
        assert asked.run("look", may_fail=True).rc == status


def test_an_unexpected_status_is_no_answer_without_assert() -> None:
    with pytest.raises(CouldNotLook, match="broken"):
        host(1, stderr="broken").check_output("look")
    with pytest.raises(CouldNotLook, match="broken"):
        host(4, stderr="broken").run_test("look")
    assert host(1).run_test("look").rc == 1


def test_no_answer_at_all_is_no_answer() -> None:
    with pytest.raises(CouldNotLook, match=r"no answer\nasked: other"):
        host(0).run("other")


def test_arguments_are_quoted() -> None:
    connection = Spoken({"stat -- '/a b; reboot'": Answer(0, "here", "")})
    assert host_of(ClustrBackend(NODE, connection)).check_output("stat -- %s", "/a b; reboot") == "here"


def test_the_same_command_is_asked_once() -> None:
    connection = Spoken({"look": Answer(0, "1", "")})
    asked = host_of(ClustrBackend(NODE, connection))
    assert [asked.check_output("look") for _ in range(3)] == ["1"] * 3
    assert connection.asked == [["look"]]


def test_a_pattern_puts_in_what_is_each_nodes_own() -> None:
    pattern = Pattern.of(NODE, "curl http://%s:9100/%s", ["10.0.0.1", "cp1"], 20)
    assert pattern.args == (Own.INTERNAL_ADDRESS, Own.NAME)
    assert pattern.on(OTHER) == Question("curl http://10.0.0.2:9100/cp2", 20)
    assert Pattern.of(NODE, "df -P / | grep 10%", [], 5).on(OTHER) == Question("df -P / | grep 10%", 5)


def test_an_answer_fetched_ahead_serves_the_exact_command_only() -> None:
    connection = Spoken({"look": Answer(0, "ahead", ""), "look 2": Answer(0, "later", "")})
    backend = ClustrBackend(OTHER, connection)
    backend.fetch([Question("look", 20), Question("not known", 20)])
    asked = host_of(backend)
    assert asked.check_output("look") == "ahead"
    assert asked.check_output("look 2") == "later"
    with pytest.raises(CouldNotLook):
        asked.check_output("not known")
    assert connection.asked == [["look", "not known"], ["look 2"], ["not known"]]


def test_the_first_of_a_kind_teaches_and_the_others_wait() -> None:
    learning = Learning()
    lesson, first = learning.lesson(("a.b",))
    again, second = learning.lesson(("a.b",))
    assert (first, second, again is lesson) == (True, False, True)
    assert learning.lesson(("a.b", "c.d"))[1] is True
    got: list[object] = []
    waiting = threading.Thread(target=lambda: got.append(again.patterns()))
    waiting.start()
    assert got == []
    lesson.teach([Pattern("look", (), 20)])
    waiting.join(5)
    assert got == [(Pattern("look", (), 20),)]


def test_real_bash_runs_every_question_by_itself() -> None:
    if not shutil.which("unshare"):
        pytest.fail("unshare is missing: apt-get install util-linux")
    asked = ["echo out; echo err >&2; exit 3", "nosuchprogram --x", "printf 'a\\0\\377é'", "exit 5", "sleep 9", "cat"]
    questions = [Question(command, 1) for command in asked]
    with LocalConnection() as local:
        result = local.run(ask_script(questions, "abc"))
    answers = read_answers(result.stdout, "abc")
    assert answers[0] == Answer(3, "out\n", "err\n")
    assert answers[1].status == 127
    assert "nosuchprogram: command not found" in answers[1].stderr
    assert answers[2] == Answer(0, "a\0\ufffdé", "")
    assert [answers[number].status for number in (3, 4, 5)] == [5, 124, 0]


@pytest.mark.parametrize("carrier", ["base64", "head", "mktemp", "timeout"])
def test_an_answer_that_could_not_be_carried_is_none(carrier: str) -> None:
    with LocalConnection() as local:
        local.command(carrier, "exit 127")
        result = local.run(ask_script([Question("true", 1)], "abc"))
    answers = read_answers(result.stdout, "abc")
    assert answers in ({}, {0: Answer(127, "", "")})


def test_output_cannot_pass_for_an_answer() -> None:
    forged = "::other 0 0\nb2s=\n\n::other end\n"
    assert read_answers(f"x\n::abc 0 0\n\n\n::abc end\n{forged}", "abc") == {0: Answer(0, "", "")}
    assert read_answers("::abc 0 0\nb2s=\n", "abc") == {}


def test_pytest_is_not_needed_to_look() -> None:
    code = "import sys, clustr.checks.catalogue, clustr.checks.run; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_script_passes_shellcheck() -> None:
    commands = [command for node in recorded_nodes(recorded_cluster()) for command in recorded_answers(node.name)]
    script = ask_script([Question(command, 20) for command in commands], "abc")
    shellcheck = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run([shellcheck, "-"], input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout

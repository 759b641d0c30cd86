"""All but the first node of a kind are asked for everything in one script."""

from __future__ import annotations

from dataclasses import replace

from clustr.checks.catalogue import all_checks
from clustr.checks.check import Finding, State
from clustr.checks.learning import Learning
from clustr.checks.questions import Answer
from clustr.checks.run import check_node
from tests.unit.checks.recorded import Spoken, recorded_answers, recorded_cluster


def answers_of(name: str, address: str) -> dict[str, Answer]:
    """What a server like cp1 would say, under another name and address."""

    def renamed(text: str) -> str:
        return text.replace("10.77.1.11", address).replace("cp1", name)

    return {
        command if "/ping" in command else renamed(command): replace(answer, stdout=renamed(answer.stdout))
        for command, answer in recorded_answers("cp1").items()
    }


def looked(name: str, address: str, learning: Learning) -> tuple[Spoken, list[Finding]]:
    cluster = recorded_cluster()
    connection = Spoken(answers_of(name, address))
    return connection, check_node(all_checks(), cluster, cluster.node(name), connection, learning=learning)


def test_the_second_of_a_kind_is_asked_once() -> None:
    learning = Learning()
    first, found = looked("cp1", "10.77.1.11", learning)
    assert len(first.asked) > 20
    second, again = looked("cp2", "10.77.1.12", learning)
    assert len(second.asked) == 1
    assert [(each.check, each.state) for each in again] == [(each.check, each.state) for each in found]
    assert {each.state for each in again} == {State.OK, State.SKIPPED}
    assert sorted(second.asked[0]) == sorted(answers_of("cp2", "10.77.1.12"))


def test_what_the_one_script_does_not_answer_is_asked_again_by_itself() -> None:
    learning = Learning()
    looked("cp1", "10.77.1.11", learning)
    cluster = recorded_cluster()
    answers = answers_of("cp2", "10.77.1.12")
    del answers["uname -n"]
    connection = Spoken(answers)
    found = check_node(all_checks(), cluster, cluster.node("cp2"), connection, learning=learning)
    assert [each.check for each in found if each.state is State.UNKNOWN] == ["os.hostname"]
    assert connection.asked[1:] == [["uname -n"]]


def test_another_kind_learns_for_itself() -> None:
    learning = Learning()
    looked("cp1", "10.77.1.11", learning)
    cluster = recorded_cluster()
    connection = Spoken(recorded_answers("agent1"))
    check_node(all_checks(), cluster, cluster.node("agent1"), connection, learning=learning)
    assert {len(script) for script in connection.asked} == {1}

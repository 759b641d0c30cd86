"""The two waits: how long, how often, and what they do not wait for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from clustr.errors import ClustrError, HostKeyError, LoginError, SudoError, UnreachableError
from clustr.remote.waits import connect, wait_for_boot, wait_until
from tests.fakes import FakeConnection


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("clustr.remote.waits.time", clock)
    return clock


def opening(*answers: FakeConnection | ClustrError) -> Callable[[], FakeConnection]:
    left = list(answers)

    def open_one() -> FakeConnection:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, ClustrError):
            raise answer
        return answer

    return open_one


def node(boot_id: str) -> FakeConnection:
    return FakeConnection({"boot_id": f"{boot_id}\n"})


def test_wait_until_returns_the_first_true_answer(clock: Clock) -> None:
    answers = iter(["", "", "yes", "never asked"])
    assert wait_until(lambda: next(answers), every=2, within=60) == "yes"
    assert clock.slept == [2, 2]


def test_wait_until_returns_the_last_answer_when_time_is_up(clock: Clock) -> None:
    assert wait_until(lambda: 0, every=4, within=10) == 0
    assert clock.slept == [4, 4, 2]


def test_wait_until_asks_at_least_once(clock: Clock) -> None:
    assert wait_until(lambda: 7, every=1, within=0) == 7
    assert clock.slept == []


def test_connect_tries_again_ever_more_slowly(clock: Clock) -> None:
    there = node("b")
    down, booting = UnreachableError("down"), LoginError("System is booting up")
    assert connect(opening(down, down, booting, there), within=60) is there
    pauses = (0.5, 1, 2)
    assert all(pause / 2 <= slept <= pause * 1.5 for slept, pause in zip(clock.slept, pauses, strict=True))


def test_connect_raises_the_last_error(clock: Clock) -> None:
    with pytest.raises(UnreachableError, match="down"):
        connect(opening(UnreachableError("down")), within=20)
    assert sum(clock.slept) == pytest.approx(20)


@pytest.mark.parametrize("error", [HostKeyError("changed"), SudoError("no")])
def test_connect_does_not_wait_for_what_does_not_mend_itself(clock: Clock, error: ClustrError) -> None:
    with pytest.raises(type(error)):
        connect(opening(error), within=60)
    assert clock.slept == []


def test_a_boot_is_a_new_boot_id(clock: Clock) -> None:
    old, gone, new = node("old"), UnreachableError("down"), node("new")
    assert wait_for_boot(opening(old, gone, gone, new), "old", within=300) is new
    assert old.closed
    assert not new.closed


def test_a_machine_that_goes_down_while_it_is_asked(clock: Clock) -> None:
    dying = FakeConnection({"boot_id": UnreachableError("the connection was cut")})
    new = node("new")
    assert wait_for_boot(opening(dying, new), "old", within=300) is new
    assert dying.closed


@pytest.mark.parametrize(
    ("there", "why"), [(UnreachableError("no answer"), "no answer"), (node("old"), "the reboot did not start")]
)
def test_a_machine_that_does_not_come_back(clock: Clock, there: FakeConnection | ClustrError, why: str) -> None:
    def open_one() -> FakeConnection:
        if isinstance(there, ClustrError):
            raise there
        return node("old")

    with pytest.raises(UnreachableError, match=r"did not come back from its reboot within 5 min") as caught:
        wait_for_boot(open_one, "old", within=300)
    assert why in caught.value.detail
    assert 290 < sum(clock.slept) < 320

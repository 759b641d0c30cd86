"""The limit of open files is raised as far as the inventory needs, and where it cannot be, that is said."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from clustr.errors import UsageError
from clustr.remote.open_files import BESIDE, allow_connections

SCRIPT = """
import resource, sys
from clustr.errors import UsageError
from clustr.remote.open_files import allow_connections
soft, hard, count = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
try:
    allow_connections(count)
except UsageError as error:
    print(error.problem)
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def limits(soft: int, hard: int, count: int) -> list[str]:
    """In a process of its own, which gives up the rest of its hard limit."""
    command = [sys.executable, "-c", SCRIPT, str(soft), str(hard), str(count)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def test_the_soft_limit_is_raised_to_what_is_needed() -> None:
    assert limits(300, 2000, 1000) == [f"{1000 + BESIDE} 2000"]


def test_a_limit_that_is_enough_stays() -> None:
    assert limits(1500, 2000, 1000) == ["1500 2000"]


def test_a_hard_limit_that_is_too_low_is_told_and_nothing_is_changed() -> None:
    problem, after = limits(300, 1000, 1000)
    assert problem == "1,000 connections need 1,256 open files, and this login may have 1,000"
    assert after == "300 1000"


def test_no_limit_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: pytest.fail("nothing is to be raised"))
    allow_connections(1_000_000)


def test_what_a_person_reads_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 512))
    with pytest.raises(UsageError) as caught:
        allow_connections(500)
    assert caught.value.remedy == "ulimit -n 756, as root, or a larger nofile in /etc/security/limits.conf"

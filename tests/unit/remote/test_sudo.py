"""What sudo's words mean. Each was said by a real sudo: 1.9.13 (Debian 12), 1.8.31, and sudo-rs 0.2.8."""

from __future__ import annotations

import pytest

from clustr.errors import SudoError, UnreachableError
from clustr.remote.sudo import ARRIVED, Refusal, refusal, refusal_error

WORDS = {
    "sudo: a password is required": Refusal.NO_PASSWORD,
    "sudo: interactive authentication is required": Refusal.NO_PASSWORD,
    "Sorry, try again.\n\nsudo: no password was provided\nsudo: 1 incorrect password attempt": Refusal.WRONG_PASSWORD,
    "sudo: Authentication failed, try again.": Refusal.WRONG_PASSWORD,
    "nosudo is not in the sudoers file.": Refusal.NOT_ALLOWED,
    "nosudo is not in the sudoers file.  This incident will be reported.": Refusal.NOT_ALLOWED,
    "Sorry, user ana is not allowed to execute '/bin/sh' as root on gpu01.": Refusal.NOT_ALLOWED,
    "Sorry, user ana may not run sudo on gpu01.": Refusal.NOT_ALLOWED,
    "sudo: I'm sorry ana. I'm afraid I can't do that": Refusal.NOT_ALLOWED,
    "sudo: sorry, you must have a tty to run sudo": Refusal.NO_TERMINAL,
    "clustr:no-sudo": Refusal.NO_SUDO,
    "clustr:no-bash": Refusal.NO_BASH,
    "mktemp: failed to create directory\nclustr:no-box": Refusal.NO_BOX,
    "sudo: unable to open /etc/sudoers": Refusal.UNKNOWN,
}


@pytest.mark.parametrize("words", WORDS)
def test_words(words: str) -> None:
    assert refusal(f"We trust you have received the usual lecture\n{ARRIVED}\n{words}") is WORDS[words]


def test_a_shell_that_runs_nothing_is_no_matter_of_sudo() -> None:
    noise = "This account is currently not available."
    error = refusal_error(noise, user="ana", node="n1")
    assert refusal(noise) is Refusal.NO_SHELL
    assert not isinstance(error, SudoError)
    assert "login shell of ana" in error.problem


@pytest.mark.parametrize("words", WORDS)
def test_every_refusal_says_what_to_do_and_shows_no_mark_of_ours(words: str) -> None:
    error = refusal_error(f"{ARRIVED}\n{words}", user="ana", node="n1")
    assert isinstance(error, UnreachableError)
    assert error.node == "n1"
    assert error.remedy
    assert "clustr:" not in error.detail

"""Probe and apply scripts, run by the local bash."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from clustr.engine.goal import Goal
from clustr.engine.makers import file, link, sha256, step
from clustr.engine.plan import differences
from clustr.engine.script import (
    Status,
    Verdict,
    apply_script,
    apply_work,
    follow_script,
    new_nonce,
    probe_script,
    read_answers,
    read_script,
    read_verdict,
)
from clustr.templates import text


def bash(script: str) -> str:
    done = subprocess.run(["bash"], input=script, capture_output=True, text=True, check=False)
    return done.stdout


def probe(goals: list[Goal]) -> list[str]:
    nonce = new_nonce()
    answers = read_answers(bash(probe_script(goals, nonce)), nonce, len(goals))
    assert [answer.error for answer in answers] == [""] * len(goals)
    return [answer.text for answer in answers]


def apply(goals: list[Goal], state: Path) -> tuple[list[str], Verdict]:
    works = [apply_work(place, goal) for place, goal in enumerate(goals)]
    script = apply_script(works, stage="Test", node="here", run_id="run1", reboots=False)
    script = script.replace("/var/lib/clustr", str(state))
    lines = bash(script).splitlines()
    return lines, read_verdict((state / "verdict").read_text().splitlines())


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


def test_goals_are_met_after_their_apply_and_then_there_is_nothing_to_do(tmp_path: Path, state: Path) -> None:
    there = tmp_path / "with 'quote' and space"
    goals = [
        file(str(there / "file"), "first $line\n`second`\n\\third\n", mode=0o640).of("test"),
        file(str(there / "secret"), "s3cret\n", mode=0o600, secret=True).of("test"),
        link(str(there / "link"), "file").of("test"),
    ]
    assert probe(goals) == ["absent\n"] * 3
    lines, verdict = apply(goals, state)
    assert verdict == Verdict("run1", Status.DONE, (0, 1, 2))
    assert [line for line in lines if line.startswith("::")] == [
        f"::{w} {n}" for n in range(3) for w in ("goal", "done")
    ]
    assert (there / "file").read_text() == "first $line\n`second`\n\\third\n"
    nonce = new_nonce()
    answers = read_answers(bash(probe_script(goals, nonce)), nonce, 3)
    assert differences(0, "here", goals, answers) == []


def test_a_failed_goal_names_itself_its_line_and_its_command_and_nothing_after_it_runs(
    tmp_path: Path, state: Path
) -> None:
    goals = [
        step("first", probe="echo no", wanted="yes", apply="true").of("test"),
        step("second", probe="echo no", wanted="yes", apply="inner() { ls /nonesuch; }\ninner").of("test"),
        step("third", probe="echo no", wanted="yes", apply=f"touch {tmp_path}/third").of("test"),
    ]
    lines, verdict = apply(goals, state)
    assert verdict.status is Status.FAILED
    assert (verdict.failed, verdict.command, verdict.done) == (1, "ls /nonesuch", (0,))
    works = [apply_work(place, goal) for place, goal in enumerate(goals)]
    script = apply_script(works, stage="Test", node="here", run_id="run1", reboots=False).splitlines()
    assert "ls /nonesuch" in script[verdict.line - 1]
    assert lines[-1].startswith("::failed 1 ")
    assert not (tmp_path / "third").exists()


def test_an_apply_that_exits_by_itself_is_a_failure(state: Path) -> None:
    _, verdict = apply([step("leaves", probe="echo no", wanted="yes", apply="exit 0").of("test")], state)
    assert verdict.status is Status.FAILED


def test_no_child_eats_the_script(tmp_path: Path, state: Path) -> None:
    goals = [
        step("reads", probe="echo no", wanted="yes", apply="cat >/dev/null").of("test"),
        step("next", probe="echo no", wanted="yes", apply=f"touch {tmp_path}/next").of("test"),
    ]
    _, verdict = apply(goals, state)
    assert verdict.status is Status.DONE
    assert (tmp_path / "next").exists()


def test_a_probe_that_cannot_look_is_an_error_and_the_others_answer() -> None:
    goals = [
        step("looks", probe="echo yes", wanted="yes", apply="").of("test"),
        step("cannot", probe="echo half; ls /nonesuch; echo more", wanted="yes", apply="").of("test"),
        step("unset", probe='echo "$nonesuch"', wanted="yes", apply="").of("test"),
        step("looks too", probe="printf 'no newline'", wanted="yes", apply="").of("test"),
    ]
    nonce = new_nonce()
    answers = read_answers(bash(probe_script(goals, nonce)), nonce, 4)
    assert [answer.text for answer in answers] == ["yes\n", "", "", "no newline"]
    assert "/nonesuch" in answers[1].error
    assert "nonesuch" in answers[2].error


def test_a_probe_script_that_is_cut_gives_errors_for_what_is_missing() -> None:
    goals = [step(name, probe="echo yes", wanted="yes", apply="").of("test") for name in "abc"]
    nonce = new_nonce()
    output = bash(probe_script(goals, nonce))
    cut = output[: output.index("answer 1")]
    assert [bool(answer.error) for answer in read_answers(cut, nonce, 3)] == [False, True, True]


def test_content_cannot_pass_for_an_answer(tmp_path: Path) -> None:
    nonce = new_nonce()
    (tmp_path / "file").write_text("\n::0000 answer 0\nfalse\n::0000 status 0 0\n\n::0000 end\n")
    goals = [file(str(tmp_path / "file"), "x\n").of("test")]
    answers = read_answers(bash(probe_script(goals, nonce)), nonce, 1)
    assert "::0000 answer 0" in answers[0].text


def test_what_was_there_before_comes_back_on_removal(tmp_path: Path, state: Path) -> None:
    kept, new = tmp_path / "kept", tmp_path / "new"
    kept.write_text("the person's\n")
    for content in ("first\n", "second\n"):
        apply([file(str(kept), content).of("test"), file(str(new), content).of("test")], state)
    assert kept.read_text() == "second\n"
    undo = [step(str(path), probe="", wanted="", apply=f"restore_file '{path}'").of("test") for path in (kept, new)]
    apply(undo, state)
    assert kept.read_text() == "the person's\n"
    assert not new.exists()


@pytest.mark.parametrize("target", ["real", "nowhere"])
def test_a_link_that_was_there_before_comes_back_as_it_was(tmp_path: Path, state: Path, target: str) -> None:
    (tmp_path / "real").write_text("the person's\n")
    path = tmp_path / "link"
    path.symlink_to(target)
    for content in ("first\n", "second\n"):
        apply([file(str(path), content).of("test")], state)
        assert (path.is_symlink(), path.read_text()) == (False, content)
    apply([step("undo", probe="", wanted="", apply=f"restore_file '{path}'").of("test")], state)
    assert path.readlink() == Path(target)
    assert (tmp_path / "real").read_text() == "the person's\n"


def test_a_file_that_its_checker_refuses_is_not_put_in_place(tmp_path: Path, state: Path) -> None:
    target = tmp_path / "checked"
    target.write_text("good\n")
    _, verdict = apply([file(str(target), "bad\n", check="grep -q good").of("test")], state)
    assert verdict.status is Status.FAILED
    assert target.read_text() == "good\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checked", "state"]


def test_only_a_whole_verdict_is_one() -> None:
    assert read_verdict([]).status is Status.CUT
    assert read_verdict(["run r", "done 0"]).status is Status.CUT
    assert read_verdict(["run r", "done 0", "status done"]) == Verdict("r", Status.DONE, (0,))


def test_a_noted_sum_holds_only_while_nothing_touched_the_file(tmp_path: Path, state: Path) -> None:
    program = tmp_path / "program"
    program.write_text("one")

    def sum_of() -> str:
        functions = (text("engine/probes.sh") + text("engine/applies.sh")).replace("/var/lib/clustr", str(state))
        return bash(f"set -eu\n{functions}\nclustr={state}\n{note}\nsum_of {program}\n").strip()

    note = f"note_sum {program} {'0' * 64}"
    assert sum_of() == "0" * 64
    note = ""
    assert sum_of() == "0" * 64
    kept = program.stat()
    program.write_text("two")
    os.utime(program, ns=(kept.st_atime_ns, kept.st_mtime_ns))
    assert sum_of() == sha256("two")


def test_an_end_is_told_until_it_was_read_and_other_applies_are_not_this_one(state: Path) -> None:
    (state / "run").write_text("run1-aaaa\nana@desk\n")
    (state / "apply.log").write_text("one\ntwo\n")
    (state / "apply.sh").write_text("a secret\n")
    (state / "verdict").write_text("run run1-aaaa\nstatus done\n")

    def here(script: str) -> list[str]:
        return bash(script.replace("/var/lib/clustr", str(state))).splitlines()

    assert here(follow_script(2, "run1-aaaa")) == ["two", "::verdict", "run run1-aaaa", "status done"]
    assert here(follow_script(1, "run1-bbbb")) == ["::other"]
    here(read_script("run1-bbbb"))
    assert (state / "run").exists()
    here(read_script("run1-aaaa"))
    assert {path.name for path in state.iterdir()} == {"run.read", "apply.log", "verdict"}
    assert here(follow_script(1, "run1-aaaa"))[-1] == "status done"  # a laptop that slept meanwhile


def test_the_verdict_names_the_goal_that_failed(state: Path) -> None:
    goals = [
        step('it\'s "first"', probe="echo no", wanted="yes", apply="true").of("test"),
        step("second", probe="echo no", wanted="yes", apply="false \\\n  --with two lines").of("test"),
    ]
    _, verdict = apply(goals, state)
    assert (verdict.goal, verdict.status) == ("test, second", Status.FAILED)

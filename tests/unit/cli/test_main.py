"""Options in, action called, exit code out; errors become words on stderr."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clustr import actions
from clustr.checks.check import State
from clustr.cli import main
from clustr.engine.events import Connecting, NodeSilent, RunDone
from clustr.engine.plan import Plan
from clustr.engine.run import Report
from clustr.engine.window import Interrupted
from clustr.errors import ApplyError, LockedError, PreflightError, UnreachableError
from clustr.remote.facts import Seen
from clustr.remote.lock import Held, Holder
from clustr.results import Bootstrapped, Health, Said
from clustr.session import Options
from tests.unit.views.things import blind_plan, finding, plan

Run = Callable[..., tuple[int, str, str]]
SEEN = Seen({})
NOTHING = Plan("h100-lab", (), 12)
HELD = Held("cp1", Holder("ana", "desk", "abc", "bootstrap"), 300, 200)


@pytest.fixture
def clustr(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs the command line as the console script does, all but the exit."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["clustr", *words])
        code = main._run()
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def answers(monkeypatch: pytest.MonkeyPatch, name: str, result: Any, *events: Any) -> list[tuple[Any, ...]]:
    """Puts a fixed result in an action's place; returns the calls it gets."""
    calls: list[tuple[Any, ...]] = []

    def action(*given: Any) -> Any:
        calls.append(given)
        for event in events:
            given[2].emit(event)
        if isinstance(result, BaseException):
            raise result
        return result

    monkeypatch.setattr(actions, name, action)
    return calls


@pytest.mark.parametrize(
    ("made", "words", "code"),
    [
        (plan(), (), 0),
        (plan(), ("--exit-code",), 10),
        (NOTHING, ("--exit-code",), 0),
        (blind_plan(), (), 9),
        (blind_plan(), ("--exit-code",), 9),
    ],
)
def test_plan(clustr: Run, monkeypatch: pytest.MonkeyPatch, made: Plan, words: Sequence[str], code: int) -> None:
    answers(monkeypatch, "plan", (made, SEEN))
    assert clustr("plan", *words)[0] == code


def test_a_plan_without_a_silent_node_is_no_whole_plan(clustr: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = NodeSilent("gpu13", "does not answer", "clustr bootstrap")
    answers(monkeypatch, "plan", (NOTHING, SEEN), silent)
    code, out, _ = clustr("plan", "--exit-code")
    assert code == 4
    assert "is as inventory.yaml says" not in out
    assert "✗ gpu13   does not answer" in out
    assert clustr("plan", "--limit", "cp*")[0] == 0
    code, out, _ = clustr("plan", "--output", "json")
    assert (code, json.loads(out)["unreachable"][0]["node"]) == (4, "gpu13")


def test_options_reach_the_action(clustr: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = answers(monkeypatch, "plan", (plan(), SEEN))
    clustr("plan", "site.yaml", "--limit", "gpu*", "--limit", "cp1", "--ignore", "memory")
    clustr("plan", "-i", "other.yaml")
    clustr("plan")
    chosen = Options(limit=("gpu*", "cp1"), ignore=frozenset({"memory"}))
    assert [call[:2] for call in calls] == [
        (Path("site.yaml"), chosen),
        (Path("other.yaml"), Options()),
        (Path("inventory.yaml"), Options()),
    ]


def test_two_inventories_are_one_too_many(clustr: Run) -> None:
    code, out, err = clustr("plan", "a.yaml", "-i", "b.yaml")
    assert (code, out) == (2, "")
    assert err == "two inventories are named: a.yaml and b.yaml.\nname one\n"


def test_json_is_one_document_and_progress_is_on_stderr(clustr: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, "plan", (plan(), SEEN), Connecting("facts", 4))
    answers(
        monkeypatch,
        "bootstrap",
        Bootstrapped(plan(), report(), None),
        Connecting("facts", 4),
        RunDone(("cp1",), (), 1.0),
    )
    for words in (("plan",), ("bootstrap", "--yes")):
        _, out, err = clustr(*words, "--output", "json")
        assert json.loads(out)["cluster"] == "h100-lab"
        assert "Reading facts on 4 nodes" in err
    _, out, err = clustr("bootstrap", "--yes")
    assert "Reading facts on 4 nodes" in out
    assert err == ""


def report(**changed: Any) -> Report:
    return replace(Report(("cp1",), {}, {}, 3.0), **changed)


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (report(), 0),
        (report(failed={"gpu11": ApplyError("x")}), 6),
        (report(failed={"gpu11": UnreachableError("x")}), 4),
        (report(failed={"gpu11": UnreachableError("x"), "gpu12": ApplyError("x")}), 6),
        (report(skipped={"gpu12": "x"}), 6),
        (report(stopped=True), 130),
        (report(lost=LockedError("this run lost the lock")), 7),
    ],
)
def test_bootstrap(clustr: Run, monkeypatch: pytest.MonkeyPatch, ended: Report, code: int) -> None:
    answers(monkeypatch, "bootstrap", Bootstrapped(plan(), ended, None), RunDone(ended.done, (), 3.0))
    found, out, _ = clustr("bootstrap", "--yes")
    assert found == code
    early = bool(ended.stopped or ended.lost)
    assert ("h100-lab: 1 of 1 node done in 3.0 s." in out) is not early
    assert ("`clustr bootstrap` does the rest" in out) is early


def test_a_silent_node_beyond_the_limit_is_no_failure(clustr: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = report(failed={"gpu13": UnreachableError("x")})
    answers(monkeypatch, "bootstrap", Bootstrapped(plan(), ended, None), RunDone(ended.done, (), 3.0))
    assert clustr("bootstrap", "--yes", "--limit", "cp*")[0] == 0
    assert clustr("bootstrap", "--yes", "--limit", "gpu*")[0] == 4


def test_the_kubeconfig_is_named(clustr: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    merged = Bootstrapped(plan(), report(), tmp_path / ".kube" / "config")
    answers(monkeypatch, "bootstrap", merged, RunDone(("cp1",), (), 3.0))
    assert "Its context h100-lab is in ~/.kube/config." in clustr("bootstrap", "--yes")[1]


def test_nothing_to_do_is_one_line(clustr: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, "bootstrap", Bootstrapped(NOTHING, report(), None))
    code, out, _ = clustr("bootstrap", "--yes")
    assert code == 0
    assert out.startswith("h100-lab is as inventory.yaml says: ")


def test_bootstrap_asks_nobody_where_nobody_is(clustr: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = answers(monkeypatch, "bootstrap", None)
    code, _, err = clustr("bootstrap")
    assert (code, calls) == (2, [])
    assert "clustr bootstrap --yes" in err


@pytest.mark.parametrize(
    ("typed", "wanted"), [("y\n", True), ("yes\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_bootstrap_shows_the_plan_and_asks(
    clustr: Run, monkeypatch: pytest.MonkeyPatch, typed: str, wanted: bool
) -> None:
    asked: list[bool] = []

    def action(_path: Path, _options: Options, _view: object, confirm: Callable[[Plan, Seen], bool]) -> None:
        asked.append(confirm(plan(), SEEN))

    monkeypatch.setattr(actions, "bootstrap", action)
    monkeypatch.setattr(sys, "stdin", Keyboard(typed))
    code, out, err = clustr("bootstrap")
    assert (asked, code, out) == ([wanted], 1, "")
    assert "packages of branch 580" in err
    assert ("Nothing was changed." in err) is not wanted


class Keyboard:
    def __init__(self, typed: str) -> None:
        self.typed = typed

    def isatty(self) -> bool:
        return True

    def readline(self) -> str:
        return self.typed


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ([State.OK, State.SKIPPED], 0),
        ([State.OK, State.WARNING], 0),
        ([State.OK, State.UNKNOWN], 9),
        ([State.UNKNOWN, State.FAILED], 8),
        ([], 9),
    ],
)
def test_doctor(clustr: Run, monkeypatch: pytest.MonkeyPatch, states: list[State], code: int) -> None:
    findings = tuple(finding("os.clock", f"gpu{number}", state, "x") for number, state in enumerate(states))
    answers(monkeypatch, "doctor", Health("h100-lab", findings, 2, 1, 0.5))
    assert clustr("doctor")[0] == code
    found, out, _ = clustr("doctor", "--output", "json")
    assert (found, len(json.loads(out)["findings"])) == (code, len(states))


@pytest.mark.parametrize(("status", "code"), [(0, 0), (3, 1), (-1, 4)])
def test_exec(clustr: Run, monkeypatch: pytest.MonkeyPatch, status: int, code: int) -> None:
    calls = answers(monkeypatch, "execute", [Said(("cp1",), status, "words")])
    found, out, _ = clustr("exec", "--limit", "cp1", "--", "sh", "-c", "exit 3")
    assert found == code
    assert calls[0][1] == ["sh", "-c", "exit 3"]
    assert "    words" in out


def test_unlock(clustr: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    freed: list[bool] = []

    def action(_path: Path, _view: object, confirm: Callable[[Held], bool]) -> Held:
        freed.append(confirm(HELD))
        return HELD

    monkeypatch.setattr(actions, "unlock", action)
    code, out, err = clustr("unlock", "--yes")
    assert (code, freed, out) == (0, [True], "The lock is free.\n")
    assert "Locked by ana@desk for 5 min 0 s (bootstrap, last beat 3 min 20 s ago" in err
    monkeypatch.setattr(sys, "stdin", Keyboard("n\n"))
    assert clustr("unlock")[:2] == (1, "The lock stays.\n")


ERRORS = [
    (LockedError("x"), 7),
    (PreflightError("x"), 5),
    (ApplyError("x"), 6),
    (Interrupted(), 130),
    (KeyboardInterrupt(), 130),
]


@pytest.mark.parametrize(("error", "code"), ERRORS)
def test_an_error_is_its_exit_code(
    clustr: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    answers(monkeypatch, "plan", error)
    found, out, err = clustr("plan")
    assert (found, out) == (code, "")
    assert "Traceback" not in err


def test_an_errors_command_names_the_inventory(clustr: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(
        monkeypatch, "plan", LockedError("h100-lab is locked by ana@desk", "Wait for it, or free it: clustr unlock")
    )
    assert clustr("plan", "my site.yaml")[2].splitlines()[-1] == (
        "Wait for it, or free it: clustr unlock -i 'my site.yaml'"
    )


def test_an_unforeseen_error_is_no_traceback(clustr: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answers(monkeypatch, "plan", ZeroDivisionError("x"))
    code, out, err = clustr("plan")
    assert (code, out) == (1, "")
    assert "ZeroDivisionError" in err
    assert "Traceback" not in err
    assert list((tmp_path / "state").rglob("error-*.txt"))


@pytest.mark.parametrize("words", [("bogus",), ("plan", "--bogus"), ("plan", "--output", "xml"), ()])
def test_usage(clustr: Run, words: tuple[str, ...]) -> None:
    code, _, err = clustr(*words)
    assert code == 2
    assert "Traceback" not in err


def test_without_an_inventory(clustr: Run) -> None:
    code, out, err = clustr("validate")
    assert (code, out) == (3, "")
    assert "clustr init" in err


def test_init_validate_and_never_over_a_file(clustr: Run, tmp_path: Path) -> None:
    words = ("--name", "lab", "--user", "root", "--server", "10.0.0.[11-13]", "--agent", "10.0.1.[1-4]")
    assert clustr("init", *words)[0] == 0
    before = (tmp_path / "inventory.yaml").read_text()
    code, out, _ = clustr("validate")
    assert (code, out) == (
        0,
        "inventory.yaml: no mistakes. lab has 3 servers, 4 agents, 1 monitor. No node was contacted.\n",
    )
    code, _, err = clustr("init", *words)
    assert code == 2
    assert "inventory.yaml is there already" in err
    assert (tmp_path / "inventory.yaml").read_text() == before
    assert "10.0.1.4" in clustr("validate", "--resolved")[1]


def test_init_says_which_option_is_missing(clustr: Run) -> None:
    code, _, err = clustr("init", "--name", "lab")
    assert code == 2
    assert "--user" in err


def test_validate_tells_a_program_too(clustr: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("cluster: lab\nnodes:\n  - {name: cp1, adress: 10.0.0.1}\n")
    code, out, err = clustr("validate", "bad.yaml", "--output", "json")
    assert (code, err) == (3, "")
    assert any("adress" in line for line in json.loads(out)["mistakes"])
    code, out, err = clustr("validate", "bad.yaml")
    assert (code, out) == (3, "")
    assert "did you mean `address`" in err


@pytest.mark.parametrize("command", ["validate", "plan", "bootstrap", "doctor", "exec"])
def test_schemas_are_printed(clustr: Run, command: str) -> None:
    code, out, _ = clustr(command, "--schema")
    assert code == 0
    assert json.loads(out)["type"] == "object"


def test_the_console_script() -> None:
    script = Path(sys.executable).parent / "clustr"
    run = subprocess.run([script, "version"], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("clustr 0.")


def test_a_pipe_that_closes_is_no_traceback(tmp_path: Path) -> None:
    script = Path(sys.executable).parent / "clustr"
    run = subprocess.run(
        ["bash", "-c", '"$0" validate --schema | head -c 1', str(script)], capture_output=True, text=True, cwd=tmp_path
    )
    assert run.stderr == ""

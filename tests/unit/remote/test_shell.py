"""Scripts over a real sshd: what arrives, what comes back, and when it ends."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clustr.errors import UnreachableError
from clustr.remote.session import END, LINE_LIMIT, Lines, command
from clustr.remote.ssh import Network, SshConnection
from tests.unit.remote.sshd import Sshd

COMMANDS = ("run.sh", "park.sh", "terminal.sh")


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    server = Sshd(tmp_path_factory.mktemp("sshd"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def connection(sshd: Sshd) -> Iterator[SshConnection]:
    with Network(ssh_config=Path("/dev/null")) as network:
        opened = network.open(sshd.node())
        yield opened
        opened.close()


def boxes() -> set[Path]:
    return set(Path("/dev/shm").glob("clustr.*"))


def test_a_script_tells_all_it_did(connection: SshConnection) -> None:
    before = boxes()
    result = connection.run('echo out; echo err >&2; read -r line; echo "[$line]"; exit 7', sudo=False)
    assert (result.status, result.stdout, result.stderr) == (7, "out\n[]\n", "err\n")
    assert boxes() <= before


def test_the_surroundings_are_the_same_for_every_login(connection: SshConnection) -> None:
    result = connection.run('umask; echo "$LC_ALL"; pwd; echo "$PATH"', sudo=False)
    assert result.stdout.splitlines() == [
        "0022",
        "C",
        "/",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ]


def test_lines_come_while_the_script_runs(connection: SshConnection) -> None:
    seen: list[tuple[str, float]] = []
    script = "echo first; sleep 0.5; printf 'second\\r\\nhalf a \\xff line'"
    result = connection.run(script, sudo=False, on_line=lambda line: seen.append((line, time.monotonic())))
    assert [line for line, _ in seen] == ["first", "second", "half a \ufffd line"]
    assert seen[1][1] - seen[0][1] > 0.3
    assert result.stdout == "first\nsecond\r\nhalf a \ufffd line"


def test_a_line_of_many_megabytes_is_cut_for_the_screen_alone() -> None:
    seen: list[str] = []
    lines = Lines(seen.append)
    began = time.process_time()
    for _ in range(500):
        lines.feed(b"x" * 65_536)
    lines.feed(b"\nafter\n")
    lines.flush()
    assert [len(line) for line in seen] == [LINE_LIMIT, 5]
    assert time.process_time() - began < 0.5


def test_much_on_both_streams(connection: SshConnection) -> None:
    script = "head -c 3000000 /dev/zero | tr '\\0' e >&2; head -c 3000000 /dev/zero | tr '\\0' o"
    result = connection.run(script, sudo=False)
    assert (result.stdout, result.stderr) == ("o" * 3_000_000, "e" * 3_000_000)


def test_a_script_larger_than_any_argument(connection: SshConnection) -> None:
    assert connection.run("#" + "x" * 3_000_000 + "\necho end", sudo=False).stdout == "end\n"


def test_what_is_left_in_the_background_is_not_waited_for(connection: SshConnection) -> None:
    began = time.monotonic()
    pid = connection.run("sleep 60 & echo $!", sudo=False).stdout
    assert time.monotonic() - began < 5
    assert connection.run(f"kill {pid}", sudo=False).status == 0  # so it was still there


def test_time_is_up_on_the_node_too(connection: SshConnection, tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(UnreachableError, match=r"did not end within 0.5 s") as caught:
        connection.run(f"trap 'touch {tmp_path}/told; exit' TERM; sleep 30 & wait", sudo=False, timeout=0.5)
    assert caught.value.node == "n1"
    assert time.monotonic() - began < 5
    assert (tmp_path / "told").exists()


def test_a_script_that_ends_with_124_by_itself_is_no_timeout(connection: SshConnection) -> None:
    assert connection.run("exit 124", sudo=False, timeout=30).status == 124


def test_a_cut_line(sshd: Sshd) -> None:
    with Network(ssh_config=Path("/dev/null")) as network:
        opened = network.open(sshd.node())
        kill = "pid=$$; while [ \"$(cat /proc/$pid/comm)\" != sshd ]; do pid=$(awk '{print $4}' /proc/$pid/stat); done"
        with pytest.raises(UnreachableError, match="cut"):
            opened.run(f"{kill}; kill $pid; sleep 5", sudo=False)
        with pytest.raises(UnreachableError, match="cut"):
            opened.run("true", sudo=False)


def test_a_silent_line_is_tried(connection: SshConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clustr.remote.session.SILENCE", 0.5)
    monkeypatch.setattr("clustr.remote.session.TICK", 0.2)
    assert connection.run("sleep 1.5; echo still here", sudo=False).stdout == "still here\n"
    monkeypatch.setattr(type(connection._line), "alive", lambda line: False)
    with pytest.raises(UnreachableError, match="cut") as caught:
        connection.run("sleep 3", sudo=False)
    assert "no sign of life" in caught.value.detail


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_hold_nothing_that_a_login_shell_takes_otherwise(name: str) -> None:
    line = command(name)
    assert line.startswith("sh -c '")
    assert line.count("'") == 4
    assert not set("!\n") & set(line)
    assert "\\\\" not in line
    assert len(line) < 4000  # csh takes no longer word


@pytest.mark.parametrize("shell", ["sh", "bash", "dash", "zsh", "fish", "tcsh", "csh", "ksh", "busybox"])
def test_every_login_shell_takes_the_command(shell: str) -> None:
    assert shutil.which(shell), f"there is no {shell} here: make test-system installs it"
    words = [shell, "sh", "-c"] if shell == "busybox" else [shell, "-c"]
    given = b"user\n0\n\necho \"$((40 + 2)) 'x' \\$y\"\nexit 5" + END
    done = subprocess.run([*words, command("run.sh")], input=given, capture_output=True, check=False)
    assert done.returncode == 5, done.stderr
    assert done.stdout.endswith(b"\nclustr:started\n42 'x' $y\n")


def test_a_script_whose_end_did_not_come_is_not_run(tmp_path: Path) -> None:
    words = ["sh", "-c", command("run.sh")]
    for limit in ("0", "9.5"):
        given = f"user\n{limit}\n\ntouch {tmp_path}/done\n".encode()
        assert subprocess.run(words, input=given, capture_output=True, check=False).returncode == 90
        assert not (tmp_path / "done").exists()
        assert subprocess.run(words, input=given + END, capture_output=True, check=False).returncode == 0
        (tmp_path / "done").unlink()


def test_a_script_sees_nothing_of_what_runs_it(connection: SshConnection) -> None:
    """The password for sudo is in a variable until then."""
    seen = connection.run('echo "$0 $# [${password-}${how-}${run-}]"; ls /proc/self/fd', sudo=False)
    assert seen.stdout.splitlines()[0] == "bash 1 []"
    assert "3" in seen.stdout.splitlines()  # ls's own folder
    assert "4" not in seen.stdout.splitlines()


@pytest.mark.parametrize("name", ["bash.sh", *COMMANDS, "facts.sh", "gpu.sh", "gpu_bridges.sh", "kubectl.sh"])
def test_templates_pass_shellcheck(name: str) -> None:
    done = subprocess.run(
        ["shellcheck", f"templates/remote/{name}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode == 0, done.stdout

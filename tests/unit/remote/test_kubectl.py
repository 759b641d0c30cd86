"""Cordons, drains and what is said of them: the real script over a k3s that answers from a file."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from clustr.errors import ApplyError, UnreachableError
from clustr.remote.connection import Result
from clustr.remote.kubectl import Cordon, cordon_marked, drain, node_ready, uncordon_marked
from tests.fakes import FakeConnection

# Answers `get node` from the file "node" (resourceVersion, state, mark), and keeps what it was called with.
K3S = r"""#!/bin/bash
cd {folder}
printf '%s\n' "$*" >>calls
case "$*" in
  *" get node "*Ready*) cat ready; exit "$(cat ready-status)" ;;
  *" get node "*) cat node; exit "$(cat get-status)" ;;
  *" patch node "*) if [ -s conflicts ]; then
      sed -i 1d conflicts; echo 'Error from server (Conflict): the object has been modified' >&2; exit 1
    fi ;;&
  *" patch node "*'"unschedulable": true'*) echo "8 cordoned run-7" >node; exit "$(cat patch-status)" ;;
  *" patch node "*) echo "9 open" >node ;;
  *" drain "*) cat drain >&2; exit "$(cat drain-status)" ;;
  *poddisruptionbudgets*) cat budgets ;;
  *) echo "unexpected: $*" >&2; exit 99 ;;
esac
"""
BUDGET = """\
error when evicting pods/"web-7d4b" -n "shop" (will retry after 5s): Cannot evict pod as it would violate the pod's \
disruption budget.
error when evicting pods/"web-7d4b" -n "shop" (will retry after 5s): Cannot evict pod as it would violate the pod's \
disruption budget.
error: unable to drain node "gpu01" due to error: error when evicting pods/"web-7d4b" -n "shop": global timeout \
reached: 30s, continuing command...
There are pending nodes to be drained:
 gpu01
"""
BARE = """\
error: unable to drain node "gpu01" due to error: cannot delete cannot delete Pods that declare no controller \
(use --force to override): default/by-hand, default/other, continuing command...
There are pending nodes to be drained:
 gpu01
"""


class Server:
    """Runs scripts with k3s's path moved to a script of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.set(node="7 open", ready="answer=True\n", drain="", budgets="", calls="")
        self.set(**{"patch-status": "0", "drain-status": "0", "ready-status": "0", "get-status": "0"})
        (folder / "k3s").write_text(K3S.replace("{folder}", str(folder)))
        (folder / "k3s").chmod(0o755)

    def set(self, **files: str) -> None:
        for name, content in files.items():
            (self.folder / name).write_text(content)

    @property
    def calls(self) -> str:
        return (self.folder / "calls").read_text()

    def run(
        self,
        script: str,
        *,
        sudo: bool = True,
        on_line: Callable[[str], None] | None = None,
        timeout: float | None = None,
    ) -> Result:
        assert sudo
        assert timeout
        moved = script.replace("/usr/local/bin/k3s", str(self.folder / "k3s"))
        done = subprocess.run(["bash", "-c", moved], capture_output=True, text=True, timeout=timeout, check=False)
        return Result(done.returncode, done.stdout, done.stderr)

    def close(self) -> None:
        raise AssertionError


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path)


def test_a_cordon_of_ours_is_marked_in_one_patch(server: Server) -> None:
    assert cordon_marked(server, "gpu01", "run-7") is Cordon.OURS
    assert server.calls.count("patch node gpu01") == 1
    assert '"resourceVersion": "7", "annotations": {"clustr.io/cordoned": "run-7"}' in server.calls
    assert '"spec": {"unschedulable": true}' in server.calls


def test_a_cordon_that_a_cut_run_left_is_ours(server: Server) -> None:
    server.set(node="7 cordoned run-6")
    assert cordon_marked(server, "gpu01", "run-7") is Cordon.OURS
    assert uncordon_marked(server, "gpu01", "run-7") is Cordon.OURS
    assert '"clustr.io/cordoned": null' in server.calls
    assert '"spec": {"unschedulable": null}' in server.calls


def test_a_persons_cordon_is_left_alone(server: Server) -> None:
    server.set(node="7 cordoned")
    assert cordon_marked(server, "gpu01", "run-7") is Cordon.THEIRS
    assert uncordon_marked(server, "gpu01", "run-7") is Cordon.THEIRS
    assert drain(server, "gpu01", "run-7", 30) is Cordon.THEIRS
    assert "patch" not in server.calls


def test_another_runs_cordon_is_not_taken_away(server: Server) -> None:
    """A run that lost its lock meanwhile gives back no node that the next one drains."""
    server.set(node="7 cordoned run-8")
    assert uncordon_marked(server, "gpu01", "run-7") is Cordon.THEIRS
    assert "patch" not in server.calls


@pytest.mark.parametrize("act", [cordon_marked, uncordon_marked])
def test_where_the_node_cannot_be_looked_at_nothing_is_sent(
    server: Server, act: Callable[[Server, str, str], Cordon]
) -> None:
    """A patch without a resourceVersion would be made whatever the node is by then."""
    server.set(**{"node": "", "get-status": "1"})
    with pytest.raises(ApplyError, match="gpu01 could not be"):
        act(server, "gpu01", "run-7")
    assert "patch" not in server.calls


def test_an_uncordon_that_is_asked_twice(server: Server) -> None:
    """Over a cut line, whose first answer was lost: it takes pods, which nobody has to be told of."""
    cordon_marked(server, "gpu01", "run-7")
    assert uncordon_marked(server, "gpu01", "run-7") is Cordon.OURS
    assert uncordon_marked(server, "gpu01", "run-7") is Cordon.OPEN


def test_a_node_that_changed_meanwhile(server: Server) -> None:
    server.set(**{"patch-status": "1"})
    with pytest.raises(ApplyError, match="gpu01 could not be cordoned"):
        cordon_marked(server, "gpu01", "run-7")


def test_a_drain(server: Server) -> None:
    assert drain(server, "gpu01", "run-7", 30) is Cordon.OURS
    assert "drain gpu01 --ignore-daemonsets --delete-emptydir-data --timeout=30s" in server.calls


def test_a_refused_drain_names_what_is_in_the_way_and_is_undone(server: Server) -> None:
    server.set(**{"drain": BUDGET, "drain-status": "1", "budgets": "  shop/web\n"})
    with pytest.raises(ApplyError) as caught:
        drain(server, "gpu01", "run-7", 30)
    error = caught.value
    assert error.problem == "gpu01 could not be drained within 30 s: shop/web-7d4b"
    assert "budgets that allow no eviction:\n  shop/web" in error.detail
    assert error.node == "gpu01"
    assert (server.folder / "node").read_text() == "9 open\n"


def test_a_refused_drain_leaves_a_persons_cordon(server: Server) -> None:
    server.set(**{"drain": BARE, "drain-status": "1", "node": "7 cordoned"})
    with pytest.raises(ApplyError, match=r"default/by-hand, default/other$"):
        drain(server, "gpu01", "run-7", 30)
    assert "patch" not in server.calls


def test_a_drain_that_cannot_be_undone_says_so() -> None:
    connection = FakeConnection(
        {
            "\n  cordon gpu01": "answer=ours\n",
            "\n  drain gpu01": Result(1, "", BUDGET),
            "\n  uncordon": UnreachableError("cut"),
        }
    )
    with pytest.raises(ApplyError) as caught:
        drain(connection, "gpu01", "run-7", 30)
    assert "still cordoned (cut); the next run uncordons it" in caught.value.detail


@pytest.mark.parametrize(
    ("said", "status", "ready"),
    [
        ("answer=True\nboot=b1\n", "0", True),
        ("answer=True\nboot=b0\n", "0", False),  # of before its boot: the API has not missed it yet
        ("answer=False\nboot=b1\n", "0", False),
        ("answer=Unknown\nboot=b1\n", "0", False),
        ("", "1", False),
    ],
)
def test_ready(server: Server, said: str, status: str, ready: bool) -> None:
    server.set(**{"ready": said, "ready-status": status})
    assert node_ready(server, "gpu01", "b1") is ready


def test_names_are_quoted(server: Server, tmp_path: Path) -> None:
    name = f"x; touch {tmp_path}/broken $(id)"
    cordon_marked(server, name, "run 'a'")
    assert f"get node {name} -o" in server.calls
    assert not (tmp_path / "broken").exists()


def test_a_node_that_changed_meanwhile_is_looked_at_again(server: Server) -> None:
    """The kubelet writes to its Node too, all the more after a boot."""
    server.set(conflicts="1\n2\n")
    assert cordon_marked(server, "gpu01", "run-7") is Cordon.OURS
    server.set(conflicts="1\n2\n3\n")
    assert uncordon_marked(server, "gpu01", "run-7") is Cordon.OURS
    server.set(conflicts="1\n" * 20, node="7 open")
    with pytest.raises(ApplyError) as refused:
        cordon_marked(server, "gpu01", "run-7")
    assert "changed at each of 10 tries" in refused.value.detail

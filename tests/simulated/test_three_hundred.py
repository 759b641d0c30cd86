"""What a plan costs each of 300 nodes, as their own servers counted it. No time is looked at: see `make bench`.

One is the server, the others its agents, and all are Ready: what tells so on the server is a stand-in for k3s. The work
is simulated (work.py): the product's own stages change what only a machine of one's own has. Options are the defaults
but for that work, and for one name: the nodes' addresses are of the loopback, which lists one alone.
"""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from clustr import actions
from clustr.engine.preflight import Name
from clustr.inventory.load import load
from clustr.inventory.model import Role
from clustr.session import Options
from clustr.views.view import Output, View, choose_view
from tests.simulated.nodes import Counts, Nodes
from tests.simulated.work import NONE, Done, stages

PART = 5  # of the work: every fifth file, service and setting is enough to be counted
WORK = Done(files=4, packages=2, services=2, sysctls=2)
GOALS = 1 + 4 + 1 + 2 + 3 * 2  # the program in the drop-ins, files, packages, settings, three for each service
PLAN = Counts(connections=1, execs=2, sftp=0)  # facts, probes
BOOTSTRAP = Counts(connections=1, execs=5, sftp=0)  # the same, a second look, the changes, a look at what they came to
OPTIONS = Options(stages=stages(PART), ignore=frozenset({Name.NETWORK_ADDRESS}))
AGENT = "d=/var/lib/rancher/k3s/agent; mkdir -p $d; : >$d/client-kubelet.crt"
SERVER = """set -e
d=/var/lib/rancher/k3s/server; mkdir -p $d/db; : >$d/db/state.db
cat >/usr/local/bin/k3s <<'END'
#!/bin/bash
# A stand-in's.
case $1 in --version) echo "k3s version {version} (00000000)" ;; kubectl) printf '{listing}' ;; esac
END
chmod 755 /usr/local/bin/k3s
mkdir -p /run/stand-in; : >/run/stand-in/k3s.service"""


def view(inventory: Path) -> View:
    return choose_view(Output.TABLE, io.StringIO(), inventory)


def run(inventory: Path, script: str, *nodes: str) -> None:
    said = actions.execute(inventory, ("bash", "-c", script), Options(limit=nodes), view(inventory))
    assert {each.status for each in said} == {0}, said


def at_work(inventory: Path) -> None:
    """The first node is a server that knows all nodes of the inventory as Ready."""
    cluster = load(inventory)
    version = cluster.k3s.version
    listing = "".join(f"{node.name} open True {version}\\n" for node in cluster.nodes)
    run(inventory, SERVER.format(version=version, listing=listing), cluster.nodes[0].name)


def test_a_plan_of_the_products_own_stages_takes_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On three nodes: what it wants of them is much, and costs no connection and no exec more."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with Nodes(tmp_path, 3) as nodes:
        three = nodes.inventory(others=Role.AGENT)
        run(three, AGENT)
        at_work(three)
        nodes.forget()
        plan, _ = actions.plan(three, Options(ignore=OPTIONS.ignore), view(three))
        assert {change.component for change in plan.changes if change.node == "n3"} >= {"base_os", "k3s_agent"}
        assert nodes.counts() == dict.fromkeys(nodes.names, PLAN)


def test_a_plan_with_nothing_to_do_takes_one_connection_and_two_execs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with Nodes(tmp_path, 300) as nodes:
        two = nodes.inventory(2, others=Role.AGENT)  # the second is no server: the run's lock is not among its execs
        run(two, AGENT, "n00[12]")
        at_work(two)
        nodes.forget()
        first, _ = actions.plan(two, OPTIONS, view(two))
        assert len(first.changes) == 2 * GOALS
        assert nodes.counts()["n002"] == PLAN

        nodes.forget()
        actions.bootstrap(two, OPTIONS, view(two), lambda *_: True)
        assert nodes.counts()["n002"] == BOOTSTRAP
        done = nodes.done()
        assert {done.pop("n001"), done.pop("n002")} == {WORK}
        assert set(done.values()) == {NONE}

        nodes.spread("n002")
        every = nodes.inventory(others=Role.AGENT)
        at_work(every)
        nodes.forget()
        plan, seen = actions.plan(every, OPTIONS, view(every))
        assert not seen.silent
        assert (plan.changes, plan.blind, plan.goals) == ((), (), 300 * GOALS)
        assert all(seen.knows(name) for name in nodes.names)
        assert nodes.counts() == dict.fromkeys(nodes.names, PLAN)
        assert set(nodes.done().values()) == {WORK}

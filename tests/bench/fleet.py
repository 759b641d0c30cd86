"""clustr beside other tools on hundreds of simulated nodes, the same work for all, in one run.

    python -m tests.bench.fleet [--nodes 300] [--only CASE] [--alone] [--limit 360] [--out build/bench.json]

It runs itself in namespaces of its own: no packet leaves this machine, and whatever it started ends with it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.bench import aims, root, table, tools
from tests.bench.case import Again, Case, Row
from tests.bench.measure import cost
from tests.bench.profiled import profile
from tests.bench.tools import Tool
from tests.simulated.nodes import HOUSE, Counts, Nodes
from tests.simulated.work import WHOLE

ROUND_TRIP = 0.030  # seconds, half of it in each direction, and one more before the first byte for TCP's handshake
LIMIT = 360.0  # seconds for one run of one tool; one that is stopped there is shown as such, and took at least that
REPEATS = 3  # of what ratios are made of: the median of them
BUILD = HOUSE / "build/bench"
SCRATCH = BUILD / "scratch"  # of the mount namespace alone, so that nothing is left whatever ends the run
STOPPED = 124
INSIDE = "CLUSTR_BENCH_INSIDE"
APART = (
    *("setpriv", "--pdeathsig", "KILL"),
    "unshare",
    "--net",
    "--mount",
    "--propagation=private",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
)


class Bench:
    """One run over the same nodes; each measured command leaves its log in build/bench/logs.

    `profiles` are of clustr's runs that missed an aim.
    """

    def __init__(self, nodes: Nodes, logs: Path, limit: float) -> None:
        self._nodes = nodes
        self._logs = logs
        self._limit = limit
        self.rows: list[Row] = []
        self.profiles: dict[tuple[Case, Again], list[str]] = {}
        self.failed = False  # a tool that ended by itself, and not well

    def measure(self, case: Case, tool: Tool, count: int, run: Again) -> Row:
        """One run; what it left on the roots is checked before it counts."""
        return self._keep([self._once(case, tool, count, run)])

    def compare(self, case: Case, tools: Sequence[Tool], count: int, run: Again) -> None:
        """Several runs each, in turns, so that what else the machine does falls on all alike."""
        rounds = [[self._once(case, tool, count, run) for tool in tools] for _ in range(REPEATS)]
        for rows in zip(*rounds, strict=True):
            self._keep(rows)

    def profile(self, case: Case, tool: Tool, run: Again) -> None:
        self.profiles[case, run] = profile(tool, case, BUILD / "peers", 2 * self._limit)

    def _keep(self, rows: Sequence[Row]) -> Row:
        """The median by wall time."""
        row = sorted(rows, key=lambda row: row.wall_s)[len(rows) // 2]
        self.rows.append(row)
        print(table.line(row), flush=True)
        return row

    def _once(self, case: Case, tool: Tool, count: int, run: Again) -> Row:
        nodes, log = self._nodes, self._logs / f"{case}-{tool.name}-{count}-{run}.log"
        nodes.forget()
        before = nodes.cpu()
        spent = cost(tool.commands[case], log=log, limit=self._limit, environment=tool.environment, cwd=tool.folder)
        counts = [counted for counted in nodes.counts().values() if counted != Counts(0, 0, 0)]
        self.failed |= spent.status not in (0, STOPPED)
        whole = spent.status == 0 and len(counts) == count and self._shows(case, log, count)
        connections = sum(counted.connections for counted in counts) / count
        execs = sum(counted.execs + counted.sftp for counted in counts) / count
        return Row(
            case, tool.name, tool.version, count, run, round(spent.wall_s, 2), round(spent.cpu_s, 2),
            round(spent.peak_mb, 1), round(connections, 2), round(execs, 2), round(nodes.cpu() - before, 1), whole,
        )  # fmt: skip

    def _shows(self, case: Case, log: Path, count: int) -> bool:
        """That it was done: every node's name in what the tool printed, all of the work on every root."""
        if case in (Case.COMMAND, Case.FACTS):
            said = log.read_text(errors="replace")
            return all(name in said for name in self._nodes.names[:count])
        if case is Case.WORK:
            done = self._nodes.done()
            return all(done[name] == WHOLE for name in self._nodes.names[:count])
        return True


def run(count: int, chosen: Sequence[Case], limit: float, *, alone: bool) -> list[Bench]:
    """All cases that are chosen, for up to `count` nodes."""
    lower, venv = BUILD / "root", None if alone else BUILD / "peers"
    logs = BUILD / "logs"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    benches = []
    if set(chosen) - {Case.PLAN}:
        with Nodes(SCRATCH, count, layers=(lower,), round_trip=ROUND_TRIP) as nodes:
            benches.append(Bench(nodes, logs, limit))
            for case in chosen:
                if case is Case.WORK:
                    _work(benches[0], nodes, venv, SCRATCH, max(1, count // 3))
                elif case is not Case.PLAN:
                    _one_look(benches[0], case, nodes, venv, SCRATCH, count)
    if Case.PLAN in chosen:
        benches.append(_growth(SCRATCH / "many", lower, logs, count, limit))
    return benches


def _peers(venv: Path | None, folder: Path, nodes: Nodes, count: int) -> list[Tool]:
    return tools.peers(venv, folder / "peers", nodes, count) if venv else []


def _own(folder: Path, nodes: Nodes, count: int) -> tuple[Tool, Tool]:
    inventory = nodes.inventory(count)
    return tools.clustr(folder, inventory), tools.bare_loop(folder, inventory)


def _one_look(bench: Bench, case: Case, nodes: Nodes, venv: Path | None, folder: Path, count: int) -> None:
    clustr, bare = _own(folder, nodes, count)
    bench.compare(case, (bare, clustr), count, Again.FIRST)
    if aims.misses_the_loop(bench.rows, case, Again.FIRST):
        bench.profile(case, clustr, Again.FIRST)
    for tool in _peers(venv, folder, nodes, count):
        bench.measure(case, tool, count, Again.FIRST)


def _work(bench: Bench, nodes: Nodes, venv: Path | None, folder: Path, count: int) -> None:
    clustr, bare = _own(folder, nodes, count)
    for tool in (clustr, *_peers(venv, folder, nodes, count)):
        nodes.fresh()
        first = bench.measure(Case.WORK, tool, count, Again.FIRST)
        if not first.whole:  # the rest is done by clustr, so that "again" means the same for all
            clustr.work()
        if tool is clustr:
            bench.compare(Case.WORK, (bare, clustr), count, Again.AGAIN)
        else:
            bench.measure(Case.WORK, tool, count, Again.AGAIN)
    if aims.misses_the_loop(bench.rows, Case.WORK, Again.AGAIN) or aims.misses_a_peer(bench.rows, Again.AGAIN):
        bench.profile(Case.WORK, clustr, Again.AGAIN)
    if aims.misses_a_peer(bench.rows, Again.FIRST):
        nodes.fresh()
        bench.profile(Case.WORK, clustr, Again.FIRST)


def _growth(folder: Path, lower: Path, logs: Path, count: int, limit: float) -> Bench:
    """clustr alone, facts and a plan with nothing to do, at more and more nodes."""
    most = 1000 if count >= 300 else 10 * count
    folder.mkdir()
    with Nodes(folder, most, layers=(lower,), round_trip=ROUND_TRIP) as nodes:
        bench = Bench(nodes, logs, limit)
        first = tools.clustr(folder, nodes.inventory(1))
        first.work()
        nodes.spread(nodes.names[0])
        for size in (most // 100 or 1, most // 10, most):
            tool = tools.clustr(folder, nodes.inventory(size))
            for case in (Case.FACTS, Case.PLAN):
                bench.measure(case, tool, size, Again.AGAIN)
        if aims.misses_growth(bench.rows):
            bench.profile(Case.PLAN, tool, Again.AGAIN)
        return bench


def _apart() -> int:
    """The same again in namespaces of its own, which end with this process, however that ends."""
    command = [*APART, sys.executable, "-m", "tests.bench.fleet", *sys.argv[1:]]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    process = subprocess.Popen(command, env={**os.environ, INSIDE: "1"}, cwd=HOUSE)
    try:
        return process.wait()
    finally:
        process.kill()
        process.wait()


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--nodes", type=int, default=300)
    asked.add_argument("--only", action="append", type=lambda word: Case(word.lower()))
    asked.add_argument("--alone", action="store_true", help="clustr and the bare loop, no other tools")
    asked.add_argument("--limit", type=float, default=LIMIT, help="seconds for one run of one tool")
    asked.add_argument("--out", type=Path, default=HOUSE / "build/bench.json")
    options = asked.parse_args()
    if os.geteuid() != 0:
        print("Simulated nodes are mounts and namespaces, which only root makes: sudo make bench", file=sys.stderr)
        return 1
    if INSIDE not in os.environ:
        root.built(BUILD / "root")
        tools.installed(BUILD / "peers")
        return _apart()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    SCRATCH.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", SCRATCH], check=True)
    print(table.head(), flush=True)
    benches = run(options.nodes, options.only or tuple(Case), options.limit, alone=options.alone)
    rows = [row for bench in benches for row in bench.rows]
    profiles = {key: lines for bench in benches for key, lines in bench.profiles.items()}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    print(f"\n{table.whole(rows)}\n{aims.told(rows, profiles)}")
    return 1 if any(bench.failed for bench in benches) else 0


if __name__ == "__main__":
    sys.exit(main())

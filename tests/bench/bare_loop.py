"""The bar: one fabric connection and one raw exec per node, no more, with as many threads as clustr has.

    python -m tests.bench.bare_loop CASE INVENTORY

It sends what the case is about in that one exec (the command, clustr's own facts script, its own probe script), keeps
the answer and judges nothing. It knows its key, and compares no host key.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fabric
import paramiko

from clustr.engine.script import new_nonce, probe_script
from clustr.engine.stage import stage_goals
from clustr.engine.window import WIDTH
from clustr.inventory.load import load
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Seen
from clustr.remote.facts_reader import facts_script
from tests.bench.case import COMMAND, Case
from tests.simulated.work import stages


def main(case: Case, inventory: Path) -> None:
    cluster = load(inventory)
    key = paramiko.PKey.from_path(str(cluster.nodes[0].ssh.key))
    line, script = _sent(case, cluster)

    def ask(node: Node) -> str:
        config = fabric.Config(lazy=True)
        options = {"pkey": key, "allow_agent": False, "look_for_keys": False}
        connection = fabric.Connection(
            node.address, user="root", port=node.ssh.port, config=config, connect_kwargs=options
        )
        connection.open()
        channel = connection.transport.open_session()
        channel.exec_command(line)
        channel.sendall(script)
        channel.shutdown_write()
        said: bytes = channel.makefile("rb").read()
        channel.recv_exit_status()
        return said.decode()

    with ThreadPoolExecutor(WIDTH) as pool:
        for node, said in zip(cluster.nodes, pool.map(ask, cluster.nodes), strict=True):
            print(node.name, len(said), said.partition("\n")[0])


def _sent(case: Case, cluster: Cluster) -> tuple[str, bytes]:
    match case:
        case Case.COMMAND:
            return " ".join(COMMAND), b""
        case Case.FACTS:
            return "bash", facts_script().encode()
        case _:
            goals = stage_goals(stages()[0], cluster, cluster.nodes[0], Seen({}))
            return "bash", probe_script(goals, new_nonce()).encode()


if __name__ == "__main__":
    main(Case(sys.argv[1]), Path(sys.argv[2]))

"""Two nodes that are bare, one of which something is wrong with; and a person who answers a question of clustr's."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.lab.cluster import Done, LabCluster


@dataclass(frozen=True)
class Bare:
    """`gate` is a third node, which is in no inventory here: a bastion."""

    cluster: LabCluster
    keys: Path

    def address(self, node: str) -> str:
        return str(self.cluster.lab.node(node).address)

    def inventory(self, name: str, about: dict[str, Any] | None = None, **ssh: Any) -> Path:
        """The lab's own with two nodes; `about` is set for agent1, `ssh` for both."""

        def edit(document: dict[str, Any]) -> None:
            document["ssh"] |= {"connect_timeout": 5, "connect_within": 1} | ssh
            document["nodes"] = [node for node in document["nodes"] if node["name"] in ("cp1", "agent1")]
            document["nodes"][1] |= about or {}

        return self.cluster.variant(name, edit)

    def plan(self, inventory: Path, **environment: str) -> tuple[int, str]:
        done = replace(self.cluster, environment=environment).clustr("plan", str(inventory), timeout=120)
        return done.status, folded(done)

    def bootstrap(self, inventory: Path, *words: str, **environment: str) -> tuple[int, str]:
        """Of agent1 alone, so that what is done to cp1 does not count."""
        on_one = ("bootstrap", str(inventory), "--yes", "--limit", "agent1", *words)
        done = replace(self.cluster, environment=environment).clustr(*on_one, timeout=120)
        return done.status, folded(done)


def folded(done: Done) -> str:
    """All that was shown, on one line: what is asserted are words, not where lines end."""
    return " ".join((done.stdout + done.stderr).split())


def answering(cluster: LabCluster, question: str, answer: str, *words: str) -> tuple[int, str]:
    """clustr at a terminal, by a person who answers one question."""
    here, there = pty.openpty()
    environment = {**cluster.env(), "TERM": "xterm-256color"}
    environment.pop("SSH_AUTH_SOCK", None)
    run = subprocess.Popen(
        cluster.command(*words), env=environment, stdin=there, stdout=there, stderr=there, start_new_session=True
    )
    os.close(there)
    shown, answered, deadline = b"", False, time.monotonic() + 120
    try:
        while select.select([here], [], [], max(0.0, deadline - time.monotonic()))[0]:
            try:
                shown += os.read(here, 65536)
            except OSError:  # EIO: the last writer is gone
                break
            if not answered and question.encode() in shown:
                answered = True
                os.write(here, f"{answer}\n".encode())
        return run.wait(10), shown.decode(errors="replace")
    finally:
        run.kill()
        run.wait()
        os.close(here)

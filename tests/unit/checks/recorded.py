"""A node that answers checks from a file of what real lab nodes said, and the cluster that those nodes were.

Record anew, from a running lab (then keep cp1, agent1 and gpu1; of etcd's metrics only the lines about leader and
peers are kept): python -m tests.unit.checks.recorded INVENTORY. What gpu1 says of its GPUs is what stand-ins say; the
bridge above them and nvidia_peermem, which a lab has not, were put in by hand, as was what is asked since.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from clustr.checks import gpu_node
from clustr.checks.catalogue import all_checks
from clustr.checks.questions import Answer
from clustr.checks.run import check_node
from clustr.errors import UnreachableError
from clustr.inventory.load import load
from clustr.inventory.model import Cluster, Node
from clustr.remote.connection import Connection, Result
from clustr.templates import text

FOLDER = Path(__file__).with_name("answers")
# Asked whole; in a file of answers they go by their names.
SCRIPTS = {"checks/gpu.sh": gpu_node.script(), "checks/fabric.sh": text("checks/fabric.sh")}
Answers = Mapping[str, Answer]


def recorded_cluster() -> Cluster:
    return load(FOLDER / "inventory.yaml")


def recorded_nodes(cluster: Cluster) -> list[Node]:
    """The nodes that a file is kept of: one of each kind."""
    return [node for node in cluster.nodes if (FOLDER / f"{node.name}.json").exists()]


def recorded_answers(node: str) -> dict[str, Answer]:
    document = json.loads((FOLDER / f"{node}.json").read_text())
    return {SCRIPTS.get(asked, asked): Answer(**answer) for asked, answer in document.items()}


class Spoken:
    """A Connection whose node gives these answers to these commands, and none to any other."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.asked: list[list[str]] = []  # the commands of each script
        self.cut = False

    def run(
        self,
        script: str,
        *,
        sudo: bool = True,
        on_line: Callable[[str], None] | None = None,
        timeout: float | None = None,
    ) -> Result:
        nonce, questions = read_script(script)
        self.asked.append(list(questions.values()))
        if self.cut:
            raise UnreachableError("the connection was cut")
        lines = []
        for number, command in questions.items():
            if command in self.answers:
                answer = self.answers[command]
                lines += ["", f"::{nonce} {number} {answer.status}", _encoded(answer.stdout)]
                lines += [_encoded(answer.stderr), f"::{nonce} end"]
        return Result(0, "\n".join(lines) + "\n", "")

    def close(self) -> None:
        pass


def read_script(script: str) -> tuple[str, dict[int, str]]:
    """The nonce, and the commands by their number."""
    nonce = re.findall(r"^mark=(\w+)$", script, re.MULTILINE)[0]
    body = script.split("main() {\n", 1)[1]
    words = [shlex.split(line) for line in re.findall(r"^  (ask (?:.|\n)*?)(?=\n  (?:ask|:))", body, re.MULTILINE)]
    return nonce, {int(number): command for _, number, _, command in words}


class Recorder:
    """Passes scripts on and keeps what came back."""

    def __init__(self, inner: Connection) -> None:
        self.inner = inner
        self.answers: dict[str, Answer] = {}

    def run(
        self,
        script: str,
        *,
        sudo: bool = True,
        on_line: Callable[[str], None] | None = None,
        timeout: float | None = None,
    ) -> Result:
        from clustr.checks.questions import read_answers

        result = self.inner.run(script, sudo=sudo, on_line=on_line, timeout=timeout)
        nonce, questions = read_script(script)
        for number, answer in read_answers(result.stdout, nonce).items():
            self.answers[questions[number]] = answer
        return result

    def close(self) -> None:
        self.inner.close()


def record(inventory: Path) -> None:
    from clustr.remote.ssh import Network

    cluster = load(inventory)
    with Network() as network:
        for node in cluster.nodes:
            recorder = Recorder(network.open(node))
            check_node(all_checks(), cluster, node, recorder)
            called = {script: name for name, script in SCRIPTS.items()}
            answers = {called.get(command, command): vars(answer) for command, answer in recorder.answers.items()}
            (FOLDER / f"{node.name}.json").write_text(json.dumps(answers, indent=1, sort_keys=True) + "\n")
            recorder.close()


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


if __name__ == "__main__":
    record(Path(sys.argv[1]))

"""What is done to a Node object while its machine is worked on, over a server's connection: no client on the laptop.

A node that clustr cordons carries an annotation (templates/remote/kubectl.sh) with the run's id, so that the next run
can finish what a cut one left. A node that a person cordoned has no such mark and stays as it is.
"""

from __future__ import annotations

import re
import shlex
from enum import StrEnum

from clustr.errors import ApplyError, ClustrError
from clustr.remote.connection import Connection, Result
from clustr.templates import text

_LIMIT = 40.0  # seconds; each request has a limit of its own, and there are two at most


class Cordon(StrEnum):
    OURS = "ours"
    THEIRS = "theirs"  # a person's, or another run's: left as it is
    OPEN = "open"  # there is none to lift


def kubectl_script(act: str, *words: str) -> str:
    """cordon NODE RUN, uncordon NODE RUN, drain NODE SECONDS or ready NODE, as bash that needs nothing else."""
    call = shlex.join([act, *words])
    return f"{text('remote/kubectl.sh')}\nmain() {{\n  {call}\n}}\nmain </dev/null\n"


def cordon_marked(connection: Connection, node: str, run_id: str) -> Cordon:
    """Keeps new pods off the node and marks it as ours; THEIRS where a person had cordoned it already."""
    result = connection.run(kubectl_script("cordon", node, run_id), timeout=_LIMIT)
    return Cordon(_answer(result, node, "could not be cordoned"))


def uncordon_marked(connection: Connection, node: str, run_id: str) -> Cordon:
    """Lets pods in again where this run has cordoned it, and takes the mark away.

    THEIRS where it stays cordoned, as it has no such mark; OPEN where it takes pods already. Another run's mark stays:
    a run that lost its lock gives back no node that the next one drains.
    """
    result = connection.run(kubectl_script("uncordon", node, run_id), timeout=_LIMIT)
    return Cordon(_answer(result, node, "could not be uncordoned"))


def drain(connection: Connection, node: str, run_id: str, timeout: float) -> Cordon:
    """Cordons the node and evicts its pods within `timeout` seconds.

    Raises ApplyError that names the pods and budgets in the way; the node is uncordoned again then, if it was ours.
    """
    cordon = cordon_marked(connection, node, run_id)
    result = connection.run(kubectl_script("drain", node, f"{timeout:.0f}"), timeout=timeout + _LIMIT)
    if result.status == 0:
        return cordon
    refused = ApplyError(
        f"{node} could not be drained within {timeout:.0f} s: {_in_the_way(result.stderr)}",
        "let go of those pods, or change their PodDisruptionBudget, and run it again",
        node=node,
        detail=result.stderr.strip(),
    )
    if cordon is Cordon.OURS:
        try:
            uncordon_marked(connection, node, run_id)
        except ClustrError as error:
            refused.detail += f"\nIt is still cordoned ({error.problem}); the next run uncordons it."
    raise refused


def node_ready(connection: Connection, node: str, boot_id: str) -> bool:
    """Whether the API calls the node Ready, by what its kubelet said in this boot; False too where no API answers.

    A node that boots within the 40 s after which a silent one counts as lost is Ready all the while.
    """
    result = connection.run(kubectl_script("ready", node), timeout=_LIMIT)
    return result.status == 0 and {"answer=True", f"boot={boot_id}"} <= set(result.stdout.split())


def _in_the_way(words: str) -> str:
    """The pods that kubectl drain names, each once: those it cannot evict, and those that nothing would make again."""
    evicted = re.findall(r'evicting pods/"([^"]+)" -n "([^"]+)"', words)
    bare = re.findall(r"\(use --[\w-]+ to override\): (.+?)(?:, continuing|;|$)", words, re.MULTILINE)
    pods = [f"{namespace}/{pod}" for pod, namespace in evicted] + [pod for found in bare for pod in found.split(", ")]
    return ", ".join(dict.fromkeys(pods)) or "see what kubectl says"


def _answer(result: Result, node: str, problem: str) -> str:
    found = re.search(rf"^answer=({'|'.join(Cordon)})$", result.stdout, re.MULTILINE)
    if result.status or not found:
        raise ApplyError(
            f"{node} {problem}", f"see: kubectl describe node {node}", node=node, detail=result.stderr.strip()
        )
    return found[1]

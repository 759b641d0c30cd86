"""Simulated nodes for tests and the bench: started, counted, taken away again without a trace.

They live in mount and PID namespaces of their own, which end with their server; `python` is the one that has asyncssh.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clustr.artifacts import ARCHITECTURES, K3S, Sum, keep_sums
from clustr.inventory.load import load
from clustr.inventory.model import Role
from tests.simulated.work import Done

HOUSE = Path(__file__).parents[2]
PORT = 2200
# PID 1 of the nodes' namespace: it is called as on a real node, reaps what is left over, and ends with the server.
INIT = 'echo systemd >/proc/self/comm; exec 3<&0; "$@" <&3 & exec 3<&-; wait $!'
START = ("unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child", "--mount-proc")
INVENTORY = """\
# A stand-in's: made for simulated nodes.
cluster: simulated
ssh: {{user: root, port: {port}, key: {key}, known_hosts: {known_hosts}}}
network: {{cluster_cidr: 10.64.0.0/12}}
k3s: {{allow_cgroup_v1: true}}
monitoring: {{enabled: false}}
nodes:
{nodes}
"""


@dataclass(frozen=True)
class Counts:
    """What one node's server saw since the last `forget`."""

    connections: int
    execs: int
    sftp: int


class Nodes:
    """`count` nodes named n001 and so on, with roots over `layers`. Use it as a context manager."""

    def __init__(
        self,
        folder: Path,
        count: int,
        *,
        layers: Sequence[Path] = (Path("/"),),
        round_trip: float = 0.0,
        port: int = PORT,
    ) -> None:
        self.folder = folder
        self.port = port
        width = len(str(count))
        self.names = [f"n{number:0{width}}" for number in range(1, count + 1)]
        self.addresses = [f"127.1.{number // 250}.{number % 250 + 1}" for number in range(count)]
        self.key, self.known_hosts = folder / "id_ed25519", folder / "known_hosts"
        host_key, user_key = _new_key(), _new_key()
        _write_private(self.key, _private(user_key))
        public = _public(host_key)
        self.known_hosts.write_text("".join(f"[{each}]:{port} {public}\n" for each in self.addresses))
        self._settings = {
            "names": self.names,
            "addresses": self.addresses,
            "folder": str(folder / "roots"),
            "layers": [str(layer) for layer in layers],
            "round_trip": round_trip,
            "port": port,
            "host_key": _private(host_key),
            "user_key": _public(user_key),
        }

    def __enter__(self) -> Nodes:
        command = [*START, "bash", "-c", INIT, "init", sys.executable, "-m", "tests.simulated.server"]
        pipe = subprocess.PIPE
        self._server = subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=HOUSE, text=True)
        try:
            self._say(json.dumps(self._settings))
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        self._server.kill()
        self._server.wait()
        for stream in (self._server.stdin, self._server.stdout):
            if stream:
                stream.close()

    def _say(self, order: str) -> object:
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.write(f"{order}\n")
        self._server.stdin.flush()
        answer = self._server.stdout.readline()
        if not answer:
            raise RuntimeError("the simulated nodes' server has ended; what it said is above")
        return json.loads(answer)

    def counts(self) -> Mapping[str, Counts]:
        answer = self._say("counted")
        assert isinstance(answer, dict)
        return {name: Counts(**values) for name, values in answer.items()}

    def forget(self) -> None:
        """The counts begin at nothing again."""
        self._say("forget")

    def cpu(self) -> float:
        """Seconds that the nodes themselves took so far: their SSH server, and the commands that have ended."""
        answer = self._say("cpu")
        assert isinstance(answer, float)
        return answer

    def done(self) -> dict[str, Done]:
        """How much of the work each root shows."""
        answer = self._say("done")
        assert isinstance(answer, dict)
        return {name: Done(**values) for name, values in answer.items()}

    def fresh(self) -> None:
        """New roots on all nodes; connections stay."""
        self._say("fresh")

    def spread(self, name: str) -> None:
        """New roots on all nodes, as this one's is now; connections stay."""
        self._say(f"spread {name}")

    def inventory(self, count: int = 0, *, others: Role = Role.MONITOR) -> Path:
        """An inventory of the first `count` nodes, or of all: one server, the others monitors, which k3s never sees, or
        of another role."""
        count = count or len(self.names)
        lines = [
            f"  - {{name: {name}, address: {address}, roles: [{others if place else Role.SERVER}]}}"
            for place, (name, address) in enumerate(zip(self.names[:count], self.addresses[:count], strict=True))
        ]
        text = INVENTORY.format(port=self.port, key=self.key, known_hosts=self.known_hosts, nodes="\n".join(lines))
        path = self.folder / f"inventory-{count}.yaml"
        path.write_text(text)
        _pin_k3s(path)
        return path


def _pin_k3s(inventory: Path) -> None:
    """A sum that fits no release, so that a plan reads none from the world; these stages download nothing."""
    cluster = load(inventory)
    paths = (K3S.path(cluster.k3s.version, architecture) for architecture in ARCHITECTURES.values())
    keep_sums(cluster, {path: Sum("0" * 64, "simulated", "never") for path in paths})


def _new_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def _private(key: Ed25519PrivateKey) -> str:
    return key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption()).decode()


def _public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)

"""Many nodes in one process: an SSH server on a loopback address for each, a real bash in the node's root per exec.

    python -m tests.simulated.server < orders

Orders are JSON lines on stdin, answers JSON lines on stdout; it ends with stdin. tests/simulated/nodes.py starts it.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import asyncssh

from tests.simulated.line import DelayedLoop
from tests.simulated.roots import Root, Roots
from tests.simulated.work import count

CHUNK = 65_536
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "USER": "root",
    "LOGNAME": "root",
    "SHELL": "/bin/bash",
    "LANG": "C.UTF-8",
}


@dataclass
class Counted:
    """What a node's server saw: connections, commands, SFTP sessions."""

    connections: int = 0
    execs: int = 0
    sftp: int = 0


class Node:
    """One node as its server has it; `root` may be a new one at any time."""

    def __init__(self, root: Root) -> None:
        self.root = root
        self.counted = Counted()

    async def run(self, process: Any) -> None:
        """One exec: the command in the node's root, its three streams, its status."""
        self.counted.execs += 1
        command = self.root.entered(process.command or "exec bash -l")
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe, env=ENVIRONMENT)
        feeding = asyncio.create_task(_feed(process.stdin, child.stdin))
        try:
            await asyncio.gather(_pump(child.stdout, process.stdout), _pump(child.stderr, process.stderr))
            status = await child.wait()
            process.exit(status if status >= 0 else 128 - status)
        except (asyncssh.Error, OSError):
            if child.returncode is None:
                child.kill()
        finally:
            feeding.cancel()
            process.close()


async def _pump(source: Any, target: Any) -> None:
    while data := await source.read(CHUNK):
        target.write(data)
        await target.drain()


async def _feed(source: Any, target: Any) -> None:
    try:
        await _pump(source, target)
    except (asyncssh.Error, OSError):
        pass  # the command ended before it had read all
    finally:
        target.close()


class Server:
    """All nodes, by address."""

    def __init__(self, names: Sequence[str], addresses: Sequence[str], roots: Roots) -> None:
        self._roots = roots
        self._nodes = {address: Node(roots.all[name]) for name, address in zip(names, addresses, strict=True)}

    async def listen(self, port: int, host_key: str, user_key: str) -> None:
        await asyncssh.listen(
            list(self._nodes),
            port,
            backlog=1024,
            server_factory=lambda: _Login(self._nodes),
            process_factory=lambda process: self._of(process).run(process),
            sftp_factory=self._sftp,
            server_host_keys=[asyncssh.import_private_key(host_key)],
            authorized_client_keys=asyncssh.import_authorized_keys(user_key),
            encoding=None,
            line_editor=False,
            compression_algs=None,
            login_timeout=120,
        )

    def _of(self, channel: Any) -> Node:
        return self._nodes[channel.get_extra_info("sockname")[0]]

    def _sftp(self, channel: Any) -> asyncssh.SFTPServer:
        node = self._of(channel)
        node.counted.sftp += 1
        return asyncssh.SFTPServer(channel, chroot=str(node.root.path).encode())

    def answer(self, order: str) -> object:
        word, _, rest = order.partition(" ")
        orders: dict[str, Callable[[], object]] = {
            "counted": lambda: {node.root.name: asdict(node.counted) for node in self._nodes.values()},
            "done": lambda: {node.root.name: asdict(count(node.root.path)) for node in self._nodes.values()},
            "cpu": _cpu,
            "forget": self._forget,
            "fresh": lambda: self._renew(self._roots.fresh),
            "spread": lambda: self._renew(lambda: self._roots.spread(rest)),
        }
        return orders[word]()

    def _forget(self) -> None:
        for node in self._nodes.values():
            node.counted = Counted()

    def _renew(self, make: Callable[[], None]) -> None:
        make()
        for node in self._nodes.values():
            node.root = self._roots.all[node.root.name]


def _cpu() -> float:
    """Seconds of this server, of the commands that have ended, and of what they left to PID 1, which reaped it."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    first = Path("/proc/1/stat").read_text().rpartition(")")[2].split()
    left = sum(int(ticks) for ticks in first[13:15]) / os.sysconf("SC_CLK_TCK")  # cutime, cstime: proc(5)
    return left + sum(each.ru_utime + each.ru_stime for each in used)


class _Login(asyncssh.SSHServer):
    """Counts the connection; asyncssh checks the key."""

    def __init__(self, nodes: dict[str, Node]) -> None:
        self._nodes = nodes

    def connection_made(self, conn: Any) -> None:
        self._nodes[conn.get_extra_info("sockname")[0]].counted.connections += 1


async def serve(settings: dict[str, Any]) -> None:
    names, addresses = settings["names"], settings["addresses"]
    layers = [Path(layer) for layer in settings["layers"]]
    server = Server(names, addresses, Roots(Path(settings["folder"]), names, layers))
    await server.listen(settings["port"], settings["host_key"], settings["user_key"])
    print(json.dumps("ready"), flush=True)
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while order := (await orders.readline()).decode().strip():
        print(json.dumps(server.answer(order)), flush=True)


def main() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    settings = json.loads(sys.stdin.readline())
    loop = DelayedLoop(settings["round_trip"])
    if sys.version_info < (3, 12):
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())
    asyncio.set_event_loop(loop)
    loop.run_until_complete(serve(settings))


if __name__ == "__main__":
    main()

"""Nodes that exist only in memory: they read clustr's scripts, and answer as a machine with these goals would."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from clustr.errors import UnreachableError
from clustr.inventory.model import Node
from clustr.remote.connection import Result
from clustr.remote.facts import Facts
from tests.unit.engine.things import facts

WORK = re.compile(r"^goal (\d+) # (\w+): (.*)$", re.MULTILINE)
PROBE = re.compile(r"^goal_(\d+)\(\) \{ # (\w+): (.*)$", re.MULTILINE)


@dataclass
class World:
    """What all simulated nodes share: what happened, in order, and what goes wrong."""

    happened: list[str] = field(default_factory=list)
    met: dict[str, set[str]] = field(default_factory=dict)  # goals that are true, by node
    fails: set[tuple[str, str]] = field(default_factory=set)  # (node, goal) whose apply fails
    vain: set[tuple[str, str]] = field(default_factory=set)  # whose apply ends well and changes nothing
    refuses_drain: set[str] = field(default_factory=set)
    cordoned: set[str] = field(default_factory=set)  # by a person, before the run
    kubelets_gone: set[str] = field(default_factory=set)  # that tell nothing after a boot
    dead: set[str] = field(default_factory=set)  # nodes that never come back from a boot
    knows: tuple[str, ...] = ()  # Node objects of the running cluster
    seconds: float = 0.0  # that an apply takes
    at_work: int = 0
    most_at_work: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    boots: dict[str, int] = field(default_factory=dict)

    def say(self, what: str) -> None:
        with self.lock:
            self.happened.append(what)

    def open(self, node: Node) -> SimulatedNode:
        if node.name in self.dead and self.boots.get(node.name, 0):
            raise UnreachableError("no answer", node=node.name)
        return SimulatedNode(self, node.name)

    def facts(self, name: str) -> Facts:
        knows = self.knows if name.startswith("cp") else ()
        return replace(facts(name, knows=knows), boot_id=f"boot{self.boots.get(name, 0)}-of-{name}")


@dataclass
class SimulatedNode:
    world: World
    name: str

    def run(
        self,
        script: str,
        *,
        sudo: bool = True,
        on_line: Callable[[str], None] | None = None,
        timeout: float | None = None,
    ) -> Result:
        if "systemd-run" in script:
            lines = self._apply(script)
        elif PROBE.search(script):
            lines = self._probe(script)
        elif "boot_id" in script:
            lines = [f"boot{self.world.boots.get(self.name, 0)}-of-{self.name}"]
        elif script == ":" or "read_to_its_end" in script:
            lines = []
        elif "systemctl reboot" in script:
            self.world.say(f"reboot {self.name}")
            self.world.boots[self.name] = self.world.boots.get(self.name, 0) + 1
            lines = []
        else:
            return self._kubectl(script)
        for line in lines if on_line else ():
            on_line(line)  # type: ignore[misc]
        return Result(0, "\n".join(lines) + "\n", "")

    def close(self) -> None:
        pass

    def _probe(self, script: str) -> list[str]:
        found = re.search(r"^mark=(\w+)$", script, re.MULTILINE)
        assert found
        met, lines = self.world.met.setdefault(self.name, set()), [""]
        for number, _, name in PROBE.findall(script):
            answer = "yes" if name in met else "no"
            lines += [f"::{found[1]} answer {number}", answer, "", f"::{found[1]} status {number} 0", ""]
        return [*lines, f"::{found[1]} end"]

    def _apply(self, script: str) -> list[str]:
        world = self.world
        with world.lock:
            world.at_work += 1
            world.most_at_work = max(world.most_at_work, world.at_work)
        time.sleep(world.seconds)
        run_id = re.findall(r"^run_id=(\S+)$", script, re.MULTILINE)[0]
        ended = re.findall(r"^ended='(\w+)'$", script, re.MULTILINE)[0]
        lines, verdict = [], [f"run {run_id}"]
        for number, _, name in WORK.findall(script):
            world.say(f"{self.name}: {name}")
            lines.append(f"::goal {number}")
            if (self.name, name) in world.fails:
                lines += ["E: it broke", f"::failed {number} 41 false"]
                verdict.append(f"failed {number} 41 false")
                ended = "failed"
                break
            if (self.name, name) not in world.vain:
                world.met.setdefault(self.name, set()).add(name)
            lines.append(f"::done {number}")
            verdict.append(f"done {number}")
        with world.lock:
            world.at_work -= 1
        return [*lines, "::verdict", *verdict, f"status {ended}"]

    def _kubectl(self, script: str) -> Result:
        act, node = re.findall(r"^  (cordon|uncordon|drain|ready) (\S+)", script, re.MULTILINE)[-1]
        if act == "ready":
            boot = self.world.boots.get(node, 0) if node not in self.world.kubelets_gone else -1
            return Result(0, f"answer=True\nboot=boot{boot}-of-{node}\n", "")
        self.world.say(f"{act} {node}")
        if act == "drain" and node in self.world.refuses_drain:
            return Result(1, "", 'error when evicting pods/"web" -n "default": disruption budget')
        return Result(0, f"answer={'theirs' if node in self.world.cordoned else 'ours'}\n", "")

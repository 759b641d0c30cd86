"""A lab and the clustr that works on it: the command line as a person runs it, and the inside of each node."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from clustr import lab as labs
from clustr.lab.model import Lab

KUBECTL = "k3s kubectl"


@dataclass(frozen=True)
class Done:
    """A finished command."""

    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    def expect(self, status: int = 0) -> Done:
        assert self.status == status, f"status {self.status}\n{self.stdout}\n{self.stderr}"
        return self


@dataclass(frozen=True)
class LabCluster:
    """`home` is the laptop: HOME, state and kubeconfig of every clustr that the tests run."""

    lab: Lab
    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def inventory(self) -> Path:
        return self.lab.inventory

    @property
    def kubeconfig(self) -> Path:
        return self.home / ".kube" / "config"

    @property
    def runs(self) -> list[Path]:
        """Run folders, oldest first."""
        return sorted((self.home / ".local/state/clustr" / self.lab.name).glob("*"))

    def env(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "KUBE", "CLUSTR_"))}
        return {**kept, "HOME": str(self.home), "COLUMNS": "120", **self.environment}

    def command(self, *words: str) -> list[str]:
        return [str(Path(sys.executable).with_name("clustr")), *words]

    def clustr(self, *words: str, timeout: float = 900) -> Done:
        """Runs `clustr WORDS` to its end."""
        done = subprocess.run(
            self.command(*words), env=self.env(), capture_output=True, text=True, timeout=timeout, check=False
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Starts `clustr WORDS`, for tests that interrupt it."""
        return subprocess.Popen(
            self.command(*words), env=self.env(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def plan(self, inventory: Path | None = None, *words: str) -> list[dict[str, Any]]:
        """The planned changes, each with its stage."""
        document = self.clustr("plan", str(inventory or self.inventory), "--output", "json", *words).expect().json
        return [{**change, "stage": stage["name"]} for stage in document["stages"] for change in stage["changes"]]

    def bootstrap(self, inventory: Path | None = None, *words: str) -> Done:
        return self.clustr("bootstrap", str(inventory or self.inventory), "--yes", *words)

    def events(self, folder: Path | None = None) -> list[dict[str, Any]]:
        """What the last run told, in order."""
        lines = ((folder or self.runs[-1]) / "events.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def variant(self, name: str, edit: Callable[[dict[str, Any]], None]) -> Path:
        """Another inventory beside the lab's own: the same document, edited."""
        document = yaml.safe_load(self.inventory.read_text())
        edit(document)
        path = self.inventory.with_name(f"{name}.yaml")
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        return path

    def on(self, node: str, script: str) -> str:
        """What a root shell on the node prints; fails the test where the script fails."""
        result = labs.execute(self.lab, self.lab.node(node), script)
        assert result.status == 0, f"{node}: status {result.status}\n{script}\n{result.stdout}\n{result.stderr}"
        return result.stdout

    def kubectl(self, words: str, node: str = "cp1") -> str:
        return self.on(node, f"{KUBECTL} {words}")

    @property
    def nodes(self) -> list[str]:
        return [node.name for node in self.lab.nodes]


def changes(planned: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """What a plan changes, in words that tests compare."""
    return [(change["node"], change["component"], change["goal"]) for change in planned]

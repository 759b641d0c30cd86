"""One node with GPUs that are not there and no Kubernetes, and NVIDIA's repository beside it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clustr import lab as labs
from clustr.lab.model import GpuModel, Gpus, Release, Spec
from clustr.versions import DEFAULT_K3S
from tests.lab.cluster import Done, LabCluster
from tests.vendor.catalogue import publish_all, told
from tests.vendor.repository import SigningKey, new_key
from tests.vendor.served import Place, served

# What a change of the driver may not touch where it fails: packages with their holds, package sources and preferences,
# the modules of every kernel, what is loaded and since when the node runs.
STATE = r"""
dpkg-query -W -f='${db:Status-Abbrev} ${Package} ${Version}\n'
find /etc/apt /lib/modules/*/updates /etc/modprobe.d -type f 2>/dev/null | sort | xargs sha256sum
cat /proc/driver/nvidia/version 2>/dev/null || echo nothing is loaded
cat /proc/sys/kernel/random/boot_id
ls --ignore=lists-read /var/lib/clustr
"""


@dataclass(frozen=True)
class DriverNode:
    """`place` serves the repository, `key` signs it; `folder` is below what is served."""

    cluster: LabCluster
    place: Place
    key: SigningKey

    @property
    def name(self) -> str:
        return self.cluster.nodes[0]

    @property
    def repository(self) -> Path:
        return self.place.folder / "nvidia/debian12/x86_64"

    def on(self, script: str) -> str:
        return self.cluster.on(self.name, script)

    def state(self) -> str:
        return self.on(STATE)

    def wanting(self, source: str = "nvidia", branch: str = "580", *, site_key: bool = True) -> Path:
        """The inventory for this driver. Without the site's key NVIDIA's own is asked for, by its fingerprint."""

        def edit(document: dict[str, Any]) -> None:
            flavour = "proprietary" if source == "distro" else "auto"
            document["driver"] = {"source": source, "branch": branch, "modules": flavour}
            document["artifacts"] = {"mirror": self.place.url}
            told(self.place, self.key, document)
            if not site_key:
                del document["artifacts"]["keys"]

        return self.cluster.variant(f"{source}-{branch}", edit)

    def plan(self, inventory: Path) -> list[list[str]]:
        """Component, goal, before, after and note of each change."""
        return [json.loads(line) for line in self._run("plan", inventory).expect().stdout.splitlines()]

    def bootstrap(self, inventory: Path) -> Done:
        return self._run("bootstrap", inventory)

    def refused(self, inventory: Path) -> str:
        """What a run says that fails, and leaves the node as it was."""
        before = self.state()
        done = self.bootstrap(inventory).expect(6)
        assert self.state() == before
        return done.stdout

    def _run(self, act: str, inventory: Path) -> Done:
        command = [sys.executable, "-m", "tests.lab.prepared", act, str(inventory)]
        done = subprocess.run(
            command, env=self.cluster.env(), capture_output=True, text=True, check=False, timeout=1200
        )
        return Done(done.returncode, done.stdout, done.stderr)


@contextmanager
def driver_node(
    name: str, folder: Path, release: Release = Release.BOOKWORM, model: GpuModel = GpuModel.A100
) -> Iterator[DriverNode]:
    """A100 boards have NVSwitch, and with it fabric manager."""
    labs.down(name, say)
    gpus = Gpus(2, model)
    lab = labs.up(Spec(name=name, servers=1, agents=0, artifacts="none", release=release, gpus=gpus), say)
    key = new_key(folder / "k")
    publish_all(folder / "served", key)
    _k3s(folder / "served")
    try:
        with served(folder / "served", str(lab.gateway), folder / "tls") as place:
            yield DriverNode(LabCluster(lab, folder), place, key)
    finally:
        labs.down(name, say)


def say(_: str) -> None: ...


def _k3s(folder: Path) -> None:
    """A plan asks for the sum of k3s's release, whichever stages there are. Nothing installs this one."""
    release = folder / f"k3s-io/k3s/releases/download/{DEFAULT_K3S}"
    release.mkdir(parents=True)
    (release / "k3s").write_text("stand-in for tests\n")
    total = hashlib.sha256(b"stand-in for tests\n").hexdigest()
    (release / "sha256sum-amd64.txt").write_text(f"{total}  k3s\n")

"""One lab whose agents have GPUs that are not there, and a cluster on it, for all tests of GPUs under Kubernetes.

The driver comes from a stand-in of NVIDIA's repository (tests/vendor), its modules from DKMS; Kubernetes is real.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from clustr import lab as labs
from clustr.lab.model import GpuModel, Gpus, Spec
from tests.lab.cluster import Done, LabCluster
from tests.vendor import catalogue
from tests.vendor.repository import SigningKey, new_key
from tests.vendor.served import Place, served

NAME = os.environ.get("CLUSTR_TEST_GPU_LAB", "test-gpu")  # another name for a run beside another
ARTIFACTS = os.environ.get("CLUSTR_TEST_ARTIFACTS", "")
AGENTS = ("agent1", "agent2", "agent3")
GPUS = 8
# A program of a name of its own that has a device open, whoever started it long gone.
STRANGER = """cp /bin/sleep /usr/local/bin/somebodys-job
setsid bash -c 'exec 9<DEVICE; exec somebodys-job infinity' </dev/null >/dev/null 2>&1 &"""
LOADED = "head -n 1 /proc/driver/nvidia/version"


@dataclass(frozen=True)
class GpuLab:
    """`place` is where the driver comes from, signed with `key`."""

    cluster: LabCluster
    place: Place
    key: SigningKey

    def inventory(
        self, name: str, branch: int, modules: str = "open", edit: Callable[[dict[str, Any]], None] = lambda _: None
    ) -> Path:
        """The lab's inventory, with this driver on nodes that have GPUs."""

        def with_driver(document: dict[str, Any]) -> None:
            catalogue.told(self.place, self.key, document)
            document["driver"] = {"source": "nvidia", "branch": branch, "modules": modules}
            edit(document)

        return self.cluster.variant(name, with_driver)

    def bootstrap(self, inventory: Path, *words: str) -> Done:
        return self.cluster.clustr("bootstrap", str(inventory), "--yes", *words, timeout=1800)

    def driver(self, node: str) -> str:
        """What the kernel has loaded: "580.173.02 open"."""
        said = self.cluster.on(node, LOADED).split()
        version = next(word for word in said if word[0].isdigit() and word.count(".") > 0)
        return f"{version} {'open' if 'Open' in said else 'proprietary'}"

    def packages(self, node: str) -> str:
        """Every package on the node with its version and state."""
        return self.cluster.on(node, "dpkg-query -W -f '${Package} ${Version} ${Status}\\n'")

    def boot_id(self, node: str) -> str:
        return self.cluster.on(node, "cat /proc/sys/kernel/random/boot_id").strip()

    def unschedulable(self, node: str) -> bool:
        return bool(self.cluster.kubectl(f"get node {node} -o jsonpath='{{.spec.unschedulable}}'").strip())

    def apply(self, manifest: str) -> None:
        self.cluster.on("cp1", f"k3s kubectl apply -f - <<'END_OF_MANIFEST'\n{manifest}\nEND_OF_MANIFEST")

    def held_by_a_stranger(self, node: str, device: str = "/dev/nvidia0") -> int:
        """A process of nobody's that has the device open; its pid."""
        return int(self.cluster.on(node, f"{STRANGER.replace('DEVICE', device)}\necho $!").split()[-1])


@pytest.fixture(scope="session")
def gpu_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GpuLab]:
    """A server, and three agents with eight GPUs each that run branch 580; each module leaves the cluster whole."""
    kept = os.environ.get("CLUSTR_TEST_KEEP_GPU")  # the laptop's folder: the cluster of a run before is used, and kept
    found = kept and any(lab.name == NAME for lab in labs.all_labs())
    if not found:
        labs.down(NAME, lambda line: None)
        spec = Spec(name=NAME, servers=1, agents=3, artifacts=ARTIFACTS, gpus=Gpus(GPUS, GpuModel.H100))
        labs.up(spec, lambda line: None)
    cluster = LabCluster(labs.load(NAME), Path(kept) if kept else tmp_path_factory.mktemp("laptop"))
    with TemporaryDirectory(prefix="vendor-") as folder:
        key = new_key(Path(folder))
        catalogue.publish_all(Path(folder) / "www", key)
        with served(Path(folder) / "www", str(cluster.lab.gateway), Path(folder) / "tls") as place:
            gpu = GpuLab(cluster, place, key)
            if not found:
                gpu.bootstrap(gpu.inventory("first", 580)).expect()
            yield gpu
    if not kept:
        labs.down(NAME, lambda line: None)

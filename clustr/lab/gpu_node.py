"""Makes a node of a lab one with GPUs, none of which are there: what its kernel would say of them, and stand-ins for
the programs that load their driver. templates/lab/gpu has these; boards.py, what the machine consists of."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from clustr import templates
from clustr.errors import UsageError
from clustr.lab import boards, cgroups, programs
from clustr.lab.model import Gpus, Lab, LabNode

PLACE = "usr/local/lib/clustr-lab"
MACHINE = f"{PLACE}/gpu"
UNIT = "clustr-lab-gpu.service"
INSTALL = "install.sh"


def check(gpus: Gpus | None) -> None:
    """Raises UsageError for a folder of NVML's that holds none."""
    if gpus and gpus.nvml and not any(gpus.nvml.glob("libnvidia-ml.so*")):
        raise UsageError(f"There is no libnvidia-ml.so in {gpus.nvml}.", "Give --nvml the folder that holds it.")


def prepare(lab: Lab, node: LabNode) -> None:
    """Before its first boot; does nothing to a node without GPUs."""
    if node.gpus is None:
        return
    root = lab.root(node)
    for file in sorted((templates.folder() / "lab/gpu").iterdir()):
        if file.name != INSTALL:
            place = root / "etc/systemd/system" if file.name == UNIT else root / PLACE
            shutil.copyfile(file, place / file.name)
            (place / file.name).chmod(0o755 if file.read_bytes().startswith(b"#!") else 0o644)
    _machine(lab, node, root / MACHINE)
    if node.gpus.nvml is not None:
        _nvml(node.gpus.nvml, root)
    # Inside the lab's branch, so that what it starts ends with the lab.
    enter: Sequence[str | Path] = ["chroot", root, "bash", "-s"]
    programs.run(*cgroups.inside(f"{lab.branch}/host", enter), stdin=templates.text(f"lab/gpu/{INSTALL}"))


def _machine(lab: Lab, node: LabNode, folder: Path) -> None:
    assert node.gpus is not None  # noqa: S101 - for the type checker: the caller looked
    board, count = boards.BOARDS[node.gpus.model], node.gpus.count
    for name, content in boards.files(board, count, f"{node.name}.{lab.name}").items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    for name, target in boards.links(board, count).items():
        (folder / name).symlink_to(target)


def _nvml(folder: Path, root: Path) -> None:
    """In front of the driver's own library, wherever its package puts that (ld.so.conf.d is read by name)."""
    place = root / PLACE / "nvml"
    shutil.copytree(folder, place, symlinks=True)
    (root / "etc/ld.so.conf.d/000-clustr-lab.conf").write_text(f"/{PLACE}/nvml\n", encoding="utf-8")
    programs.run("chroot", root, "ldconfig")

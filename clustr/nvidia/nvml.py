"""What NVML tells of a GPU, where its PCI ids tell the same: its product's name and its compute capability.

NVML puts NVIDIA before every name but those of Tesla and Quadro cards. Names: the table of compatible GPUs in the
README of https://github.com/NVIDIA/open-gpu-kernel-modules, and what nvidia-smi printed in public reports.
Compute capabilities: https://developer.nvidia.com/cuda-gpus and its page of legacy GPUs.
"""

from __future__ import annotations

from collections.abc import Mapping

from clustr.nvidia.chips import Architecture, Gpu

# Where NVML's name is not the table's: by device, or by device and board. "": nobody has told it.
_NAMES: Mapping[str, str] = {
    "15f7": "Tesla P100-PCIE-12GB",
    "15f8": "Tesla P100-PCIE-16GB",
    "15f9": "Tesla P100-SXM2-16GB",
    "1db1": "Tesla V100-SXM2-16GB",
    "1db2": "Tesla V100-DGXS-16GB",
    "1db3": "Tesla V100-FHHL-16GB",
    "1db4": "Tesla V100-PCIE-16GB",
    "1db5": "Tesla V100-SXM2-32GB",
    "1db6": "Tesla V100-PCIE-32GB",
    "1db7": "Tesla V100-DGXS-32GB",
    "1db8": "Tesla V100-SXM3-32GB",
    "1df5": "Tesla V100-SXM2-16GB",
    "1df6": "Tesla V100S-PCIE-32GB",
    "1e37": "Tesla T10",
    "1eb8": "Tesla T4",
    "1f03": "GeForce RTX 2060",
    "20b0 10de:1450": "A100-PG509-200",
    "20b2 10de:1625": "PG509-210",
    "20f5 10de:179a": "A800 80GB PCIe LC",
    "220a": "GeForce RTX 3080",
    "232c": "H20-3e",
    "2336": "",
    "2337": "",
    "2338": "",
    "2342 10de:16eb": "GH200 120GB",
    "2342 10de:1805": "GH200 120GB",
    "24c7": "GeForce RTX 3060",
    "2584": "GeForce RTX 3050",
    "25b6": "",  # A16 or A2, which the board tells
    "25b6 10de:14a9": "A16",
    "25b6 10de:157e": "A2",
    "2805": "GeForce RTX 4060 Ti",
    "2909": "",
    "31a1": "",
}
_CAPABILITIES: Mapping[Architecture, tuple[int, int]] = {
    Architecture.KEPLER: (3, 5),
    Architecture.MAXWELL: (5, 2),
    Architecture.PASCAL: (6, 1),
    Architecture.VOLTA: (7, 0),
    Architecture.TURING: (7, 5),
    Architecture.AMPERE: (8, 6),
    Architecture.ADA: (8, 9),
    Architecture.HOPPER: (9, 0),
    Architecture.BLACKWELL: (12, 0),
}
# Dies of an architecture with another one, by how their device ids begin.
_DIES: Mapping[str, tuple[int, int]] = {
    "102d": (3, 7),  # GK210
    "13bd": (5, 0),  # GM107
    "15": (6, 0),  # GP100
    "20": (8, 0),  # GA100
    "29": (10, 0),  # GB100
    "2e": (12, 1),  # GB20B
    "31": (10, 3),  # GB110
}


def product_name(gpu: Gpu) -> str:
    """As nvmlDeviceGetName says it, such as NVIDIA H100 80GB HBM3; "" where the ids do not tell."""
    if gpu.chip is None:
        return ""
    device = gpu.device.device
    name = _NAMES.get(f"{device} {gpu.device.subsystem}", _NAMES.get(device, gpu.chip.name))
    return name if name.startswith(("Tesla ", "Quadro ")) or not name else f"NVIDIA {name}"


def compute_capability(gpu: Gpu) -> tuple[int, int] | None:
    """Major and minor version; None for a chip that the table does not know."""
    if gpu.chip is None:
        return None
    die = next((version for begins, version in _DIES.items() if gpu.device.device.startswith(begins)), None)
    return die or _CAPABILITIES[gpu.chip.architecture]

"""Labels of a node's GPUs beside those that GPU feature discovery gives (internal/lm of NVIDIA/k8s-device-plugin)."""

from __future__ import annotations

import pytest

from tests.components.gpu_machines import gpu
from tests.components.test_gpu_pods import H100, MIG, PLAIN, V100, listed_labels, seen


def labels(*devices: str) -> dict[str, str]:
    """Those of a node with these chips, without what they all begin with."""
    pci = tuple(gpu(device, number) for number, device in enumerate(devices))
    found = listed_labels(PLAIN, "gpu1", seen(PLAIN, pci=pci))
    return {name.removeprefix("nvidia.com/"): value for name, value in found.items()}


@pytest.mark.parametrize(
    ("device", "family", "product"),
    [("1eb8", "turing", "Tesla-T4"), ("26b9", "ada-lovelace", "NVIDIA-L40S"), ("2901", "blackwell", "NVIDIA-B200")],
)
def test_values_are_the_discoverys(device: str, family: str, product: str) -> None:
    found = labels(device)
    assert (found["gpu.family"], found["gpu.product"]) == (family, product)
    assert (found["gpu.replicas"], found["gpu.sharing-strategy"]) == ("1", "none")


def test_of_several_kinds_no_one_is_told() -> None:
    found = labels(H100, V100)
    assert (found["gpu.count"], found["mig.capable"]) == ("2", "true")  # one of them is
    assert {"gpu.family", "gpu.product", "gpu.compute.major"} & set(found) == set()


def test_what_ids_do_not_tell_is_in_no_label() -> None:
    a16_or_a2 = labels("25b6")
    assert a16_or_a2["gpu.family"] == "ampere"
    assert "gpu.product" not in a16_or_a2
    assert {"gpu.family", "gpu.product", "mig.capable"} & set(labels("ffff")) == set()
    assert "gpu.memory" not in labels(H100)  # NVML's number is of the driver's version as well


def test_a_divided_gpu_has_no_replicas() -> None:
    found = listed_labels(MIG, "gpu1")
    assert (found["nvidia.com/gpu.replicas"], found["nvidia.com/gpu.sharing-strategy"]) == ("0", "none")

"""What clustr installs when the inventory names no version, and the sums that somebody read.

A sum stands here only with the place where it was read. What has none is pinned at first use, from the release's own
sum file over verified TLS, in inventory.lock.
"""

from dataclasses import dataclass

# The newest patch release of Kubernetes 1.36, https://github.com/k3s-io/k3s/releases (read 2026-11-24). 1.36 is
# supported until 2027-06-28, https://kubernetes.io/releases/; 1.37 refuses anonymous reads of the supervisor's metrics.
DEFAULT_K3S = "v1.36.5+k3s1"

# What GPU Operator 26.7.1 ships together, by its images: gpu-operator v26.7.1, k8s-device-plugin v0.20.1,
# container-toolkit v1.20.1 (read 2026-11-30). Drivers from 595 on need a device plugin from 0.19.3 on. 1.20.1 is the
# first toolkit that makes /dev/nvidia-uvm by itself, and that knows branch 615 and later.
TOOLKIT = "1.20.1"
DEVICE_PLUGIN = "v0.20.1"
GPU_OPERATOR = "v26.7.1"
# The tag of its image that public manifests name most (ghcr.io/mellanox; read 2026-11-30).
RDMA_PLUGIN = "v1.5.3"


@dataclass(frozen=True)
class KnownSum:
    """The sha256 of one file of a release, and the public page where it was read."""

    path: str  # as in artifact(): k3s-io/k3s/releases/download/VERSION/k3s
    sha256: str
    read_at: str


KNOWN_SUMS: tuple[KnownSum, ...] = ()

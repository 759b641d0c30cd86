"""Which MIG profiles a chip has, of those that an inventory can name.

Sources: NVIDIA's MIG user guide, "Supported MIG Profiles" (docs.nvidia.com/datacenter/tesla/mig-user-guide), and for
GH200 with 144 GB the GPU Operator's assets/state-mig-manager/0400_configmap.yaml. Chips whose profiles neither tells,
or drivers call differently (GB200: 1g.23gb and 1g.24gb, 7g.186gb and 7g.189gb), are not here: the node's nvidia-smi is
asked.
"""

from __future__ import annotations

from collections.abc import Mapping

from clustr.nvidia.chips import Chip

_A30 = "1g.6gb 1g.6gb+me 2g.12gb 2g.12gb+me 4g.24gb"
_40 = "1g.5gb 1g.5gb+me 1g.10gb 2g.10gb 3g.20gb 4g.20gb 7g.40gb"
_80 = "1g.10gb 1g.10gb+me 1g.20gb 2g.20gb 3g.40gb 4g.40gb 7g.80gb"
_94 = "1g.12gb 1g.12gb+me 1g.24gb 2g.24gb 3g.47gb 4g.47gb 7g.94gb"
_96 = "1g.12gb 1g.12gb+me 1g.24gb 2g.24gb 3g.48gb 4g.48gb 7g.96gb"
_141 = "1g.18gb 1g.18gb+me 1g.35gb 2g.35gb 3g.71gb 4g.71gb 7g.141gb"
_144 = "1g.18gb 1g.18gb+me 1g.36gb 2g.36gb 3g.72gb 4g.72gb 7g.144gb"
_180 = "1g.23gb 1g.23gb+me 1g.45gb 2g.45gb 3g.90gb 4g.90gb 7g.180gb"
_RTX = "1g.24gb 1g.24gb+me 2g.48gb 4g.96gb"
_MODELS = {
    "A30": _A30,
    "A100-SXM-40GB A100-PCIe-40GB A800-SXM-40GB A800-PCIe-40GB": _40,
    "A100-SXM-80GB A100-PCIe-80GB A800-SXM-80GB A800-PCIe-80GB H100-SXM H100-PCIe H800-SXM H800-PCIe": _80,
    "H100-NVL H100-SXM-94GB H800-NVL": _94,
    "H100-SXM-96GB H20 GH200": _96,
    "H200-SXM H200-NVL": _141,
    "GH200-144GB": _144,
    "B200": _180,
    "RTX-PRO-6000 RTX-PRO-6000-Max-Q RTX-PRO-6000-Server": _RTX,
}
PROFILES: Mapping[str, tuple[str, ...]] = {
    model: tuple(profiles.split()) for models, profiles in _MODELS.items() for model in models.split()
}  # by a chip's model


def profiles(chip: Chip) -> tuple[str, ...]:
    """In the order of their size; empty where they are not known, or the chip has none."""
    return PROFILES.get(chip.model, ())

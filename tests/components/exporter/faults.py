"""What a GPU may suffer, in the words of each version of the exporter, and the alert that has to tell it."""

from __future__ import annotations

from collections.abc import Mapping

SLOW = 600  # MHz

FAULTS: Mapping[str, Mapping[str, dict[str, str]]] = {
    "GpuXid": {"4.8": {"DCGM_FI_DEV_XID_ERRORS": "0x5 79x35"}, "4.9": {"DCGM_FI_DEV_XID_ERROR": "0x5 79x35"}},
    "GpuHot": {"4.8": {"DCGM_FI_DEV_GPU_TEMP": "87x40"}, "4.9": {"DCGM_FI_DEV_GPU_TEMP_CELSIUS": "87x40"}},
    "GpuSlow": {
        "4.8": {"DCGM_FI_DEV_SM_CLOCK": f"{SLOW}x40"},
        "4.9": {"DCGM_FI_DEV_SM_CLOCK_HERTZ": f"{SLOW * 1_000_000}x40"},
    },
    "GpuRowRemapFailed": {
        "4.8": {"DCGM_FI_DEV_ROW_REMAP_FAILURE": "1x40"},
        "4.9": {"DCGM_FI_DEV_ROW_REMAP_FAILED": "1x40"},
    },
    "GpuRowRemapPending": {version: {"DCGM_FI_DEV_ROW_REMAP_PENDING": "1x40"} for version in ("4.8", "4.9")},
    "GpuMemoryErrors": {version: {"DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": "0x10 3x30"} for version in ("4.8", "4.9")},
}
# What is of a program or of an idle GPU: no alert.
HARMLESS: Mapping[str, Mapping[str, dict[str, str]]] = {
    "an XID of a program": {"4.8": {"DCGM_FI_DEV_XID_ERRORS": "31x40"}, "4.9": {"DCGM_FI_DEV_XID_ERROR": "31x40"}},
    "idle and slow": {
        "4.8": {"DCGM_FI_DEV_SM_CLOCK": "345x40", "DCGM_FI_DEV_GPU_UTIL": "0x40"},
        "4.9": {"DCGM_FI_DEV_SM_CLOCK_HERTZ": "345000000x40", "DCGM_FI_DEV_GPU_UTIL_RATIO": "0x40"},
    },
}

"""Xids that a GPU does not recover from by itself: the doctor and the alert rules tell these, others are of programs.

Source: NVIDIA's Xid catalogue (https://docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html). Here is what it
meets at once with a reset of the GPU or a restart of the machine, and 48 and 74, whose workflows mostly end in one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

RECOVERY = 154  # what the driver itself asks for after another one; it says when that is over, too
XIDS: Mapping[int, str] = {
    46: "GPU stopped processing",
    48: "double bit ECC error",
    62: "internal microcontroller halt",
    64: "row remapping failed",
    74: "NVLink error",
    79: "GPU has fallen off the bus",
    95: "uncontained memory error",
    109: "context switch timeout",
    110: "security fault",
    119: "GSP does not answer",
    120: "GSP error",
    136: "NVLink training failed",
    140: "unrecovered ECC error",
    143: "GPU initialization error",
    RECOVERY: "recovery action",
    155: "NVLink error found by software",
    156: "resource retirement, due at a reset",
    158: "fatal timeout",
}
LINE = re.compile(r"NVRM: Xid \(PCI:([0-9a-fA-F:.]+)\): (\d+)(.*)")
# "GPU recovery action changed from 0x0 (None) to 0x2 (Node Reboot Required)"; newer drivers call the same OS Reboot.
ACTION = re.compile(r" to 0x[0-9a-fA-F]+ \((.+)\)")


@dataclass
class Xids:
    """What a kernel's log has of them since the boot."""

    met: dict[tuple[str, int], int] = field(default_factory=dict)  # how often, by place on the bus and number
    asked: dict[str, str] = field(default_factory=dict)  # the action that the driver last asked for, by place

    @property
    def fatal(self) -> list[str]:
        """In words."""
        met = [f"Xid {xid} ({XIDS[xid]}) {n} times at {slot}" for (slot, xid), n in self.met.items() if xid in XIDS]
        asked = {slot: action for slot, action in self.asked.items() if action != "None"}
        return met + [f"Xid {RECOVERY} (the driver asks for: {action}) at {slot}" for slot, action in asked.items()]


def read(log: Iterable[str]) -> Xids:
    """Pure: lines of the kernel's log, in their order."""
    found = Xids()
    for line in log:
        if not (told := LINE.search(line)):
            continue
        slot, xid = told[1].lower(), int(told[2])
        if xid == RECOVERY and (action := ACTION.search(told[3])):
            found.asked[slot] = action[1]
        else:
            found.met[slot, xid] = found.met.get((slot, xid), 0) + 1
    return found

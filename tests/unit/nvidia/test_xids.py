"""Xids in a kernel's log: which are fatal, and what the driver itself asks for."""

from __future__ import annotations

import pytest

from clustr.nvidia.xids import read

CHANGED = "154, GPU recovery action changed from {} to {}"
NONE, RESET, REBOOT = "0x0 (None)", "0x1 (GPU Reset Required)", "0x2 (OS Reboot)"


@pytest.mark.parametrize(
    ("said", "fatal"),
    [
        (["31, pid=7, name=python3, Ch 00000008", "43, pid=7"], []),
        (["62, 2a4b", "62, 2a4b"], ["Xid 62 (internal microcontroller halt) 2 times at 0000:1b:00"]),
        (["140, pid='<unknown>'"], ["Xid 140 (unrecovered ECC error) 1 times at 0000:1b:00"]),
        ([CHANGED.format(NONE, REBOOT)], ["Xid 154 (the driver asks for: OS Reboot) at 0000:1b:00"]),
        ([CHANGED.format(NONE, RESET), CHANGED.format(RESET, NONE)], []),
        (["154, in words that nobody knows"], ["Xid 154 (recovery action) 1 times at 0000:1b:00"]),
    ],
)
def test_what_is_fatal(said: list[str], fatal: list[str]) -> None:
    assert read([f"[ 1.0] NVRM: Xid (PCI:0000:1B:00): {each}" for each in said]).fatal == fatal


def test_lines_of_others_are_none() -> None:
    assert read(["[ 1.0] NVRM: loading", "[ 1.0] usb: Xid (PCI:0): 79"]).met == {}

"""systemd units, as `systemctl show` tells of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clustr.checks.backend import Host
from clustr.checks.check import CouldNotLook, must

PROPERTIES = "LoadState,ActiveState,SubState,NRestarts,ActiveEnterTimestamp"


@dataclass(frozen=True)
class Unit:
    name: str
    loaded: str
    active: str
    sub: str
    restarts: str
    since: str

    @property
    def runs(self) -> bool:
        return self.loaded == "loaded" and self.active == "active" and self.sub in ("running", "exited", "listening")

    @property
    def state(self) -> str:
        if self.loaded == "not-found":
            return f"there is no {self.name}"
        masked = "masked, " if self.loaded == "masked" else ""
        return f"{self.name} is {masked}{self.active} ({self.sub})"


def units(host: Host, *names: str) -> list[Unit]:
    """These units in this order, also those that do not exist."""
    shown = host.check_output(f"systemctl show --property={PROPERTIES} -- {' '.join(names)}")
    blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in shown.strip().split("\n\n")]
    return [_unit(name, values) for name, values in zip(names, blocks, strict=True)]


def _unit(name: str, values: Mapping[str, str]) -> Unit:
    return Unit(
        name,
        values["LoadState"],
        values["ActiveState"],
        values["SubState"],
        values.get("NRestarts", ""),
        values.get("ActiveEnterTimestamp", ""),
    )


def must_run(host: Host, name: str) -> str:
    """The state of a unit that must run; a failed one shows the end of its journal."""
    (seen,) = units(host, name)
    journal = "" if seen.runs else last_words(host, name)
    must(seen.runs, found=seen.state, wanted="active (running)", evidence=journal)
    restarted = f", restarted {seen.restarts} times by systemd" if seen.restarts not in ("", "0") else ""
    return f"{seen.state} since {seen.since}{restarted}"


def last_words(host: Host, name: str) -> str:
    """The end of a unit's journal, or nothing: it explains what was found already."""
    try:
        return host.check_output("journalctl --unit=%s --lines=3 --output=cat --no-pager", name)
    except CouldNotLook:
        return ""

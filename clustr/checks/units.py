"""systemd units, as `systemctl show` tells of them."""

from __future__ import annotations

from dataclasses import dataclass

from clustr.checks.backend import Host
from clustr.checks.check import must


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
        return self.active == "active" and self.sub in ("running", "exited", "listening")

    @property
    def state(self) -> str:
        return (
            f"{self.name} is {self.active} ({self.sub})" if self.loaded != "not-found" else f"there is no {self.name}"
        )


def unit(host: Host, name: str) -> Unit:
    properties = "LoadState,ActiveState,SubState,NRestarts,ActiveEnterTimestamp"
    shown = host.check_output("systemctl show --property=%s -- %s", properties, name)
    values = dict(line.split("=", 1) for line in shown.splitlines())
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
    seen = unit(host, name)
    journal = "" if seen.runs else last_words(host, name)
    must(seen.runs, found=seen.state, wanted="active (running)", evidence=journal)
    restarted = f", restarted {seen.restarts} times by systemd" if seen.restarts not in ("", "0") else ""
    return f"{seen.state} since {seen.since}{restarted}"


def last_words(host: Host, name: str) -> str:
    shown = host.run("journalctl --unit=%s --lines=3 --output=cat --no-pager", name, may_fail=True)
    return str(shown.stdout) if shown.rc == 0 else ""

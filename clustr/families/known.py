"""The systems that clustr knows, by ID and VERSION_ID of os-release(5)."""

from __future__ import annotations

from clustr.errors import PreflightError
from clustr.families.debian import DEBIAN
from clustr.families.model import Family
from clustr.families.ubuntu import UBUNTU
from clustr.remote.facts import Facts, OperatingSystem

FAMILIES: dict[tuple[str, str], Family] = {**DEBIAN, **UBUNTU}


def known(system: OperatingSystem) -> Family | None:
    """The family of a system; where a family is known by its major version, 9.4 is a 9."""
    exact = FAMILIES.get((system.id, system.version))
    return exact or FAMILIES.get((system.id, system.version.partition(".")[0]))


def family(facts: Facts) -> Family:
    """The names that hold on a machine; raises PreflightError for a system that clustr does not know."""
    found = known(facts.os)
    if found is None:
        problem = f"{facts.os.name or facts.os.id} is no system that clustr knows"
        raise PreflightError(problem, f"use one of: {listed()}", node=facts.hostname)
    return found


def listed() -> str:
    return ", ".join(f"{name} {version}" for name, version in FAMILIES)

"""The systems that clustr knows, by ID and VERSION_ID of os-release(5)."""

from __future__ import annotations

from clustr.errors import PreflightError
from clustr.families.debian import DEBIAN
from clustr.families.enterprise_linux import ENTERPRISE_LINUX
from clustr.families.model import Family
from clustr.families.ubuntu import UBUNTU
from clustr.remote.facts import Facts, OperatingSystem

FAMILIES: dict[tuple[str, str], Family] = DEBIAN | UBUNTU | ENTERPRISE_LINUX


def known(system: OperatingSystem) -> Family | None:
    """The family of a system; where a family is known by its major version, 9.4 is a 9."""
    exact = FAMILIES.get((system.id, system.version))
    return exact or FAMILIES.get((system.id, system.version.partition(".")[0]))


def family(facts: Facts) -> Family:
    """The names that hold on a machine; raises PreflightError for a system that clustr does not know."""
    found = known(facts.os)
    if found is None:
        problem = f"{facts.os.name or facts.os.id} is no system that clustr knows{_looks_like(facts.os)}"
        raise PreflightError(problem, f"use one of {listed()}", node=facts.hostname)
    return found


def listed() -> str:
    """The systems, as a person reads them: debian 12, 13, ubuntu 22.04, ..."""
    versions: dict[str, list[str]] = {}
    for name, version in FAMILIES:
        versions.setdefault(name, []).append(version)
    return "; ".join(f"{name} {', '.join(found)}" for name, found in versions.items())


# What ID_LIKE says, and the family that it stands for.
_KIN = {
    "debian": "Debian",
    "ubuntu": "Ubuntu",
    "rhel": "Enterprise Linux",
    "centos": "Enterprise Linux",
    "fedora": "Enterprise Linux",
}


def _looks_like(system: OperatingSystem) -> str:
    """A derivative is named with its family (ID_LIKE), and refused all the same: nobody tried it."""
    if any(system.id == name for name, _ in FAMILIES):
        return ": this version is not tried"
    family_name = next((_KIN[name] for name in system.like if name in _KIN), "")
    return f": it looks like {family_name}, but is not tried" if family_name else ""

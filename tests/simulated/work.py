"""The work that every tool does on simulated nodes: 20 files, 10 packages, 10 services, 10 kernel settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from clustr.engine.goal import Goal
from clustr.engine.makers import STARTS, file, packages, service, sysctl
from clustr.engine.stage import Component, Stage
from clustr.families.model import Manager
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Seen
from clustr.stages import everyone
from clustr.templates import text

FILES: Mapping[str, str] = {
    f"/etc/simulated/{number:02}.conf": f"# file {number}\n" + f"setting-{number} = value, and more of it\n" * 25
    for number in range(20)
}
PACKAGES = tuple(f"simulated-{number:02}" for number in range(10))
UNITS = tuple(f"simulated-{number:02}.service" for number in range(10))
SYSCTLS: Mapping[str, str] = {
    "vm.max_map_count": "262144",
    "vm.swappiness": "10",
    "fs.inotify.max_user_instances": "8192",
    "fs.inotify.max_user_watches": "524288",
    "fs.aio-max-nr": "1048576",
    "kernel.panic": "10",
    "kernel.panic_on_oops": "1",
    "net.core.somaxconn": "4096",
    "net.ipv4.ip_forward": "1",
    "net.bridge.bridge-nf-call-iptables": "1",
}


@dataclass(frozen=True)
class Done:
    """How much of the work a root shows, counted from outside and whatever tool did it."""

    files: int
    packages: int
    services: int
    sysctls: int


WHOLE = Done(len(FILES), len(PACKAGES), len(UNITS), len(SYSCTLS))
NONE = Done(0, 0, 0, 0)


def count(root: Path) -> Done:
    """Files by content, packages by dpkg's database, services at boot and active, settings by value."""

    def holds(path: str, content: str) -> bool:
        found = root / path.lstrip("/")
        return found.is_file() and found.read_text().strip() == content.strip()

    status = (root / "var/lib/dpkg/status").read_text(errors="replace").split("\n\n")
    installed = {stanza.lstrip().partition("\n")[0] for stanza in status if "\nStatus: install ok installed" in stanza}
    wants, running = root / "etc/systemd/system/multi-user.target.wants", root / "run/stand-in"
    return Done(
        files=sum(holds(path, content) for path, content in FILES.items()),
        packages=sum(f"Package: {name}" in installed for name in PACKAGES),
        services=sum((wants / unit).is_symlink() and (running / unit).exists() for unit in UNITS),
        sysctls=sum(holds(f"proc/sys/{key.replace('.', '/')}", value) for key, value in SYSCTLS.items()),
    )


def stages(part: int = 1) -> tuple[Stage, ...]:
    """The same work in clustr's words, or every `part`th piece of it.

    A service brings its drop-in along, and all of them the program in it.
    """

    def goals(_cluster: Cluster, _node: Node, _seen: Seen) -> Iterable[Goal]:
        yield file(STARTS, text("engine/record-start"), mode=0o755)
        for path, content in list(FILES.items())[::part]:
            yield file(path, content)
        yield packages(Manager.APT, PACKAGES[::part])
        for key, value in list(SYSCTLS.items())[::part]:
            yield sysctl(key, value)
        for unit in UNITS[::part]:
            yield from service(unit)

    return (Stage("Simulated work", everyone, (cast(Component, SimpleNamespace(__name__="work", goals=goals)),)),)

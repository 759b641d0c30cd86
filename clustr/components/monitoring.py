"""What the three daemons of the monitoring have in common: where their program comes from, and how they are run.

Which of the two ways a distribution takes is in clustr/families/.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from clustr.artifacts import RELEASES, artifact
from clustr.engine.goal import Goal
from clustr.engine.makers import Reads, file, packages, service, step, tarball
from clustr.families import Daemon, Upstream, family
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Seen
from clustr.templates import render, text

USER = "prometheus"  # the name in Debian's packages
STATE = "/var/lib/prometheus"


def program(cluster: Cluster, node: Node, seen: Seen, daemon: Daemon) -> tuple[Goal, ...]:
    """The program and its user; they come before the files, which are checked with the program's own tools."""
    if daemon.upstream is None:
        return (packages(family(seen[node.name]).manager, (daemon.package,), label=f"package {daemon.package}"),)
    return (_release(cluster, node, seen, daemon.upstream)[0], _user())


def running(
    cluster: Cluster, node: Node, seen: Seen, daemon: Daemon, arguments: Iterable[str], reads: Iterable[Goal]
) -> Iterator[Goal]:
    """The daemon at boot and now, with these arguments and files."""
    content = render("monitoring/defaults", arguments=arguments)
    files = [file(daemon.defaults, content), *_unit(daemon)]
    files.append(file(f"/etc/systemd/system/{daemon.unit}.d/40-network.conf", text("monitoring/network.conf")))
    yield from files
    known: list[Goal | Reads] = [*reads, *files]
    if daemon.upstream:
        known.append(_release(cluster, node, seen, daemon.upstream)[1])
    yield from service(daemon.unit, known)


def _release(cluster: Cluster, node: Node, seen: Seen, upstream: Upstream) -> tuple[Goal, Reads]:
    found = artifact(cluster, seen, node, RELEASES[upstream.release], upstream.version)
    return tarball(upstream.release, upstream.programs, url=found.url, sum=found.sum, version=found.version)


def _user() -> Goal:
    """Each daemon asks for it, so it may be there when its turn comes; others may run as it, so it stays."""
    known = f"getent passwd {USER} >/dev/null"
    make = f"useradd --system --user-group --home-dir {STATE} --no-create-home --shell /usr/sbin/nologin {USER}"
    return step(
        f"user {USER}",
        probe=f"if {known}; then echo there; else echo absent; fi",
        wanted="there",
        apply=f"if ! {known}; then {make}; fi",
        undo=f"# stays: userdel {USER}",
    )


def _unit(daemon: Daemon) -> tuple[Goal, ...]:
    if daemon.upstream is None:
        return ()
    values = {"unit": daemon.unit, "program": daemon.upstream.programs[0], "defaults": daemon.defaults, "user": USER}
    return (file(f"/etc/systemd/system/{daemon.unit}", render("monitoring/daemon.service", **values)),)

"""How a node will get its packages, which may be another way than it knows now."""

from __future__ import annotations

from clustr.artifacts import ca_text
from clustr.components.package_source import Mirrored, apt_conf, apt_logins, mirrored
from clustr.families import Manager, known
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Seen
from clustr.remote.reach import Way


def way(cluster: Cluster, node: Node, seen: Seen) -> Way | None:
    """None where it cannot be tried before it is there: dnf behind a mirror or a proxy that it has still to be told."""
    artifacts = node.artifacts
    if not (artifacts.packages or artifacts.proxied or artifacts.ca):
        return Way()
    names = known(seen[node.name].os)
    if names is None or names.manager is not Manager.APT:
        return None
    found = mirrored(node, seen)
    codename = seen[node.name].os.codename
    return Way(
        apt_conf(cluster, node, seen),
        apt_logins(artifacts),
        ca_text(cluster, artifacts),
        tuple((origin, each.url) for each in found for origin in each.archive.origins),
        tuple(f"{each.url}/dists/{_suite(each, codename)}/" for each in found if each.archive.source),
    )


def _suite(found: Mirrored, codename: str) -> str:
    """The first suite of the source that the archive gets."""
    lines = found.archive.source.format(url=found.url, codename=codename).splitlines()
    suites = next(line for line in lines if line.startswith("Suites:"))
    return suites.split()[1]

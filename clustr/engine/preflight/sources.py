"""How a node will get its packages, which may be another way than it knows now."""

from __future__ import annotations

from collections.abc import Iterator

from clustr.artifacts import NODE_CA, ca_text
from clustr.components.package_source import (
    Mirrored,
    apt_conf,
    apt_logins,
    cannot_be_mirrored,
    dnf_main,
    goes_direct,
    mirrored,
    pairs,
)
from clustr.engine.preflight.findings import Finding, Name, answered
from clustr.families import Manager, known
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Seen
from clustr.remote.reach import DnfWay, Way


def mirrors(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """Who ignores it leaves the system's own packages where they come from now."""
    for node, facts in answered(cluster, seen):
        if known(facts.os) and cannot_be_mirrored(node, facts.os):
            problem = f"the packages of {facts.os.name} come through its subscription, and from no mirror of clustr's"
            remedy = "register it with your own Satellite and write artifacts: {packages: none} for it"
            yield Finding(Name.PACKAGES_MIRROR, node.name, problem, remedy)


def way(cluster: Cluster, node: Node, seen: Seen) -> Way | None:
    """None for a system that clustr does not know, which is a finding of its own."""
    artifacts = node.artifacts
    if not (artifacts.packages or artifacts.proxied or artifacts.ca):
        return Way()
    names = known(seen[node.name].os)
    if names is None:
        return None
    found, ca = mirrored(node, seen), ca_text(cluster, artifacts)
    if names.manager is Manager.DNF:
        direct = "proxy=\n" if goes_direct(cluster, node, seen, found) else ""
        return Way(ca=ca, dnf=DnfWay(dnf_main(artifacts), pairs(found), direct))
    codename = seen[node.name].os.codename
    return Way(
        apt_conf(cluster, node, seen),
        apt_logins(artifacts),
        ca,
        tuple((origin, each.url) for each in found for origin in each.archive.origins),
        tuple(f"{each.url}/dists/{_suite(each, codename)}/" for each in found if each.archive.source),
        ca_at=NODE_CA if ca else "",
    )


def _suite(found: Mirrored, codename: str) -> str:
    """The first suite of the source that the archive gets."""
    lines = found.archive.source.format(url=found.url, codename=codename).splitlines()
    suites = next(line for line in lines if line.startswith("Suites:"))
    return suites.split()[1]

"""A vendor's signed repository on a node: its key, pinned by fingerprint, and the source that is bound to that key.

A mirror takes the place of the vendor's site with the same paths (`artifacts.packages`); one that signs with a key of
its own names it in `artifacts.keys`, and that file then stands for the vendor's key.
Sources: sources.list(5), dnf.conf(5).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from shlex import quote

from clustr.components import proxy
from clustr.engine.goal import Goal
from clustr.engine.makers import file, packages, signing_key, step
from clustr.families import Manager, family
from clustr.inventory.model import Artifacts, Cluster, Node
from clustr.inventory.places import mirror_of
from clustr.remote.facts import Seen
from clustr.templates import render


@dataclass(frozen=True)
class Vendor:
    """Who publishes: the name in `artifacts.packages` and `artifacts.keys`, and the site that a mirror replaces."""

    name: str
    site: str


NVIDIA = Vendor("nvidia", "https://developer.download.nvidia.com/compute/cuda/repos")
TOOLKIT = Vendor("nvidia-container-toolkit", "https://nvidia.github.io/libnvidia-container")
DOCA = Vendor("doca", "https://linux.mellanox.com/public/repo/doca")


@dataclass(frozen=True)
class Repository:
    """`url` and `key_url` are the vendor's own. `suite` is apt's; flat repositories have /."""

    vendor: Vendor
    url: str
    key_url: str
    fingerprint: str
    suite: str = "/"
    title: str = ""
    priority: int = 99  # dnf's: what a repository of a lower one has is taken from nowhere else (dnf.conf(5))
    lists_signed: bool = False  # rpm: the lists instead of the packages, whose sums they name

    @property
    def file(self) -> str:
        return f"clustr-{self.vendor.name}"


def place(artifacts: Artifacts, vendor: Vendor, url: str) -> str:
    """A URL of the vendor's, or where its mirror has the same."""
    return (mirror_of(vendor.name, artifacts.packages) or vendor.site) + url.removeprefix(vendor.site)


def goals(cluster: Cluster, node: Node, seen: Seen, wanted: Repository) -> Iterator[Goal]:
    """The key first, then the source: nothing is ever read from a place whose key is not there."""
    if family(seen[node.name]).manager is Manager.APT:
        yield from _apt(cluster, node, wanted)
    else:
        yield from _dnf(cluster, node, seen, wanted)


def _apt(cluster: Cluster, node: Node, wanted: Repository) -> Iterator[Goal]:
    ring, url = f"/etc/apt/keyrings/{wanted.file}.asc", place(node.artifacts, wanted.vendor, wanted.url)
    path = f"/etc/apt/sources.list.d/{wanted.file}.sources"
    yield from _key(cluster, node, Manager.APT, wanted, ring)
    sites = dict.fromkeys(each.partition("://")[2].rstrip("/") for each in (wanted.url, url))
    for site in sites:
        words = f"{quote(site)} {quote(path)}"
        only = step(
            f"sources of {site}", probe=f"probe_only_source {words}", wanted="ours alone",
            apply=f"apply_only_source {words}", undo=f"undo_only_source {quote(site)}", manager=Manager.APT,
        )  # fmt: skip
        yield only
    lines = (
        "# Written by clustr.", "Types: deb", f"URIs: {url.rstrip('/')}/", f"Suites: {wanted.suite}",
        f"Signed-By: {ring}",
    )  # fmt: skip
    source = file(path, "\n".join(lines))
    # A place that does not answer, or whose lists its key did not sign, is left to no later apt run.
    yield replace(source, apply=f"{source.apply}\nkeep_source_that_answers {quote(path)}", manager=Manager.APT)


def _dnf(cluster: Cluster, node: Node, seen: Seen, wanted: Repository) -> Iterator[Goal]:
    key, url = f"/etc/pki/rpm-gpg/RPM-GPG-KEY-{wanted.file}", place(node.artifacts, wanted.vendor, wanted.url)
    yield from _key(cluster, node, Manager.DNF, wanted, key)
    direct = proxy.goes_direct(cluster, node, seen, [url])
    listing = render("vendor/vendor.repo", wanted=wanted, url=url, key=key, direct=direct)
    yield file(f"/etc/yum.repos.d/{wanted.file}.repo", listing)


def _key(cluster: Cluster, node: Node, manager: Manager, wanted: Repository, path: str) -> Iterator[Goal]:
    own = node.artifacts.keys.get(wanted.vendor.name)
    if own:
        yield file(path, cluster.files[own])
        return
    if manager is Manager.APT:
        yield packages(manager, ("gpg",), label="package gpg, which reads keys")
    url = place(node.artifacts, wanted.vendor, wanted.key_url)
    yield signing_key(manager, path, url=url, fingerprint=wanted.fingerprint)

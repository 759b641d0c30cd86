"""The one path that every download takes: where it comes from and the sha256 it must have.

A sum is in versions.py, where somebody read it, or is taken once from the release's own sum file over verified TLS
and kept in the lock file beside the inventory (inventory.yaml: inventory.lock). The laptop reads sum files only; the
nodes download, and what cannot be verified is not installed. A mirror replaces `https://github.com/` and keeps the
paths. Which mirror, CA and proxies hold is each node's own to say (`artifacts`, the nearest wins).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from clustr.components import proxy
from clustr.engine.goal import Goal
from clustr.engine.makers import binary, file
from clustr.errors import ClustrError
from clustr.families import known
from clustr.inventory.model import Artifacts, Cluster, Node
from clustr.inventory.places import EVERY, host_of
from clustr.remote.connection import Connection
from clustr.remote.facts import Facts, Seen
from clustr.sumfiles import Relay, read_sum_file
from clustr.versions import KNOWN_SUMS
from clustr.whole_file import replace_whole

ORIGIN = "https://github.com/"
NODE_CA = "/etc/clustr/artifacts-ca.pem"  # `artifacts.ca` of the inventory, on every node
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class Release:
    """How a project names what it releases. `{arch}` is Go's name; `{suffix}` is "" on amd64 and "-arm64" on arm64."""

    name: str
    project: str  # owner/repository on GitHub
    tag: str
    file: str
    sums: str

    def path(self, version: str, arch: str) -> str:
        return self._path(self.file, version, arch)

    def sums_path(self, version: str, arch: str) -> str:
        return self._path(self.sums, version, arch)

    def _path(self, name: str, version: str, arch: str) -> str:
        suffix = "" if arch == "amd64" else f"-{arch}"
        filled = (part.format(version=version, arch=arch, suffix=suffix) for part in (self.tag, name))
        return f"{self.project}/releases/download/{'/'.join(filled)}"


def _prometheus(name: str) -> Release:
    file_name = f"{name}-{{version}}.linux-{{arch}}.tar.gz"
    return Release(name, f"prometheus/{name}", "v{version}", file_name, "sha256sums.txt")


K3S = Release("k3s", "k3s-io/k3s", "{version}", "k3s{suffix}", "sha256sum-{arch}.txt")
PROMETHEUS = _prometheus("prometheus")
ALERTMANAGER = _prometheus("alertmanager")
NODE_EXPORTER = _prometheus("node_exporter")
RELEASES = {release.name: release for release in (K3S, PROMETHEUS, ALERTMANAGER, NODE_EXPORTER)}


@dataclass(frozen=True)
class Artifact:
    """A file that a node downloads. What vouches for its place is what the node trusts, the site's CA included."""

    url: str
    sum: str
    version: str

    def at(self, path: str, *, mode: int = 0o755) -> Goal:
        """The goal that this file is at `path`."""
        return binary(path, url=self.url, sum=self.sum, version=self.version, mode=mode)


@dataclass(frozen=True)
class Sum:
    """A sha256, where it was read, and when (date, UTC)."""

    sha256: str
    source: str
    read: str


@dataclass(frozen=True)
class MissingSum:
    """An artifact whose sum is not known yet, the release's file that tells it, and where a node gets both."""

    path: str
    sums_path: str
    artifacts: Artifacts


def artifact(cluster: Cluster, seen: Seen, node: Node, release: Release, version: str) -> Artifact:
    """What `node` downloads for this release. Raises ClustrError where ensure_sums did not learn its sum."""
    path = release.path(version, architecture(seen[node.name]))
    if path not in seen.sums:
        problem = f"no sha256 is known for {path}"
        raise ClustrError(problem, "name its sum file's place in artifacts.mirror", node=node.name)
    return Artifact(url_of(node.artifacts, path), seen.sums[path], version)


def architecture(facts: Facts) -> str:
    """Go's name of a machine's architecture; raises ClustrError for one that no release is made for."""
    try:
        return ARCHITECTURES[facts.architecture]
    except KeyError:
        problem = f"{facts.architecture} is no architecture that k3s is released for"
        raise ClustrError(problem, f"use {' or '.join(ARCHITECTURES)}", node=facts.hostname) from None


def url_of(artifacts: Artifacts, path: str) -> str:
    """The whole URL, `+` of versions encoded: object stores take a plain one for a space."""
    origin = artifacts.mirror or ORIGIN
    return f"{origin.rstrip('/')}/{quote(path)}"


@dataclass(frozen=True)
class ChartSource:
    """Where k3s's helm jobs get a chart: `repo` and `repoCA` of a HelmChart (docs.k3s.io/add-ons/helm).

    Its jobs find the proxies by themselves: k3s's own variables go into their pods (components/proxy.py).
    """

    repo: str
    ca: str  # PEM text, "" for the authorities that the job's image trusts


def chart_source(cluster: Cluster, node: Node, repo: str) -> ChartSource:
    """`node` is the server that has the HelmChart's manifest. A mirror of one repository's host keeps the path; the
    mirror of all keeps the host too, since two hosts may have one path."""
    host, path = host_of(repo), repo.partition("://")[2].partition("/")[2]
    mirrors = node.artifacts.charts
    if host in mirrors:
        repo = f"{mirrors[host]}/{path}".rstrip("/")
    elif EVERY in mirrors:
        repo = f"{mirrors[EVERY]}/{host}/{path}".rstrip("/")
    return ChartSource(repo, ca_text(cluster, node.artifacts))


def site_ca(cluster: Cluster, node: Node) -> tuple[Goal, ...]:
    """The goal that a node has the site's CA as a file; none where the inventory names none."""
    if node.artifacts.ca is None:
        return ()
    return (file(NODE_CA, ca_text(cluster, node.artifacts)),)


def ca_text(cluster: Cluster, artifacts: Artifacts) -> str:
    """The PEM text of `artifacts.ca`; "" where there is none."""
    if artifacts.ca is None:
        return ""
    return cluster.files[artifacts.ca]


@dataclass(frozen=True)
class Server:
    """A server that answers: the way to sum files where the laptop has none."""

    node: Node
    connection: Connection


def ensure_sums(cluster: Cluster, seen: Seen, server: Server | None) -> Seen:
    """`seen` with the sums of all that is wanted; those not known yet are read now and kept in the lock file.

    Raises ClustrError for a sum that cannot be had.
    """
    seen = replace(seen, sums={**known_sums(cluster), **seen.sums})
    missing = missing_sums(cluster, seen)
    if not missing:
        return seen
    fetched = fetch_sums(cluster, seen, missing, server)
    keep_sums(cluster, fetched)
    return replace(seen, sums={**seen.sums, **{path: found.sha256 for path, found in fetched.items()}})


def missing_sums(cluster: Cluster, seen: Seen) -> tuple[MissingSum, ...]:
    """What the nodes that answered will download and no sum is known for, each file once."""
    found: dict[str, MissingSum] = {}
    for node in cluster.nodes:
        arch = ARCHITECTURES.get(seen[node.name].architecture) if seen.answered(node.name) else None
        for release, version in _wanted(cluster, node, seen[node.name]) if arch else ():
            path = release.path(version, arch or "")
            found.setdefault(path, MissingSum(path, release.sums_path(version, arch or ""), node.artifacts))
    return tuple(found[path] for path in sorted(found) if path not in seen.sums)


def _wanted(cluster: Cluster, node: Node, facts: Facts) -> Iterable[tuple[Release, str]]:
    if node.in_cluster:
        yield K3S, cluster.k3s.version
    names = known(facts.os)  # a system that is not known is preflight's to refuse
    for daemon in names.monitoring(cluster, node) if names else ():
        if daemon.upstream:
            yield RELEASES[daemon.upstream.release], daemon.upstream.version


def fetch_sums(cluster: Cluster, seen: Seen, missing: Iterable[MissingSum], server: Server | None) -> dict[str, Sum]:
    """Reads sum files, each once. Raises ClustrError for one that cannot be had or does not name the file."""
    wanted = tuple(missing)
    today = datetime.now(UTC).date().isoformat()
    found = {}
    for first in {each.sums_path: each for each in reversed(wanted)}.values():
        url = url_of(first.artifacts, first.sums_path)
        listed = read_sum_file(url, ca_text(cluster, first.artifacts), _relay(cluster, seen, server, first.sums_path))
        for each in wanted:
            if each.sums_path != first.sums_path:
                continue
            name = each.path.rpartition("/")[2]
            if name not in listed:
                raise ClustrError(f"{url} names no {name}", "look at the release's files")
            found[each.path] = Sum(listed[name], url, today)
    return found


def _relay(cluster: Cluster, seen: Seen, server: Server | None, path: str) -> Relay | None:
    """The server reads from its own mirror, by its own proxy."""
    if server is None:
        return None
    artifacts = server.node.artifacts
    variables = proxy.environment(cluster, server.node, seen) if artifacts.proxied else ""
    return Relay(server.connection, url_of(artifacts, path), ca_text(cluster, artifacts), variables)


def known_sums(cluster: Cluster) -> dict[str, str]:
    """Sums by path: those in versions.py and those in the lock file."""
    kept = {path: each.sha256 for path, each in read_lock(lock_path(cluster)).items()}
    return {**{known.path: known.sha256 for known in KNOWN_SUMS}, **kept}


def lock_path(cluster: Cluster) -> Path:
    """inventory.yaml's sums are in inventory.lock, beside it."""
    return cluster.source.with_suffix(".lock")


def read_lock(path: Path) -> dict[str, Sum]:
    """The lock file's sums; none where there is no such file."""
    try:
        return {name: Sum(**each) for name, each in json.loads(path.read_text())["sums"].items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ClustrError(f"{path} cannot be read: {error.strerror}", f"see: ls -l {path}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ClustrError(f"{path} is no lock file of clustr's", "delete it; sums are read anew") from error


def keep_sums(cluster: Cluster, sums: Mapping[str, Sum]) -> None:
    """Adds sums to the lock file, whole or not at all; raises ClustrError where it cannot be written."""
    path = lock_path(cluster)
    kept = {**read_lock(path), **sums}
    text = json.dumps({"sums": {name: asdict(kept[name]) for name in sorted(kept)}}, indent=2) + "\n"
    try:
        replace_whole(path, text, 0o644)
    except OSError as error:
        remedy = f"the sums of what nodes download are kept there: make {path.parent} writable, and run it again"
        raise ClustrError(f"{path} cannot be written: {error.strerror}", remedy) from error

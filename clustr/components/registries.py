"""Part of k3s and of container_runtime: where images come from, in the words of each runtime.

Sources: docs.k3s.io/installation/private-registry; containerd's docs/hosts.md; docs.docker.com, "Registry mirrors".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from clustr.artifacts import NODE_CA
from clustr.engine.goal import Goal
from clustr.engine.makers import file
from clustr.inventory.model import Artifacts, Cluster, Node
from clustr.inventory.places import EVERY
from clustr.inventory.registries import read_registries
from clustr.templates import render

K3S_FILE = "/etc/rancher/k3s/registries.yaml"
CERTS = "/etc/containerd/certs.d"


def of_k3s(cluster: Cluster, node: Node) -> tuple[Goal, ...]:
    """The user's own file, with the mirrors of `artifacts.images` in it. It may hold passwords: it is shown nowhere."""
    own = "" if cluster.k3s.registries is None else cluster.files[cluster.k3s.registries]
    if node.artifacts.images:
        own = _with_mirrors(own, node.artifacts)
    return (file(K3S_FILE, own, mode=0o600, secret=True),) if own or cluster.k3s.registries else ()


def _with_mirrors(own: str, artifacts: Artifacts) -> str:
    found = read_registries(own)  # load() has refused one that says nothing sensible
    mirrors: dict[str, Any] = dict(found.get("mirrors") or {})
    configs: dict[str, Any] = dict(found.get("configs") or {})
    for registry, url in sorted(artifacts.images.items()):
        host, path = _parts(url)
        rewrite = {"rewrite": {"^(.*)$": f"{path}/$1"}} if path else {}
        mirrors[registry] = {"endpoint": [f"https://{host}"], **rewrite}
        if artifacts.ca:
            mine = dict(configs.get(host) or {})
            configs[host] = {**mine, "tls": {"ca_file": NODE_CA, **(mine.get("tls") or {})}}
    whole = {**found, "mirrors": mirrors, **({"configs": configs} if configs else {})}
    return f"# Written by clustr.\n{yaml.safe_dump(whole, sort_keys=False, width=120)}"


def of_containerd(node: Node) -> Iterator[Goal]:
    """A folder for each registry. `override_path`: the URL holds the whole path, /v2 too."""
    for registry, url in sorted(node.artifacts.images.items()):
        host, path = _parts(url)
        name = "_default" if registry == EVERY else registry
        endpoint = f"https://{host}/v2/{path}".rstrip("/")
        content = render("container_runtime/hosts.toml", endpoint=endpoint, ca=NODE_CA if node.artifacts.ca else "")
        yield file(f"{CERTS}/{name}/hosts.toml", content)


def of_docker(node: Node) -> tuple[str, ...]:
    """The mirrors of docker.io, the one registry that docker mirrors."""
    return tuple(url for registry, url in node.artifacts.images.items() if registry == "docker.io")


def _parts(url: str) -> tuple[str, str]:
    """Host, with its port, and path."""
    host, _, path = url.partition("://")[2].partition("/")
    return host, path

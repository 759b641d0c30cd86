"""The user's own registries.yaml of k3s, where it and `artifacts.images` may speak of one registry.

Source: docs.k3s.io/installation/private-registry.
"""

from __future__ import annotations

from typing import Any

import yaml

from clustr.inventory.findings import Findings
from clustr.inventory.model import Cluster
from clustr.inventory.places import EVERY


def read_registries(text: str) -> dict[str, Any]:
    """What the file says; raises ValueError with one clause where it is none of k3s."""
    try:
        found = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ValueError(f"is no YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(found, dict) or not all(isinstance(found.get(key) or {}, dict) for key in ("mirrors", "configs")):
        raise ValueError("is no registries.yaml of k3s: write mirrors and configs, each by registry")
    return found


def crosscheck_images(cluster: Cluster, findings: Findings) -> None:
    """Each registry is mirrored by one of the two; docker knows less of mirrors than the others."""
    named = {registry: url for node in cluster.nodes for registry, url in node.artifacts.images.items()}
    if cluster.runtime.engine == "docker" and any(
        registry != "docker.io" or url.count("/") > 2 for registry, url in named.items()
    ):
        text = "docker mirrors docker.io alone, without a path: write {docker.io: https://HOST}, or another engine"
        findings.mistake(("runtime", "engine"), text)
    path = cluster.k3s.registries
    if path not in cluster.files:
        return
    try:
        own = read_registries(cluster.files[path]).get("mirrors") or {}
    except ValueError as error:
        findings.mistake(("k3s", "registries"), f"{path.name} {error}")
        return
    for registry in sorted(set(own) & set(named)):
        what = "a mirror of all" if registry == EVERY else f"a mirror of {registry}"
        findings.mistake(
            ("k3s", "registries"), f"{path.name} has {what}, and artifacts.images has one: write it in one of the two"
        )

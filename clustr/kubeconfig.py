"""The cluster's kubeconfig on the laptop: fetched, renamed, merged into what is there. TLS stays verified."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from clustr.errors import ClustrError
from clustr.inventory.model import Cluster
from clustr.remote.connection import Connection
from clustr.whole_file import replace_whole

MEND = "mend or move it, then: clustr kubeconfig"
ON_SERVERS = "/etc/rancher/k3s/k3s.yaml"
CREDENTIALS = ("client-certificate-data", "client-key-data", "token")  # an `exec` would run on the laptop


def fetch(connection: Connection, cluster: Cluster) -> str:
    """A server's admin kubeconfig, its names those of the cluster. Raises ClustrError where the server has none."""
    result = connection.run(f"cat -- {ON_SERVERS}\n", sudo=True, timeout=30)
    if result.status != 0:
        problem = f"{ON_SERVERS} cannot be read"
        raise ClustrError(problem, "clustr bootstrap starts k3s, which writes it", detail=result.stderr)
    return renamed(result.stdout, cluster)


def renamed(text: str, cluster: Cluster) -> str:
    """The same, with cluster, user and context named for the cluster, and the server's address as seen from outside."""
    config = _parsed(text, ON_SERVERS)
    try:
        [inner], [user] = config["clusters"], config["users"]
        authority = inner["cluster"]["certificate-authority-data"]
        credentials = {key: user["user"][key] for key in CREDENTIALS if key in user["user"]}
    except (KeyError, ValueError, TypeError) as error:
        raise ClustrError(f"{ON_SERVERS} has no cluster with its CA, or no user", "look at it on the server") from error
    name = cluster.name
    place = {"certificate-authority-data": authority, "server": f"https://{api_address(cluster)}:6443"}
    return _written(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": place}],
            "users": [{"name": name, "user": credentials}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }
    )


def api_address(cluster: Cluster) -> str:
    """Where the API is called from outside: the inventory's api_address, else the vip, else the first server."""
    return cluster.network.api_address or cluster.network.vip or cluster.servers[0].address


def merged(existing: str, new: str, name: str = "the kubeconfig") -> str:
    """`existing` with the new cluster, user and context in place of ones of the same name; all others stay.

    The current context is left as it is, unless there is none. `name` is how errors call `existing`.
    """
    old, add = _parsed(existing, name), _parsed(new, "the fetched kubeconfig")
    result = {"apiVersion": "v1", "kind": "Config", **old}
    for kind in ("clusters", "users", "contexts"):
        ours = {each["name"] for each in add[kind]}
        kept = [each for each in _entries(old, kind, name) if each.get("name") not in ours]
        result[kind] = kept + add[kind]
    if not old.get("current-context"):
        result["current-context"] = add["current-context"]
    return _written(result)


def merge_into(text: str, cluster: Cluster, target: Path | None = None) -> Path:
    """Merges a fetched kubeconfig into a file: `target`, else the first of $KUBECONFIG, else ~/.kube/config.

    The file is replaced whole, mode 0600; one that is a link stays a link. Raises ClustrError.
    """
    path = target or default_path(os.environ)
    try:
        path = path.expanduser().resolve()
        existing = path.read_text(encoding="utf-8") if path.exists() else ""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_whole(path, merged(existing, text, str(path)))
    except UnicodeDecodeError as error:
        raise ClustrError(f"{path} is no text in UTF-8", MEND) from error
    except (OSError, RuntimeError) as error:  # RuntimeError: no home folder, or links in a circle
        remedy = f"clustr kubeconfig --to FILE writes {cluster.name}'s elsewhere"
        problem = f"{path} cannot be written: {getattr(error, 'strerror', None) or error}"
        raise ClustrError(problem, remedy) from error
    return path


def default_path(environment: Mapping[str, str]) -> Path:
    """The file that kubectl itself would change."""
    named = [name for name in environment.get("KUBECONFIG", "").split(os.pathsep) if name]
    return Path(named[0]) if named else Path("~/.kube/config")


def _parsed(text: str, what: str) -> dict[str, Any]:
    try:
        config = yaml.safe_load(text) or {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ClustrError(f"{what} is no YAML", MEND, detail=str(error)) from error
    if not isinstance(config, dict):
        raise ClustrError(f"{what} is no kubeconfig", MEND)
    return config


def _entries(config: dict[str, Any], kind: str, what: str) -> list[dict[str, Any]]:
    entries = config.get(kind) or []
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise ClustrError(f"{what} is no kubeconfig: its {kind} are no list of mappings", MEND)
    return entries


def _written(config: dict[str, Any]) -> str:
    return yaml.safe_dump(config, sort_keys=False, width=4096)

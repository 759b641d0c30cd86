"""The cluster written out in full, as an inventory that says everything: `clustr validate --resolved`.

Read again, it gives the same cluster, once its secrets have a place again.
"""

from __future__ import annotations

from typing import Any

import yaml

from clustr.inventory.gpu import NodeClass, Rdma
from clustr.inventory.model import Artifacts, Cluster, Node
from clustr.inventory.places import NONE

_SECTIONS = (
    *("network", "k3s", "addons", "runtime", "monitoring", "time", "rollout", "system"),
    *("cuda", "dcgm", "cluster_gpu"),
)


def resolved_yaml(cluster: Cluster) -> str:
    """The inventory with every default, class and range filled in; secrets print as ***."""
    whole = cluster.model_dump(mode="json", exclude={"name", "nodes", "source"})
    classes = {node.class_name: (node.expects, node.rdma) for node in cluster.nodes if node.class_name}
    document = {
        "cluster": cluster.name,
        **{section: whole[section] for section in _SECTIONS},
        "classes": {name: _class(*said) for name, said in classes.items()},
        "nodes": [_node(node) for node in cluster.nodes],
    }
    return yaml.dump(document, Dumper=_WithoutAliases, sort_keys=False, allow_unicode=True, width=120)


def _class(expects: NodeClass, rdma: Rdma | None) -> dict[str, Any]:
    said = expects.model_dump(mode="json", exclude_none=True)
    return said if rdma is None else {**said, "rdma": rdma.model_dump(mode="json", exclude_none=True)}


def _node(node: Node) -> dict[str, Any]:
    apart = {"class_name", "expects", "roles", "taints", "artifacts", "rdma"}
    dumped = node.model_dump(mode="json", exclude=apart, exclude_none=True)
    return {
        "name": node.name,
        "address": node.address,
        "internal_address": node.internal_address,
        "roles": sorted((role.value for role in node.roles), reverse=True),
        **({"class": node.class_name} if node.class_name else {}),
        **dumped,
        "artifacts": _artifacts(node.artifacts),
        "taints": [str(taint) for taint in node.taints],
    }


def _artifacts(artifacts: Artifacts) -> dict[str, Any]:
    """Without what is not there, but for a proxy: where one is named, the other is too unless it says `none`."""
    dumped = artifacts.model_dump(mode="json", exclude_defaults=True)
    return {**({"https_proxy": NONE} if artifacts.proxied else {}), **dumped}


class _WithoutAliases(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True

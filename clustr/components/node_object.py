"""Labels, taints and cordon marks of the Node objects, set through a server that answers.

They are no flags of k3s: it removes no label and reads taints at a node's registration only. What clustr sets it marks
on the object itself (annotations label.clustr.io/SUM and taint.clustr.io/SUM, SUM over the key, the key as value), so
that whatever leaves the inventory is taken away from whichever server runs, and nothing that others set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from shlex import quote

from clustr.components.gpu_labels import gpu_labels
from clustr.components.k3s import datastore
from clustr.components.rdma_plugin import fabric_labels
from clustr.engine.goal import Goal
from clustr.engine.makers import step
from clustr.inventory.model import Cluster, Node, Taint
from clustr.remote.facts import Datastore, Seen


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    """Goals about every node, for the server `node` that is asked.

    None while the cluster's API does not answer: k3s is started first, and then they are looked at.
    """
    founded = any(datastore(seen, server) is not Datastore.NONE for server in cluster.servers)
    if founded and not seen.kube_nodes():
        return
    for each in cluster.nodes:
        if each.in_cluster:
            labels = {**gpu_labels(cluster, each, seen), **fabric_labels(each), **each.labels}
            yield from _about(each, labels, seen.answered(each.name))


def _about(node: Node, labels: Mapping[str, str], answered: bool) -> Iterable[Goal]:
    """The labels of a node that does not answer are not all known: none is taken away from it."""
    if answered:
        yield _none_left(node, "label", sorted(labels))
    for key, value in sorted(labels.items()):
        yield _label(node, key, value)
    taints = sorted(node.taints, key=_name)
    yield _none_left(node, "taint", [_name(taint) for taint in taints])
    for taint in taints:
        yield _taint(node, taint)
    yield _no_cordon_mark(node)


def _label(node: Node, key: str, value: str) -> Goal:
    return step(
        f"label {key}",
        probe=f"node_object_probe {quote(node.name)} label {quote(key)}",
        wanted=f'"{value}"',
        apply=f"node_object_set_label {quote(node.name)} {quote(key)} {quote(value)}",
        about=node.name,
    )


def _taint(node: Node, taint: Taint) -> Goal:
    name = _name(taint)
    whole = f"{taint.key}={taint.value}:{taint.effect}" if taint.value else name
    return step(
        f"taint {name}",
        probe=f"node_object_probe {quote(node.name)} taint {quote(name)}",
        wanted=f'"{taint.value}"',
        apply=f"node_object_set_taint {quote(node.name)} {quote(name)} {quote(whole)}",
        about=node.name,
    )


def _none_left(node: Node, kind: str, kept: list[str]) -> Goal:
    """Nothing of this kind that clustr set and the inventory names no more."""
    words = " ".join(quote(word) for word in (node.name, kind, *kept))
    return step(
        f"{kind}s no longer wanted",
        probe=f"node_object_probe_left {words}",
        wanted="none",
        apply=f"node_object_remove_left {words}",
        about=node.name,
    )


def _no_cordon_mark(node: Node) -> Goal:
    """A node that a run cordoned and then left so, cut off, takes pods again; one that a person cordoned stays so."""
    return step(
        "no cordon mark",
        probe=f"node_object_probe_cordon {quote(node.name)}",
        wanted="none",
        apply=f"node_object_uncordon {quote(node.name)}",
        about=node.name,
    )


def _name(taint: Taint) -> str:
    return f"{taint.key}:{taint.effect}"

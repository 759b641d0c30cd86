"""k3s agents: nodes that run pods and hold no cluster data."""

from __future__ import annotations

from collections.abc import Iterable

from clustr.components import container_toolkit, registries
from clustr.components.k3s import (
    AGENT,
    TOKEN,
    cluster_token,
    config,
    node_settings,
    program,
    running,
    token_goal,
    unit,
    with_further,
)
from clustr.engine.goal import Goal
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Seen


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    yield from program(cluster, node, seen, AGENT)
    token = cluster_token(cluster, seen)
    # Not before there is a CA to pin: an agent talks to no servers that nothing vouches for.
    yield token_goal("join token", TOKEN, token.for_agents() if token and token.ca else None)
    settings = {
        **node_settings(cluster, node, seen),
        "server": f"https://{cluster.registration}:6443",
        "token-file": TOKEN,
    }
    reads = (
        config(AGENT, with_further(settings, cluster.k3s.agent_config)),
        *registries.of_k3s(cluster, node),
        *unit(cluster, node, AGENT),
        *container_toolkit.before(node, seen[node.name], AGENT.unit),
    )
    yield from reads
    yield from running(cluster, node, seen, AGENT, reads)
    yield from container_toolkit.known_to_k3s(cluster, node, seen[node.name], AGENT.unit)

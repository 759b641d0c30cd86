"""node_exporter: what the machine itself has to tell Prometheus. On every node, on its internal address."""

from __future__ import annotations

from collections.abc import Iterable

from clustr import ports
from clustr.components import monitoring
from clustr.engine.goal import Goal
from clustr.families import family
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Seen


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    daemon = family(seen[node.name]).node_exporter
    arguments = (
        f"--web.listen-address={node.internal_address}:{ports.NODE_EXPORTER}",
        f"--collector.textfile.directory={monitoring.STATE}/node-exporter",
        "--collector.systemd",
        # Services alone: devices and mounts would be a thousand series more for each node.
        "--collector.systemd.unit-include=.+[.]service",
    )
    yield from monitoring.program(cluster, node, seen, daemon)
    yield from monitoring.running(cluster, node, seen, daemon, arguments, ())

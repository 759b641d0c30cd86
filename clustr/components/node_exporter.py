"""node_exporter: what the machine itself has to tell Prometheus. On every node, on its internal address."""

from __future__ import annotations

from collections.abc import Iterable

from clustr.components.families import family
from clustr.engine.goal import Goal
from clustr.engine.makers import file, packages, service
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Seen
from clustr.templates import render, text

PORT = 9100


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    daemon = family(seen[node.name]).node_exporter
    yield packages((daemon.package,), label=f"package {daemon.package}")
    arguments = file(daemon.defaults, render("node_exporter/defaults", listen=f"{node.internal_address}:{PORT}"))
    network = file(f"/etc/systemd/system/{daemon.unit}.d/40-network.conf", text("monitoring/network.conf"))
    yield from (arguments, network)
    yield from service(daemon.unit, [arguments, network])

"""Alertmanager on monitor nodes: groups what Prometheus found and passes it on to the inventory's receivers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from clustr.components import monitoring
from clustr.engine.goal import Goal
from clustr.engine.makers import file
from clustr.families import family
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Seen
from clustr.templates import render

CONFIG = "/etc/prometheus/alertmanager.yml"
PORT = 9093
GOSSIP_PORT = 9094  # between several Alertmanagers, so that each alert is sent once


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    if not cluster.monitoring.enabled:
        return
    daemon = family(seen[node.name]).alertmanager
    content = render("alertmanager/alertmanager.yml", receivers=cluster.monitoring.alert_receivers)
    # A webhook's address is often all that is needed to post to it.
    config = file(CONFIG, content, mode=0o640, owner=f"root:{monitoring.USER}", check="amtool check-config")
    yield from monitoring.program(cluster, node, seen, daemon)
    yield config
    yield from monitoring.running(cluster, node, seen, daemon, tuple(_arguments(cluster, node)), (config,))


def _arguments(cluster: Cluster, node: Node) -> Iterator[str]:
    yield f"--web.listen-address={node.internal_address}:{PORT}"
    yield f"--config.file={CONFIG}"
    yield f"--storage.path={monitoring.STATE}/alertmanager"
    peers = [each for each in cluster.monitors if each != node]
    yield f"--cluster.listen-address={node.internal_address}:{GOSSIP_PORT}" if peers else "--cluster.listen-address="
    for peer in peers:
        yield f"--cluster.peer={peer.internal_address}:{GOSSIP_PORT}"

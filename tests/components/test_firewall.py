"""Rules go by network, by role, and stay while a node is silent."""

from __future__ import annotations

from ipaddress import IPv4Network

from clustr.components import base_os
from clustr.components.firewall import UFW_GOAL, networks, ports
from clustr.inventory.model import Cluster, Network, Node, Role
from clustr.remote.facts import Firewall, Interface, Record, Seen
from tests.components.gpu_machines import gpu
from tests.components.machines import CP1, GPU1, GPU2, MON1, cluster_of, facts, goals, seen, wanted

CLUSTER = cluster_of(CP1, GPU1, MON1)
FOUND = seen(CLUSTER)
INSIDE, RACK = IPv4Network("10.0.0.0/24"), IPv4Network("172.16.2.0/24")
FAR = GPU2.model_copy(update={"internal_address": "172.16.2.9"})
TWO_NETWORKS = cluster_of(CP1, GPU1, FAR)


def ufw(cluster: Cluster, node: Node, found: Seen) -> dict[str, list[str]]:
    """Rules by source."""
    return {
        name.removeprefix(UFW_GOAL): wanted(goal).splitlines()
        for name, goal in goals(base_os, cluster, node, found).items()
        if name.startswith(UFW_GOAL)
    }


def test_ports_go_by_role() -> None:
    assert ports(CLUSTER, MON1, FOUND) == ("9100/tcp", "9090/tcp", "9093:9094/tcp")
    assert ports(CLUSTER, GPU1, FOUND) == ("9100/tcp", "10250/tcp", "8472/udp")
    assert ports(CLUSTER, CP1, FOUND) == ("9100/tcp", "10250/tcp", "8472/udp", "6443/tcp", "2379:2380/tcp")
    assert "8472/udp" not in ports(cluster_of(CP1, network=Network(cni="none")), CP1, FOUND)


def test_imex_is_reached_where_nvlink_joins_nodes() -> None:
    rack = seen(CLUSTER, pci=(gpu("2941"),))
    assert "50000/tcp" in ports(CLUSTER, GPU1, rack)


def test_nothing_is_done_where_no_firewall_is_active() -> None:
    assert [name for name in goals(base_os, CLUSTER, CP1, seen(CLUSTER)) if "firewall" in name] == []


def test_ufw_lets_in_the_nodes_networks_and_the_pods() -> None:
    assert ufw(CLUSTER, GPU1, seen(CLUSTER, firewall=Firewall.UFW)) == {
        "10.0.0.0/24": [
            "allow from 10.0.0.0/24 to any port 8472 proto udp",
            "allow from 10.0.0.0/24 to any port 9100,10250 proto tcp",
        ],
        "10.42.0.0/16": [
            "allow from 10.42.0.0/16",
            "route allow from 10.42.0.0/16",
            "route allow to 10.42.0.0/16",
        ],
        "10.43.0.0/16": [
            "allow from 10.43.0.0/16",
            "route allow from 10.43.0.0/16",
            "route allow to 10.43.0.0/16",
        ],
    }


def test_pods_do_not_reach_into_a_node_outside_the_cluster() -> None:
    assert list(ufw(CLUSTER, MON1, seen(CLUSTER, firewall=Firewall.UFW))) == ["10.0.0.0/24"]
    found = goals(base_os, CLUSTER, MON1, seen(CLUSTER, firewall=Firewall.FIREWALLD))
    assert "10.42." not in wanted(found["firewalld policy clustr-in"])


def test_networks_are_those_of_the_internal_addresses() -> None:
    assert networks(TWO_NETWORKS, CP1, seen(TWO_NETWORKS)) == (INSIDE, RACK)


def test_a_silent_node_in_a_known_network_changes_nothing() -> None:
    assert networks(CLUSTER, CP1, seen(CLUSTER, silent=("gpu1",))) == networks(CLUSTER, CP1, seen(CLUSTER))


def test_a_silent_node_keeps_the_network_that_has_a_rule() -> None:
    quiet = seen(TWO_NETWORKS, silent=("gpu2",))
    assert networks(TWO_NETWORKS, CP1, quiet) == (INSIDE, IPv4Network("172.16.2.9/32"))
    ruled = Record(1, "base_os", "", f"{UFW_GOAL}{RACK}", "undo")
    with_rule = Seen({**quiet.facts, "cp1": facts(CP1, records=(ruled,))})
    assert networks(TWO_NETWORKS, CP1, with_rule) == (INSIDE, RACK)


def test_an_address_that_no_interface_has_counts_alone() -> None:
    behind = Seen(
        {**seen(CLUSTER).facts, "gpu1": facts(GPU1, interfaces=(Interface("eth0", ("192.168.1.5/24",), 1500),))}
    )
    assert networks(CLUSTER, CP1, behind) == (IPv4Network("10.0.0.0/24"), IPv4Network("10.0.0.21/32"))


def test_a_role_more_opens_its_ports() -> None:
    both = CP1.model_copy(update={"roles": frozenset({Role.SERVER, Role.MONITOR})})
    cluster = cluster_of(both)
    tcp = ufw(cluster, both, seen(cluster, firewall=Firewall.UFW))["10.0.0.0/24"][0]
    assert tcp == "allow from 10.0.0.0/24 to any port 2379:2380,6443,9090,9093:9094,9100,10250 proto tcp"

"""Names, addresses and subnets of labs, and what nodes are started with."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest
import yaml

from clustr.errors import ClustrError, UsageError
from clustr.inventory.model import Role
from clustr.lab import inventory, network, nspawn, plan
from clustr.lab.model import Lab, Login, NodeSpec, Origin, Source, Spec

NOWHERE = Source(Origin.NOTHING)


def lab(**traits: object) -> Lab:
    spec = Spec(**{"name": "demo", **traits})  # type: ignore[arg-type]
    return plan.plan(spec, 7, Path("/image"), NOWHERE)


def test_nodes_have_names_addresses_and_one_monitor() -> None:
    assert [(node.name, str(node.address), [*node.roles]) for node in lab().nodes] == [
        ("cp1", "10.77.7.11", ["server"]),
        ("cp2", "10.77.7.12", ["server"]),
        ("cp3", "10.77.7.13", ["server"]),
        ("agent1", "10.77.7.14", ["agent"]),
        ("agent2", "10.77.7.15", ["agent", "monitor"]),
    ]


def test_a_lone_server_is_the_monitor_and_a_monitor_of_its_own_is_the_only_one() -> None:
    assert [*lab(servers=1, agents=0).nodes[0].roles] == ["server", "monitor"]
    own = lab(servers=1, agents=1, monitors=1)
    assert [(node.name, [*node.roles]) for node in own.nodes] == [
        ("cp1", ["server"]),
        ("agent1", ["agent"]),
        ("monitor1", ["monitor"]),
    ]


def test_a_new_node_takes_the_first_free_name_and_address() -> None:
    full = lab()
    gap = replace(full, nodes=tuple(node for node in full.nodes if node.name != "cp2"))
    added = plan.with_node(gap, NodeSpec((Role.SERVER,)), gap.image).nodes[-1]
    assert (added.name, str(added.address)) == ("cp2", "10.77.7.12")
    assert plan.with_node(full, NodeSpec((Role.AGENT,)), full.image).nodes[-1].name == "agent3"


@pytest.mark.parametrize("name", ["", "Demo", "-a", "a-", "a/b", "../x", "1a", "a" * 21, "a b", "a\n"])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(UsageError):
        plan.check(Spec(name=name))


@pytest.mark.parametrize("counts", [(0, 0, 0), (-1, 2, 0), (200, 1, 0)])
def test_numbers_of_nodes_that_cannot_be(counts: tuple[int, int, int]) -> None:
    with pytest.raises(UsageError):
        plan.check(Spec(servers=counts[0], agents=counts[1], monitors=counts[2]))


def test_a_subnet_is_free_when_neither_of_its_networks_is_in_use() -> None:
    used = [IPv4Network("10.77.1.0/24"), IPv4Network("10.76.2.5/32"), IPv4Network("192.168.0.0/16")]
    assert plan.free_number(used, taken=[3]) == 4
    with pytest.raises(ClustrError, match="No subnet"):
        plan.free_number([IPv4Network("10.0.0.0/8")], taken=[])


def test_links_fit_into_what_the_kernel_takes() -> None:
    widest = replace(plan.plan(Spec(internal_network=True, servers=99, agents=101), 254, Path("/image"), NOWHERE))
    names = {widest.bridge, widest.internal_bridge, *(nspawn.internal_link(widest, node) for node in widest.nodes)}
    assert len(names) == 202
    assert max(map(len, names)) <= 15  # IFNAMSIZ - 1


def test_a_second_network_is_another_link() -> None:
    one = lab(internal_network=True)
    assert f"--network-veth-extra={nspawn.internal_link(one, one.nodes[0])}:int0" in nspawn.command(one, one.nodes[0])
    assert not any("veth-extra" in word for word in nspawn.command(lab(), lab().nodes[0]))


def test_only_what_leaves_the_bridge_is_masqueraded() -> None:
    assert 'ip saddr 10.77.7.0/24 ip daddr != 10.77.7.0/24 oifname != "clab7" masquerade' in network.way_out(lab())


def test_the_inventory_says_what_differs_from_the_defaults() -> None:
    mirrored = replace(
        lab(servers=1, agents=0, login=Login.PASSWORD, internal_network=True),
        source=Source(Origin.FOLDER, folder=Path("/mirror"), k3s_version="v1.36.3+lab1"),
    )
    assert yaml.safe_load(inventory.render(mirrored, cgroup_v1=True)) == {
        "cluster": "demo",
        "ssh": {
            "user": "lab",
            "key": "/var/lib/clustr/labs/demo/id_ed25519",
            "known_hosts": "/var/lib/clustr/labs/demo/known_hosts",
            "host_keys": "strict",
        },
        "sudo": {"password": {"file": "/var/lib/clustr/labs/demo/sudo-password"}},
        "k3s": {"version": "v1.36.3+lab1", "allow_cgroup_v1": True},
        "time": {"servers": ["10.77.7.1"]},
        "artifacts": {"mirror": "https://10.77.7.1:8443", "ca": "/var/lib/clustr/labs/demo/mirror-ca.pem"},
        "nodes": [
            {
                "name": "cp1",
                "address": "10.77.7.11",
                "internal_address": "10.76.7.11",
                "roles": ["server", "monitor"],
            }
        ],
    }
    plain = yaml.safe_load(inventory.render(lab(), cgroup_v1=False))
    assert plain.keys() == {"cluster", "ssh", "time", "nodes"}

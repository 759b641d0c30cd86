"""What a right inventory becomes."""

from __future__ import annotations

import time
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from clustr.errors import InventoryError
from clustr.inventory.load import Loaded, load, read
from clustr.inventory.model import Cluster, Effect, Node, Role, Taint
from clustr.versions import DEFAULT_K3S

SERVER, AGENT, MONITOR = Role.SERVER, Role.AGENT, Role.MONITOR


def of(tmp_path: Path, text: str) -> Loaded:
    path = tmp_path / "inventory.yaml"
    path.write_text(text)
    assert load(path) == read(path).cluster
    return read(path)


def cluster(tmp_path: Path, text: str) -> Cluster:
    return of(tmp_path, text).cluster


def node(tmp_path: Path, text: str) -> Node:
    return cluster(tmp_path, text).nodes[-1]


def roles(found: Cluster) -> list[set[Role]]:
    return [set(each.roles) for each in found.nodes]


def test_names_and_addresses_are_a_whole_inventory(tmp_path: Path) -> None:
    found = cluster(tmp_path, "nodes:\n- {name: a, address: 10.0.0.1}\n- {name: 'b[1-2]', address: '10.0.0.[2-3]'}\n")
    assert [(each.name, each.address, each.internal_address) for each in found.nodes] == [
        ("a", "10.0.0.1", "10.0.0.1"),
        ("b1", "10.0.0.2", "10.0.0.2"),
        ("b2", "10.0.0.3", "10.0.0.3"),
    ]
    assert roles(found) == [{SERVER, MONITOR}, {AGENT}, {AGENT}]
    assert (found.name, found.k3s.version, found.monitoring.enabled) == ("clustr", DEFAULT_K3S, True)
    assert found.network.cluster_cidr == IPv4Network("10.42.0.0/16")


def test_the_first_of_a_range_is_the_server(tmp_path: Path) -> None:
    found = cluster(tmp_path, "nodes: [{name: 'a[1-3]', address: '10.0.0.[1-3]'}]")
    assert roles(found) == [{SERVER, MONITOR}, {AGENT}, {AGENT}]


def test_without_a_monitor_the_first_server_is_one(tmp_path: Path) -> None:
    text = """
nodes:
- {name: a, address: 10.0.0.1}
- {name: b, address: 10.0.0.2, roles: [server]}
"""
    assert roles(cluster(tmp_path, text)) == [{AGENT}, {SERVER, MONITOR}]
    assert roles(cluster(tmp_path, "monitoring: false\n" + text)) == [{AGENT}, {SERVER}]
    assert roles(cluster(tmp_path, text + "- {name: c, address: 10.0.0.3, roles: [monitor]}")) == [
        {AGENT},
        {SERVER},
        {MONITOR},
    ]


@pytest.mark.parametrize(
    ("written", "enabled"),
    [("false", False), ("true", True), ("{enabled: false}", False), ("{retention: 7d}", True), ("", True)],
)
def test_monitoring_is_a_switch_or_a_section(tmp_path: Path, written: str, enabled: bool) -> None:
    found = cluster(tmp_path, f"monitoring: {written}\nnodes: [{{name: a, address: 10.0.0.1}}]")
    assert found.monitoring.enabled is enabled


def test_the_nearest_wins(tmp_path: Path) -> None:
    (tmp_path / "key").touch()
    found = node(
        tmp_path,
        """
ssh: {user: all, port: 22, bastion: jump@gate:2022, key: key, connect_timeout: 5}
sudo: {password: {file: all}}
defaults: {class: gpu, interface: eth0, roles: [server], labels: {site: x, tier: x},
           taints: ['a=1:NoSchedule', 'd:NoSchedule']}
classes:
  gpu: {gpus: 8, model: H100-SXM, labels: {tier: y, rack: y}, taints: ['a=2:NoSchedule', 'b:NoExecute'],
        ssh: {user: class, port: 2222}}
nodes:
- {name: a, address: 10.0.0.1, labels: {rack: z}, taints: ['a=3:NoExecute'], ssh: {port: 23, bastion: none}}
""".replace("{file: all}", f"{{file: {_secret(tmp_path)}}}"),
    )
    assert (found.ssh.user, found.ssh.port, found.ssh.bastion, found.ssh.connect_timeout) == ("class", 23, None, 5)
    assert found.ssh.key == tmp_path / "key"
    assert found.sudo.password is not None
    assert found.sudo.password.reveal() == "open sesame"
    assert found.labels == {"site": "x", "tier": "y", "rack": "z"}
    assert [str(taint) for taint in found.taints] == [
        "a=2:NoSchedule",
        "d:NoSchedule",
        "b:NoExecute",
        "a=3:NoExecute",
    ]
    assert (found.class_name, found.expects.gpus, found.expects.model) == ("gpu", 8, "H100-SXM")
    assert found.interface == "eth0"
    assert set(found.roles) == {SERVER, MONITOR}


def _secret(folder: Path) -> str:
    path = folder / "all"
    path.write_text("open sesame\n")
    path.chmod(0o600)
    return path.name


def test_a_bastion_in_one_line(tmp_path: Path) -> None:
    bastion = node(
        tmp_path, "ssh: {bastion: jump@gate.example.com:2022}\nnodes: [{name: a, address: 10.0.0.1}]"
    ).ssh.bastion
    assert bastion is not None
    assert (bastion.user, bastion.host, bastion.port) == ("jump", "gate.example.com", 2022)


def test_scalars_stay_as_written(tmp_path: Path) -> None:
    found = cluster(
        tmp_path,
        """
k3s:
  allow_cgroup_v1: true
  kubelet_args: [max-pods=200]
  server_config: {write-kubeconfig-mode: 0644, debug: true, version: 1.30, tls-san: [a.example.com, 2001:22:22]}
system: {sysctls: {vm.max_map_count: 1_000, kernel.x: 010}}
nodes:
- {name: 0123, address: 10.0.0.1, labels: {on: yes, version: 1.30, nothing: , null: ~}}
""",
    )
    assert found.k3s.server_config == {
        "write-kubeconfig-mode": "0644",
        "debug": "true",
        "version": "1.30",
        "tls-san": ("a.example.com", "2001:22:22"),
    }
    assert found.k3s.allow_cgroup_v1 is True
    assert found.system.sysctls == {"vm.max_map_count": "1_000", "kernel.x": "010"}
    assert found.nodes[0].name == "0123"
    assert found.nodes[0].labels == {"on": "yes", "version": "1.30", "nothing": "", "null": ""}


def test_an_empty_key_is_no_key(tmp_path: Path) -> None:
    empty = """
ssh:
  user:
  bastion:
k3s:
classes:
  h100:
nodes: [{name: a, address: 10.0.0.1, class: h100, labels: }]
"""
    full = "classes: {h100: {}}\nnodes: [{name: a, address: 10.0.0.1, class: h100}]"
    assert cluster(tmp_path, empty) == cluster(tmp_path, full)


def test_merges_and_own_keys(tmp_path: Path) -> None:
    found = cluster(
        tmp_path,
        """
x-gpu: &gpu {roles: [agent], labels: {tier: x}}
x-far: &far {labels: {tier: far}, interface: eth9}
nodes:
- {name: s, address: 10.0.0.1, roles: [server]}
- {<<: *gpu, name: a, address: 10.0.0.2}
- {<<: [*gpu, *far], name: b, address: 10.0.0.3, roles: [monitor]}
""",
    )
    assert roles(found) == [{SERVER}, {AGENT}, {MONITOR}]
    assert [each.labels for each in found.nodes] == [{}, {"tier": "x"}, {"tier": "x"}]
    assert found.nodes[2].interface == "eth9"


def test_forwarded_ports_share_an_address(tmp_path: Path) -> None:
    text = """
nodes:
- {name: a, address: 127.0.0.1, internal_address: 192.168.56.11, ssh: {port: 2200}}
- {name: b, address: 127.0.0.1, internal_address: 192.168.56.12, ssh: {port: 2201}}
"""
    assert [each.ssh.port for each in cluster(tmp_path, text).nodes] == [2200, 2201]
    with pytest.raises(InventoryError, match="1 mistake"):
        cluster(tmp_path, text.replace("2201", "2200"))


def test_an_even_number_of_servers_is_a_warning(tmp_path: Path) -> None:
    found = of(tmp_path, "nodes:\n- {name: 'a[1-2]', address: '10.0.0.[1-2]', roles: [server]}")
    assert [warning.partition("inventory.yaml:")[2] for warning in found.warnings] == [
        "2:1  nodes   2 servers stand no more failures than 1: write 1 or 3"
    ]
    assert of(tmp_path, "nodes:\n- {name: 'a[1-3]', address: '10.0.0.[1-3]', roles: [server]}").warnings == ()


def test_a_smaller_share_for_each_node_makes_room(tmp_path: Path) -> None:
    text = "network: {cluster_cidr: 10.42.0.0/22}\nnodes: [{name: 'a[1-8]', address: '10.0.0.[1-8]'}]"
    with pytest.raises(InventoryError, match="1 mistake"):
        cluster(tmp_path, text)
    cluster(tmp_path, "k3s: {server_config: {kube-controller-manager-arg: [node-cidr-mask-size=25]}}\n" + text)


def test_a_monitor_alone_takes_no_pod_network(tmp_path: Path) -> None:
    cluster(
        tmp_path,
        "network: {cluster_cidr: 10.42.0.0/24}\n"
        "nodes: [{name: a, address: 10.0.0.1, roles: [server]}, {name: m, address: 10.0.0.2, roles: [monitor]}]",
    )


def test_taints_as_written() -> None:
    assert Taint.model_validate("a.io/b=c:NoExecute") == Taint(key="a.io/b", value="c", effect=Effect.NO_EXECUTE)
    assert str(Taint.model_validate("a:NoSchedule")) == "a:NoSchedule"


def test_a_thousand_nodes_in_less_than_a_second(tmp_path: Path) -> None:
    lines = "".join(
        f"  - {{name: n{n}, address: 10.1.{n // 250}.{n % 250}, roles: [agent], class: g, labels: {{r: r{n % 9}}}}}\n"
        for n in range(1000)
    )
    path = tmp_path / "inventory.yaml"
    path.write_text(
        "network: {cluster_cidr: 10.64.0.0/12}\nclasses: {g: {gpus: 8}}\n"
        f"nodes:\n  - {{name: cp, address: 10.0.0.1, roles: [server]}}\n{lines}"
    )
    began = time.process_time()
    assert len(load(path).nodes) == 1001
    assert time.process_time() - began < 1

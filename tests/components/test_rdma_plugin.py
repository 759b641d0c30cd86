"""The fabric in the cluster: a resource for each, on the nodes that are labelled for it."""

from __future__ import annotations

import json

import yaml

from clustr.components import node_object, rdma_plugin
from clustr.inventory.gpu import Fabric, Rdma, RdmaPort
from clustr.inventory.model import Cluster, Node
from tests.components.machines import CP1, GPU1, GPU2, MON1, cluster_of, goals, seen, wanted

IB = Rdma(ports=(RdmaPort(device="mlx5_0"), RdmaPort(device="mlx5_1")))
BOTH = Rdma(ports=(RdmaPort(device="mlx5_0"), RdmaPort(device="mlx5_2", fabric=Fabric.ROCE)))
MANIFEST = "/var/lib/rancher/k3s/server/manifests/clustr-rdma-plugin.yaml"


def having(node: Node, rdma: Rdma) -> Node:
    return node.model_copy(update={"rdma": rdma})


def objects(cluster: Cluster) -> dict[tuple[str, str], dict[str, object]]:
    """What the manifest holds, by kind and name."""
    text = wanted(goals(rdma_plugin, cluster, CP1, seen(cluster))[MANIFEST]).split("\n", 1)[1]
    found = list(yaml.safe_load_all(text))
    assert None not in found
    return {(each["kind"], each["metadata"]["name"]): each for each in found}


def test_without_rdma_there_is_no_manifest() -> None:
    cluster = cluster_of(CP1, GPU1)
    assert goals(rdma_plugin, cluster, CP1, seen(cluster)) == {}


def test_a_resource_for_each_fabric_that_some_node_has() -> None:
    assert set(objects(cluster_of(CP1, having(GPU1, IB)))) == {
        ("ConfigMap", "rdma-infiniband"),
        ("DaemonSet", "rdma-infiniband"),
    }
    found = objects(cluster_of(CP1, having(GPU1, IB), having(GPU2, BOTH)))
    assert set(found) == {(kind, f"rdma-{name}") for kind in ("ConfigMap", "DaemonSet") for name in Fabric}
    settings = json.loads(found["ConfigMap", "rdma-roce"]["data"]["config.json"])  # type: ignore[index]
    assert settings == {
        "configList": [
            {
                "resourceName": "roce",
                "rdmaHcaMax": 1000,
                "selectors": {"drivers": ["mlx5_core"], "linkTypes": ["ether"]},
            }
        ]
    }


def test_where_all_ports_name_their_interfaces_pods_get_no_others() -> None:
    """Such as those of a B200 board's switches, which no other selector tells from a ConnectX-7 port."""
    named = tuple(RdmaPort(device=f"mlx5_{n}", interface=f"ibp{n}s0") for n in range(3))

    def selectors(*each: Rdma) -> dict[str, list[str]]:
        nodes = [having(node, rdma) for node, rdma in zip((GPU1, GPU2), each, strict=False)]
        data = objects(cluster_of(CP1, *nodes))["ConfigMap", "rdma-infiniband"]["data"]
        (resource,) = json.loads(data["config.json"])["configList"]  # type: ignore[index]
        return dict(resource["selectors"])

    every = {"drivers": ["mlx5_core"], "linkTypes": ["infiniband"]}
    assert selectors(Rdma(ports=named[:2])) == {**every, "ifNames": ["ibp0s0", "ibp1s0"]}
    assert selectors(Rdma(ports=named[1:]), Rdma(ports=named[:2]))["ifNames"] == ["ibp0s0", "ibp1s0", "ibp2s0"]
    for other in (Rdma(), IB, Rdma(ports=(*named, RdmaPort(device="mlx5_9")))):
        assert selectors(Rdma(ports=named), other) == every


def test_nodes_are_labelled_for_their_fabrics_and_the_plugins_look_for_these_labels() -> None:
    cluster = cluster_of(CP1, having(GPU1, IB), having(GPU2, Rdma()), MON1)
    found = [(goal.about, goal.name) for goal in node_object.goals(cluster, CP1, seen(cluster))]
    ib, roce = "label clustr.io/fabric.infiniband", "label clustr.io/fabric.roce"
    assert [each for each in found if each[1] in (ib, roce)] == [("gpu1", ib), ("gpu2", ib), ("gpu2", roce)]
    for (kind, name), each in objects(cluster).items():
        if kind == "DaemonSet":
            template = each["spec"]["template"]["spec"]  # type: ignore[index]
            assert template["nodeSelector"] == {f"clustr.io/fabric.{name.removeprefix('rdma-')}": "true"}

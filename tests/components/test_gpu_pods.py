"""What gives pods their GPUs: container toolkit, device plugin, GPU Operator, MIG, labels. Facts in, goals out."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from clustr.components import (
    container_runtime,
    container_toolkit,
    device_plugin,
    gpu_operator,
    k3s_agent,
    mig,
    node_object,
)
from clustr.engine.goal import Disrupts, Goal
from clustr.engine.makers import sha256
from clustr.engine.stage import Component
from clustr.inventory.gpu import ClusterGpu, NodeClass
from clustr.inventory.model import Artifacts, Cluster, K3s, Node, Role, Runtime
from clustr.nvidia.sharing import WHOLE, Sharing, sharing
from clustr.remote.facts import Facts, K3sFacts, KubeNode, Seen
from clustr.remote.gpu_facts import Holder, HolderKind, KubeGpu
from tests.components import systems
from tests.components.gpu_machines import MACHINE, gpu, hgx, loaded
from tests.components.k3s_nodes import PASSWORD
from tests.components.machines import CP1, GPU1, GPU2, cluster_of, facts, goals, wanted
from tests.components.scripts import PASSED_OVER, applies, probes, shellcheck
from tests.conftest import Golden

GOLDEN = Path(__file__).parent / "golden"
H100, V100, A100_40GB, GB200 = "2330", "1db5", "20b0", "2941"
MANIFEST = "/var/lib/rancher/k3s/server/manifests/clustr-nvidia-device-plugin.yaml"
OPERATOR = "/var/lib/rancher/k3s/server/manifests/clustr-gpu-operator.yaml"


def node(expects: NodeClass | None = None, **further: object) -> Node:
    return GPU1.model_copy(update={"expects": expects or NodeClass(), **further})


def seen(cluster: Cluster, kube: KubeGpu | None = None, **further: Any) -> Seen:
    """cp1 has no GPU and founded the cluster; every other node has eight."""
    gpus = loaded("580.173.02", holders=())
    found: dict[str, Facts] = {}
    for each in cluster.nodes:
        given = {**MACHINE, "pci": hgx(H100), "gpu": gpus, **further}
        found[each.name] = facts(each, **(given if each.name != "cp1" else {}))
    k3s = K3sFacts(api_ready=True, gpu=kube or KubeGpu(), nodes=(KubeNode("cp1", True, False, "v1.36.5+k3s1"),))
    found["cp1"] = replace(found["cp1"], k3s=k3s)
    return Seen(found)


def listed(component: Component, cluster: Cluster, name: str, found: Seen | None = None) -> dict[str, Goal]:
    return goals(component, cluster, cluster.node(name), found or seen(cluster))


PLAIN = cluster_of(CP1, node())
MIG = cluster_of(CP1, node(NodeClass(mig="1g.10gb")))
SHARED = cluster_of(CP1, node(NodeClass(time_slicing=4)), GPU2)
OPERATORS = KubeGpu(device_plugins=("gpu-operator/nvidia-device-plugin-daemonset",))
BY_OPERATOR = cluster_of(CP1, node(NodeClass(time_slicing=4)), GPU2, cluster_gpu=ClusterGpu.GPU_OPERATOR)
ROCKY = Seen({"cp1": facts(CP1), "gpu1": replace(systems.said("rocky-9"), hostname="gpu1", pci=hgx(H100))})

CASES: dict[str, tuple[Component, Cluster, str, Seen]] = {
    "container_toolkit/debian": (container_toolkit, PLAIN, "gpu1", seen(PLAIN)),
    "container_toolkit/rocky": (container_toolkit, PLAIN, "gpu1", ROCKY),
    "device_plugin/whole": (device_plugin, PLAIN, "cp1", seen(PLAIN)),
    "device_plugin/after_operator": (device_plugin, PLAIN, "cp1", seen(PLAIN, OPERATORS)),
    "device_plugin/mig": (device_plugin, MIG, "cp1", seen(MIG)),
    "device_plugin/shared": (device_plugin, SHARED, "cp1", seen(SHARED)),
    "gpu_operator/shared": (gpu_operator, BY_OPERATOR, "cp1", seen(BY_OPERATOR)),
    "mig/divided": (mig, MIG, "gpu1", seen(MIG)),
}


@pytest.mark.parametrize("case", CASES)
def test_scripts_are_as_they_were(case: str, golden: Golden) -> None:
    component, cluster, name, found = CASES[case]
    made = list(listed(component, cluster, name, found).values())
    golden(GOLDEN / f"{case}.probe.sh", probes(made))
    golden(GOLDEN / f"{case}.apply.sh", applies(made))


@pytest.mark.parametrize("case", CASES)
def test_scripts_pass_shellcheck(case: str, tmp_path: Path) -> None:
    component, cluster, name, found = CASES[case]
    made = list(listed(component, cluster, name, found).values())
    assert shellcheck([*made, Goal("another", "true", "", "true")], tmp_path) == ""  # a loop over one goal is no loop


def test_the_script_at_boot_passes_shellcheck() -> None:
    script = wanted(listed(mig, MIG, "gpu1")["/usr/local/lib/clustr/mig"]).partition("\n")[2]
    assert "mig_divide 1g.10gb" in script
    command = ["shellcheck", f"--exclude={PASSED_OVER}", "-"]
    checked = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
    assert checked.stdout == ""


def test_a_node_without_gpus_gets_nothing() -> None:
    found = seen(PLAIN, pci=())
    for component in (container_toolkit, mig):
        assert listed(component, MIG, "gpu1", found) == {}
    for component in (device_plugin, gpu_operator):
        assert listed(component, PLAIN, "cp1", found) == {}


def objects(goal: Goal) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(wanted(goal).partition("\n")[2]) if each]


def daemons(cluster: Cluster) -> dict[str, dict[str, Any]]:
    made = objects(listed(device_plugin, cluster, "cp1")[MANIFEST])
    return {each["metadata"]["name"]: each["spec"] for each in made if each["kind"] == "DaemonSet"}


def test_each_node_has_one_device_plugin() -> None:
    """Which one is a label's value, of which a node has one; every DaemonSet asks for it."""
    made = daemons(SHARED)
    assert list(made) == ["nvidia-device-plugin-shared-4", "nvidia-device-plugin-whole"]
    chosen = [spec["template"]["spec"]["nodeSelector"]["nvidia.com/device-plugin.config"] for spec in made.values()]
    assert chosen == ["shared-4", "whole"]
    labels = {
        name: listed_labels(SHARED, name)["nvidia.com/device-plugin.config"] for name in ("gpu1", "gpu2")
    }  # fmt: skip
    assert labels == {"gpu1": "shared-4", "gpu2": "whole"}


@pytest.mark.parametrize("cluster", [PLAIN, MIG, SHARED])
def test_the_plugin_runs_where_it_sees_gpus_whatever_taints_they_have(cluster: Cluster) -> None:
    for spec in daemons(cluster).values():
        pod = spec["template"]["spec"]
        assert pod["runtimeClassName"] == "nvidia"
        assert pod["tolerations"] == [{"operator": "Exists"}]
        assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]


def test_only_mig_asks_for_privileges() -> None:
    context = {
        name: spec["template"]["spec"]["containers"][0]["securityContext"]
        for name, spec in {**daemons(PLAIN), **daemons(MIG)}.items()
    }
    assert context["nvidia-device-plugin-mig"] == {"privileged": True}
    assert context["nvidia-device-plugin-whole"] == {
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip


def test_a_changed_configuration_starts_the_plugin_anew() -> None:
    spec = daemons(SHARED)["nvidia-device-plugin-shared-4"]
    way = sharing(NodeClass(time_slicing=4))
    sums = spec["template"]["metadata"]["annotations"]
    assert sums == {"clustr.io/configuration": sha256(device_plugin.configuration(way))[:16]}


def test_a_cluster_has_one_who_hands_out_gpus() -> None:
    for who, mine, other in (
        (ClusterGpu.CLUSTR, device_plugin, gpu_operator),
        (ClusterGpu.GPU_OPERATOR, gpu_operator, device_plugin),
    ):
        cluster = cluster_of(CP1, node(), cluster_gpu=who)
        assert listed(mine, cluster, "cp1")
        assert listed(other, cluster, "cp1") == {}
    nobody = cluster_of(CP1, node(), cluster_gpu=ClusterGpu.NONE)
    assert listed(device_plugin, nobody, "cp1") == listed(gpu_operator, nobody, "cp1") == {}


def test_the_plugin_waits_until_the_operators_is_gone() -> None:
    made = listed(device_plugin, PLAIN, "cp1", seen(PLAIN, OPERATORS))
    assert list(made) == ["no device plugin of the GPU Operator in gpu-operator", MANIFEST]
    own = KubeGpu(device_plugins=("kube-system/nvidia-device-plugin-daemonset",))  # preflight's to refuse
    assert list(listed(device_plugin, PLAIN, "cp1", seen(PLAIN, own))) == [MANIFEST]


def test_gpus_that_are_handed_out_by_dra_are_left_to_it() -> None:
    dra = KubeGpu(dra=("gpu.nvidia.com",))
    for cluster in (PLAIN, BY_OPERATOR):
        found = seen(cluster, dra)
        assert listed(device_plugin, cluster, "cp1", found) == listed(gpu_operator, cluster, "cp1", found) == {}
        assert "nvidia.com/gpu.present" not in listed_labels(cluster, "gpu1", found)


def test_k3s_brings_the_runtime_class_unless_it_is_switched_off() -> None:
    def classes(cluster: Cluster) -> list[str]:
        made = objects(listed(device_plugin, cluster, "cp1")[MANIFEST])
        return [each["metadata"]["name"] for each in made if each["kind"] == "RuntimeClass"]

    assert classes(PLAIN) == []
    k3s = K3s(version="v1.36.5+k3s1", server_config={"disable": ("runtimes",)})
    assert classes(cluster_of(CP1, node(), k3s=k3s)) == ["nvidia"]


def test_the_operator_leaves_the_host_to_clustr() -> None:
    made = objects(listed(gpu_operator, BY_OPERATOR, "cp1")[OPERATOR])
    chart = next(each["spec"] for each in made if each["kind"] == "HelmChart")
    values = yaml.safe_load(chart["valuesContent"])
    assert (chart["chart"], chart["version"]) == ("gpu-operator", "v26.7.1")
    assert values["driver"] == values["toolkit"] == values["dcgmExporter"] == {"enabled": False}
    plugin = values["devicePlugin"]["config"]
    assert (plugin["create"], plugin["default"], set(plugin["data"])) == (True, "whole", {"whole", "shared-4"})
    assert yaml.safe_load(plugin["data"]["shared-4"])["sharing"]["timeSlicing"]["resources"][0]["replicas"] == 4


def test_the_operators_namespace_goes_after_its_chart() -> None:
    """What was made last is removed first."""
    assert list(listed(gpu_operator, BY_OPERATOR, "cp1")) == [OPERATOR.replace(".yaml", "-namespace.yaml"), OPERATOR]


def test_a_mirror_of_charts_and_its_authority_are_the_operators_too() -> None:
    pem = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n"
    artifacts = Artifacts(charts={"*": "https://mirror.example.com/charts"}, ca=Path("ca.pem"))
    server = CP1.model_copy(update={"artifacts": artifacts})
    cluster = cluster_of(server, node(), cluster_gpu=ClusterGpu.GPU_OPERATOR, files={Path("ca.pem"): pem})
    made = objects(listed(gpu_operator, cluster, "cp1")[OPERATOR])
    chart = next(each["spec"] for each in made if each["kind"] == "HelmChart")
    assert chart["repo"] == "https://mirror.example.com/charts/helm.ngc.nvidia.com/nvidia"
    assert chart["repoCA"] == pem


def listed_labels(cluster: Cluster, name: str, found: Seen | None = None) -> dict[str, str]:
    """The labels that clustr sets on a node."""
    made = node_object.goals(cluster, cluster.node("cp1"), found or seen(cluster))
    return {
        goal.name.removeprefix("label "): wanted(goal).strip('"')
        for goal in made
        if goal.about == name and goal.name.startswith("label ")
    }


def test_nodes_are_labelled_with_what_their_gpus_are() -> None:
    assert listed_labels(SHARED, "gpu1") == {
        "nvidia.com/device-plugin.config": "shared-4",
        "nvidia.com/gpu.compute.major": "9",
        "nvidia.com/gpu.compute.minor": "0",
        "nvidia.com/gpu.count": "8",
        "nvidia.com/gpu.family": "hopper",
        "nvidia.com/gpu.mode": "compute",
        "nvidia.com/gpu.present": "true",
        "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3",  # turns are nvidia.com/gpu.shared
        "nvidia.com/gpu.replicas": "4",
        "nvidia.com/gpu.sharing-strategy": "time-slicing",
        "nvidia.com/mig.capable": "true",
        "nvidia.com/mig.strategy": "mixed",
        "nvidia.com/mps.capable": "false",
    }
    assert listed_labels(SHARED, "cp1") == {}
    assert listed_labels(BY_OPERATOR, "gpu1") == {"nvidia.com/device-plugin.config": "shared-4"}


def test_a_label_of_the_inventory_is_before_one_of_ours() -> None:
    cluster = cluster_of(CP1, node(labels={"nvidia.com/gpu.product": "mine"}))
    assert listed_labels(cluster, "gpu1")["nvidia.com/gpu.product"] == "mine"


def test_a_node_that_does_not_answer_keeps_its_labels() -> None:
    found = seen(PLAIN)
    silent = Seen({"cp1": found["cp1"]})
    about = [goal for goal in node_object.goals(PLAIN, PLAIN.node("cp1"), silent) if goal.about == "gpu1"]
    assert "labels no longer wanted" not in [goal.name for goal in about]


@pytest.mark.parametrize(
    ("expects", "resource"),
    [
        (NodeClass(), "nvidia.com/gpu"),
        (NodeClass(mig="off"), "nvidia.com/gpu"),
        (NodeClass(time_slicing=2), "nvidia.com/gpu.shared"),
        (NodeClass(mig="1g.10gb"), "nvidia.com/mig-1g.10gb"),
        (NodeClass(mig="1g.10gb+me"), "nvidia.com/mig-1g.10gb.me"),
    ],
)
def test_nvidia_com_gpu_is_always_a_whole_gpu(expects: NodeClass, resource: str) -> None:
    assert sharing(expects).resource == resource


def test_a_part_of_a_gpu_is_no_gpu_in_the_plugins_configuration() -> None:
    """The names above are what the plugin makes of these settings (its README: renameByDefault, migStrategy)."""
    turns = yaml.safe_load(device_plugin.configuration(Sharing("shared-2", "nvidia.com/gpu.shared", 2)))
    assert turns["sharing"]["timeSlicing"]["renameByDefault"] is True
    for way in (WHOLE, Sharing("mig", "nvidia.com/mig-1g.10gb")):
        settings = yaml.safe_load(device_plugin.configuration(way))
        assert settings == {"version": "v1", "flags": {"migStrategy": "mixed"}}


def test_k3s_waits_for_gpus_and_looks_for_their_runtime() -> None:
    found = replace(seen(PLAIN), sums={"k3s-io/k3s/releases/download/v1.36.5+k3s1/k3s": "0" * 64})
    names = list(listed(k3s_agent, PLAIN, "gpu1", found))
    assert "/etc/systemd/system/k3s-agent.service.d/40-clustr-gpu.conf" in names
    assert names[-2:] == ["k3s-agent.service runs", "NVIDIA's runtime in k3s"]
    without = replace(found, facts={**found.facts, "gpu1": replace(found["gpu1"], pci=())})
    assert [name for name in listed(k3s_agent, PLAIN, "gpu1", without) if "nvidia" in name.lower()] == []
    assert PASSWORD not in repr(names)


@pytest.mark.parametrize(
    ("engine", "path", "line"),
    [
        ("containerd", "/etc/containerd/config.toml", '  BinaryName = "/usr/bin/nvidia-container-runtime"'),
        (
            "docker",
            "/etc/docker/daemon.json",
            '  "runtimes": {"nvidia": {"path": "/usr/bin/nvidia-container-runtime"}}',
        ),
    ],
)
def test_other_engines_are_told_of_the_runtime(engine: str, path: str, line: str) -> None:
    cluster = cluster_of(CP1, node(), runtime=Runtime(engine=engine))  # type: ignore[arg-type]
    with_gpus = wanted(listed(container_runtime, cluster, "gpu1")[path])
    without = wanted(listed(container_runtime, cluster, "gpu1", seen(cluster, pci=()))[path])
    assert line in with_gpus.splitlines()
    assert "nvidia" not in without


def test_a_mig_change_stops_who_holds_the_gpus_or_takes_a_boot() -> None:
    ours = Holder(HolderKind.POD, "kube-system/plugin", 8, "/dev/nvidiactl")
    stranger = Holder(HolderKind.PROCESS, "python3", 9, "/dev/nvidia0")

    def change(*holders: Holder) -> Goal:
        found = seen(MIG, gpu=replace(loaded("580.173.02", holders=()), holders=holders))
        return listed(mig, MIG, "gpu1", found)["MIG devices"]

    assert (change(ours).disrupts, change(ours).note) == (
        Disrupts.WORKLOADS, "stops and starts again: pod kube-system/plugin",
    )  # fmt: skip
    assert change(ours).apply == "with_idle_gpus mig_change 1g.10gb"
    assert change(ours, stranger).disrupts is Disrupts.REBOOT
    assert "mig_change" not in change(ours, stranger).apply


def refused(profile: str, device: str) -> tuple[str, str] | None:
    divided = node(NodeClass(mig=profile))
    return mig.refusal(divided, seen(cluster_of(CP1, divided), pci=(gpu(device),))["gpu1"])


def test_mig_is_refused_on_a_chip_without_it() -> None:
    told = refused("1g.10gb", V100)
    assert told is not None
    assert re.search(r"V100 SXM2 .* at 0000:1b:00\.0 has none", told[0])
    assert refused("off", V100) is None


def test_a_profile_that_the_chip_does_not_have_is_refused_with_those_that_it_has() -> None:
    told = refused("2g.20gb", A100_40GB)
    assert told is not None
    problem, remedy = told
    assert problem.endswith("by mig: 2g.20gb, which the A100-SXM4-40GB at 0000:1b:00.0 does not have")
    assert "1g.5gb, 1g.5gb+me, 1g.10gb, 2g.10gb, 3g.20gb, 4g.20gb, 7g.40gb;" in remedy
    assert refused("1g.10gb", A100_40GB) is None  # four of them, since R525
    assert refused("1g.23gb", GB200) is None  # not in the table: the node is asked


def test_where_gpus_are_no_pods_nothing_of_mig_is_refused() -> None:
    monitor = node(NodeClass(mig="2g.20gb"), roles=frozenset({Role.MONITOR}))
    assert mig.refusal(monitor, seen(cluster_of(CP1, monitor), pci=(gpu(V100),))["gpu1"]) is None

"""DCGM on GPU nodes: packages by the driver, counters and alert rules by the exporter's version."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from clustr.components import dcgm, prometheus
from clustr.inventory.gpu import Dcgm, NodeClass
from clustr.nvidia.xids import XIDS
from clustr.remote.facts import PciDevice, Seen
from clustr.templates import text
from tests.components import exporter
from tests.components.machines import CP1, GPU1, MON1, cluster_of, facts, goals, seen, wanted
from tests.components.scripts import applies, probes, shellcheck
from tests.conftest import Golden

GOLDEN = Path(__file__).parent / "golden/dcgm"
CLUSTER = cluster_of(CP1, GPU1, MON1)
H100 = tuple(PciDevice(f"0000:{place}b:00.0", "10de", "2330", "030200") for place in range(2))
FOUND = Seen({node.name: facts(node, pci=H100 if node is GPU1 else ()) for node in CLUSTER.nodes})
RENAMED = {  # dcgm-exporter 4.9.0, release notes; DCGM 4.7, field identifiers
    "DCGM_FI_DRIVER_VERSION": "DCGM_FI_SYSTEM_DRIVER_VERSION",
    "DCGM_FI_DEV_SM_CLOCK": "DCGM_FI_DEV_SM_CLOCK_HERTZ",
    "DCGM_FI_DEV_GPU_TEMP": "DCGM_FI_DEV_GPU_TEMP_CELSIUS",
    "DCGM_FI_DEV_POWER_USAGE": "DCGM_FI_DEV_BOARD_POWER_WATTS",
    "DCGM_FI_DEV_GPU_UTIL": "DCGM_FI_DEV_GPU_UTIL_RATIO",
    "DCGM_FI_DEV_FB_USED": "DCGM_FI_DEV_FB_USED_BYTES",
    "DCGM_FI_DEV_XID_ERRORS": "DCGM_FI_DEV_XID_ERROR",
    "DCGM_FI_DEV_ROW_REMAP_FAILURE": "DCGM_FI_DEV_ROW_REMAP_FAILED",
}


def counters(version: str) -> dict[str, str]:
    """Type by field."""
    lines = [line for line in text(f"dcgm/counters-{version}.csv").splitlines() if not line.startswith("#")]
    rows = [[part.strip() for part in line.split(",", 2)] for line in lines]
    assert all(len(row) == 3 for row in rows)
    return {field: kind for field, kind, _ in rows}


def rules(name: str) -> set[str]:
    """The metrics that a file of rules asks for."""
    groups = yaml.safe_load(prometheus.gpu_rules(name))["groups"]
    return set(re.findall(r"DCGM_\w+", " ".join(rule["expr"] for group in groups for rule in group["rules"])))


def alerts(name: str) -> list[tuple[str, object]]:
    groups = yaml.safe_load(prometheus.gpu_rules(name))["groups"]
    return [(rule["alert"], rule["labels"]) for group in groups for rule in group["rules"]]


def test_only_nodes_with_gpus_have_it() -> None:
    assert goals(dcgm, CLUSTER, CP1, FOUND) == {}
    off = CLUSTER.model_copy(update={"dcgm": Dcgm(enabled=False)})
    assert goals(dcgm, off, GPU1, FOUND) == {}
    assert [node.name for node in CLUSTER.nodes if dcgm.runs_on(CLUSTER, node, FOUND)] == ["gpu1"]


def test_packages_are_held_and_the_old_one_is_gone_before() -> None:
    found = goals(dcgm, CLUSTER, GPU1, FOUND)
    names = list(found)
    assert names.index("no DCGM of before version 4") < names.index("packages of DCGM")
    packages = wanted(found["packages of DCGM"]).splitlines()
    assert "datacenter-gpu-manager-4-core held" in packages
    assert "datacenter-gpu-manager-exporter held" in packages
    assert any(re.fullmatch(r"datacenter-gpu-manager-4-cuda1[23] held", line) for line in packages)


def test_it_listens_at_the_internal_address_with_the_counters_of_its_version() -> None:
    drop_in = wanted(goals(dcgm, CLUSTER, GPU1, FOUND)[f"/etc/systemd/system/{dcgm.EXPORTER_UNIT}.d/40-clustr.conf"])
    assert "ExecStart=/usr/bin/dcgm-exporter -f /etc/dcgm-exporter/clustr.csv -a 10.0.0.21:9400" in drop_in


def test_scripts_pass_shellcheck(tmp_path: Path) -> None:
    assert shellcheck(list(goals(dcgm, CLUSTER, GPU1, FOUND).values()), tmp_path) == ""


def test_scripts_are_as_they_were(golden: Golden) -> None:
    made = list(goals(dcgm, CLUSTER, GPU1, FOUND).values())
    golden(GOLDEN / "h100.probe.sh", probes(made))
    golden(GOLDEN / "h100.apply.sh", applies(made))


def test_a_silent_node_is_a_target_by_its_class() -> None:
    gpu = GPU1.model_copy(update={"expects": NodeClass(gpus=8)})
    cluster = cluster_of(CP1, gpu, MON1)
    assert dcgm.runs_on(cluster, gpu, seen(cluster, silent=("gpu1",)))
    assert not dcgm.runs_on(cluster, GPU1, seen(cluster, silent=("gpu1",)))


@pytest.mark.parametrize("version", exporter.VERSIONS)
def test_rules_ask_for_nothing_that_is_not_counted(version: str) -> None:
    asked, counted = rules(f"gpu-rules-{version}.yml"), counters(version)
    assert asked
    assert asked <= counted.keys()
    assert exporter.names(version) == {field for field, kind in counted.items() if kind != "label"}


def test_rules_of_both_versions_tell_the_same_alerts() -> None:
    first, second = (alerts(name) for name in prometheus.GPU_RULES[1:])
    assert first == second


@pytest.mark.parametrize("version", exporter.VERSIONS)
def test_the_alert_of_xids_has_those_that_the_doctor_has(version: str) -> None:
    (group,) = yaml.safe_load(prometheus.gpu_rules(f"gpu-rules-{version}.yml"))["groups"]
    (rule,) = (rule for rule in group["rules"] if rule["alert"] == "GpuXid")
    told = [re.fullmatch(r"(\w+) == (\d+)", part) for part in rule["expr"].strip().split("\nor ")]
    assert [int(each[2]) for each in told if each] == list(XIDS)
    assert len({each[1] for each in told if each}) == 1
    assert {46, 48, 62, 64, 79, 140} <= set(XIDS)


def test_what_4_9_renamed_is_renamed() -> None:
    assert RENAMED.keys() <= counters("4.8").keys()
    assert not RENAMED.keys() & counters("4.9").keys()
    assert set(RENAMED.values()) <= counters("4.9").keys()


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        ("installed 1:3.3.9", "datacenter-gpu-manager 1:3.3.9"),
        ("config-files 1:3.3.9", "none"),
        ("", "none"),
    ],
)
def test_only_an_installed_old_dcgm_is_in_the_way(status: str, answer: str, tmp_path: Path) -> None:
    assert on_a_machine_with(status, tmp_path, "dcgm_probe_old") == answer


@pytest.mark.parametrize(
    ("package", "list_"),
    [
        ("installed 1:4.6.0-4.8.3-1", "4.8"),
        ("installed 4.8.4-1", "4.8"),
        ("installed 4.9.0-1", "4.9"),
        ("installed 4.10.1-1", "4.9"),
        ("installed 5.0.0-1", "4.9"),
        ("config-files 4.9.0-1", ""),
    ],
)
def test_the_list_goes_by_the_exporter_that_is_installed(package: str, list_: str, tmp_path: Path) -> None:
    told = on_a_machine_with(package, tmp_path, "dcgm_list")
    assert told == (f"/etc/dcgm-exporter/clustr-{list_}.csv" if list_ else "")


def on_a_machine_with(status: str, folder: Path, call: str) -> str:
    """What a function of dcgm's prints where dpkg-query says this of every package ("": it knows none)."""
    query = folder / "dpkg-query"
    query.write_text(f"#!/bin/sh\necho '{status}'\n" if status else "#!/bin/sh\nexit 1\n")
    query.chmod(0o755)
    script = f"set -euo pipefail\n{text('dcgm/functions.sh')}\n{call}\n"
    path = {"PATH": f"{folder}:/usr/bin:/bin"}
    return subprocess.run(["bash", "-c", script], env=path, capture_output=True, text=True, check=True).stdout.strip()

"""What GPUs have to tell Prometheus."""

from __future__ import annotations

import re

from clustr import ports
from clustr.checks.backend import Host
from clustr.checks.check import Check, CouldNotLook, DoesNotApply, check, must
from clustr.checks.gpu_node import gpu_node, may_have_gpus
from clustr.checks.http import fetch, metrics
from clustr.inventory.model import Cluster, Node

BROUGHT = "/etc/systemd/system/nvidia-dcgm-exporter.service.d/40-clustr.conf"
TEMPERATURES = ("DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_GPU_TEMP_CELSIUS")  # up to 4.8, from 4.9 on


def with_dcgm(cluster: Cluster, node: Node) -> str | None:
    return may_have_gpus(cluster, node) if cluster.dcgm.enabled else "DCGM is switched off (dcgm.enabled)"


@check(
    "dcgm.exporter-answers",
    says="dcgm-exporter answers at the internal address, for each GPU of the node",
    on=with_dcgm,
    fix="clustr bootstrap --limit {node}; clustr exec --limit {node} -- journalctl -eu nvidia-dcgm-exporter",
    gates=("dcgm",),
    source="https://docs.nvidia.com/datacenter/dcgm/latest/reference/dcgm-exporter-metrics.html",
)
def exporter_answers(host: Host, node: Node, cluster: Cluster) -> str:
    wanted = len(gpu_node(host).gpus)
    brought = host.check_output(f"if [ -e {BROUGHT} ]; then echo yes; else echo no; fi").strip()
    if brought not in ("yes", "no"):
        raise CouldNotLook(f"whether {BROUGHT} is there")
    if brought == "no":
        raise DoesNotApply("clustr has brought no DCGM here; where its driver comes from there may be none")
    page = fetch(host, f"http://%s:{ports.DCGM_EXPORTER}/metrics", node.internal_address)
    samples = [labels for name in TEMPERATURES for labels, _ in metrics(page, name)]
    told = {found[1] for labels in samples if (found := re.search(r'gpu="(\d+)"', labels))}
    must(len(told) == wanted, found=f"it tells of {len(told)} GPUs", wanted=str(wanted))
    return f"it tells of {wanted} GPUs"


CHECKS: tuple[Check, ...] = (exporter_answers,)

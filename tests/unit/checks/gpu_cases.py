"""Things wrong with the GPUs of gpu1, with its fabric, and with what hands the GPUs out."""

from __future__ import annotations

from functools import partial

from clustr.checks.check import State
from clustr.checks.fabric import PEERMEM_STATE
from clustr.checks.gpu_pods import ALLOCATABLE
from clustr.checks.units import PROPERTIES
from tests.unit.checks.wrong import ALL, Wrong

REFUSED = "curl: (7) Failed to connect to 10.77.1.15 port 9400: Connection refused"
NODES = f"k3s kubectl --request-timeout=10s get nodes -o go-template='{ALLOCATABLE}'"
IMEX = f"systemctl show --property={PROPERTIES} -- nvidia-imex.service"
IMEX_LOG = "journalctl --unit=nvidia-imex.service --lines=3 --output=cat --no-pager"
IMEX_FAILED = "LoadState=loaded\nActiveState=failed\nSubState=failed\nNRestarts=0\nActiveEnterTimestamp=\n"
on_gpu1 = partial(Wrong, node="gpu1")
NODE = "# What a node with GPUs is"
FABRIC = "# Ports of RDMA devices"
MISMATCH = "Failed to initialize NVML: Driver/library version mismatch\n"
LOST = "Unable to determine the device handle for GPU0: 0000:1B:00.0: GPU is lost.  Reboot the system to recover it\n"
XID = "[ 12.3] NVRM: Xid (PCI:0000:1b:00): {}\n"
XID_79 = "79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."
XID_154 = "154, GPU recovery action changed from 0x0 (None) to 0x2 (Node Reboot Required)"
HEALTH = "ecc.errors"
NO_FIELD = 'Field "clocks_event_reasons.hw_thermal_slowdown" is not a valid field to query.\n\n'
NINE = (
    "default/nine\tnvidia.com/gpu=9 cpu=1 \tUnschedulable: 0/5 nodes are available: 5 Insufficient nvidia.com/gpu.\n"
    "default/slow\tcpu=1 \tUnschedulable: 0/5 nodes are available: 5 Insufficient cpu.\n"
    "default/soon\tnvidia.com/gpu=1 \t\n3 pods\n"
)

GPU_CASES = [
    on_gpu1("gpu.count", NODE, r"pci 0000:1b.*\n", "", "7 GPUs; wanted: 8"),
    on_gpu1("gpu.count", NODE, r"pci .* 0x030200 .*\n", "", "0 GPUs; wanted: 8"),
    on_gpu1("gpu.model", NODE, "0x2330", "0x2331", "8 H100-PCIe; wanted: H100-SXM"),
    on_gpu1("gpu.model", NODE, "0x2330", "0xffff", "8 ffff (unknown); wanted: H100-SXM"),
    on_gpu1("gpu.nouveau", NODE, "(?m)^loaded", "nouveau\nloaded", "nouveau is loaded"),
    on_gpu1("gpu.nouveau", NODE, "0x030200 nvidia", "0x030200 nouveau", "nouveau is bound to 0000:1b:00.0"),
    on_gpu1("gpu.driver-loaded", NODE, "loaded .*\n", "", "no driver is loaded"),
    on_gpu1("gpu.driver-loaded", NODE, r"(module \S+) .*", r"\1 595.91.07", "580.173.02 is loaded; wanted: 595.91.07"),
    on_gpu1("gpu.next-kernel", NODE, r"link .*\n", "link boot/vmlinuz-6.2\n", "6.2 has none; wanted: a module"),
    on_gpu1("gpu.libraries", NODE, "library .*", "library 595.91.07", "595.91.07; wanted: 580.173.02"),
    on_gpu1("gpu.libraries", NODE, "library .*\n", "", "no libnvidia-ml is installed"),
    on_gpu1("gpu.packages-held", NODE, "(libcuda1 .*) held", r"\1 free", "not held: libcuda1"),
    on_gpu1("gpu.packages-held", NODE, r"package .*\n", "", "no package of a driver is installed"),
    on_gpu1("gpu.device-files", NODE, r"node nvidia-uvm\n", "", "no /dev/nvidia-uvm"),
    on_gpu1("gpu.device-files", NODE, r"node nvidia3\n", "", "7 of /dev/nvidia*; wanted: 8"),
    on_gpu1("gpu.persistenced", "-- nvidia-persistenced", "=running", "=dead", "is active (dead)"),
    on_gpu1("gpu.answers", "index,name", ALL, MISMATCH, "version mismatch; wanted: 0", status=18),
    on_gpu1("gpu.answers", "index,name", ALL, LOST, "GPU is lost", status=15),
    on_gpu1("gpu.answers", "index,name", r"^0, .*\n", "", "7 NVIDIA H100 80GB HBM3; wanted: 8 GPUs\nsilent: 0000:1b"),
    on_gpu1("gpu.answers", "index,name", "580.173.02", "595.91.07", "driver 595.91.07; wanted: 580.173.02"),
    on_gpu1("gpu.persistenced", HEALTH, "Enabled", "Disabled", "persistence mode is off: 0000:1b:00.0, 0000:43:00.0"),
    on_gpu1("gpu.persistenced", HEALTH, "Enabled", "[Unknown Error]", "'[Unknown Error]'", state=State.UNKNOWN),
    on_gpu1("gpu.ecc", HEALTH, ", 0", ", 2", "0000:1b:00.0: 2"),
    on_gpu1("gpu.ecc", HEALTH, ", 0", ", [Unknown Error]", "'[Unknown Error]'", state=State.UNKNOWN),
    on_gpu1("gpu.ecc", HEALTH, ALL, NO_FIELD, "is not a valid field to query", state=State.UNKNOWN, status=2),
    on_gpu1("gpu.remapped-rows", HEALTH, "(:DF.*), No, No", r"\1, Yes, No", "0000:df:00.0: pending; wanted: none"),
    on_gpu1("gpu.remapped-rows", HEALTH, "(:DF.*), No, No", r"\1, No, Yes", "0000:df:00.0: failed; wanted: none"),
    on_gpu1("gpu.remapped-rows", HEALTH, "No, No", "[N/A], [N/A]", "its GPUs remap no rows", state=State.SKIPPED),
    on_gpu1("gpu.remapped-rows", HEALTH, "(:DF.*), No, No", r"\1, No, Maybe", "'Maybe'", state=State.UNKNOWN),
    on_gpu1("gpu.pcie", HEALTH, "(:43.*) 16, 16", r"\1 8, 16", "0000:43:00.0: x8 of x16; wanted: all lanes"),
    on_gpu1("gpu.pcie", HEALTH, "16, 16", "[N/A], [N/A]", "its GPUs tell of no PCIe link", state=State.SKIPPED),
    on_gpu1("gpu.slowdown", HEALTH, "(:43.*16), Not", r"\1,", "0000:43:00.0: heat; wanted: none", state=State.WARNING),
    on_gpu1("gpu.slowdown", HEALTH, "Not Active\n", "Active\n", "0000:1b:00.0: power brake", state=State.WARNING),
    on_gpu1("gpu.xid", "dmesg", "^", XID.format(XID_79), "Xid 79 (GPU has fallen off the bus) 1 times at 0000:1b:00"),
    on_gpu1("gpu.xid", "dmesg", "^", XID.format("46, pid=7, name=x, Ch 1"), "Xid 46 (GPU stopped processing) 1 times"),
    on_gpu1("gpu.xid", "dmesg", "^", XID.format(XID_154), "Xid 154 (the driver asks for: Node Reboot Required) at"),
    on_gpu1("fabric.manager", "-- nvidia-fabricmanager", "=running", "=failed", "is active (failed)"),
    on_gpu1("fabric.manager", NODE, "(manager) 580.173.02", r"\1 595.91.07", "nvidia-fabricmanager 595.91.07; wanted"),
    on_gpu1(
        "fabric.imex", NODE, "0x2330", "0x2941", "nvidia-imex.service is failed (failed); wanted: active (running)",
        besides=((IMEX, IMEX_FAILED), (IMEX_LOG, "no node of nodes_config.cfg is this one\n")),
    ),
    on_gpu1("fabric.registered", "fabric.state", "7, Completed", "7, In Progress", "GPU 7: In Progress"),
    on_gpu1("fabric.nvlink", "nvlink", "Link 0: 26.562 GB/s", "Link 0: <inactive>", "GPU 0: 17, GPU 1: 17"),
    on_gpu1("fabric.acs", NODE, "(1a:00.0) off", r"\1 on", "ACS redirects at 0000:1a", state=State.WARNING),
    on_gpu1("fabric.acs", NODE, "(1a:00.0) off", r"\1 unknown", "0000:1a:00.0 cannot be read", state=State.UNKNOWN),
    on_gpu1("fabric.peermem", PEERMEM_STATE, ALL, "yes\nno\n", "it is not loaded; wanted: loaded"),
    on_gpu1("fabric.peermem", PEERMEM_STATE, ALL, "", "did not tell of nvidia_peermem", state=State.UNKNOWN),
    on_gpu1("fabric.ports", FABRIC, "mlx5_3 1 ACTIVE", "mlx5_3 1 DOWN", "mlx5_3/1 is DOWN; wanted: 8 ACTIVE at 400"),
    on_gpu1("fabric.ports", FABRIC, "(mlx5_3 1 ACTIVE) 400", r"\1 200", "mlx5_3/1 has 200 Gbit/s; wanted: 8"),
    on_gpu1("fabric.ports", FABRIC, "port mlx5_3", "bridge mlx5_3", "7 ports; wanted: 8"),
    on_gpu1("fabric.ports", FABRIC, r"port mlx5_[67] .*\n", "", "6 ports; wanted: 8"),
    on_gpu1("fabric.ports", FABRIC, r"(mlx5_3 1 ACTIVE) \S+", r"\1 -", "mlx5_3/1 has 0 Gbit/s; wanted: 8"),
    on_gpu1("fabric.memlock", "LimitMEMLOCK", "infinity", "8388608", "k3s-agent.service has LimitMEMLOCK=8388608"),
    on_gpu1(
        "fabric.pods-memlock", FABRIC, "locked unlimited 9", "locked unlimited 8\nlocked 8388608 1",
        "1 processes of pods may lock 8388608 bytes; wanted: unlimited",
    ),
    on_gpu1("gpu.cdi", NODE, r"cdi .*\n", "", "no CDI spec of NVIDIA's"),
    on_gpu1(
        "gpu.cdi", NODE, r"(cdi \S+) .so.580.173.02", r"\1 .so.575.64.03",
        "libraries of 575.64.03 in /var/run/cdi/nvidia.yaml; wanted: 580.173.02",
    ),
    on_gpu1(
        "gpu.cdi", NODE, r"(cdi \S+ .so.580.173.02)", r"\1\ncdi /etc/cdi/nvidia.yaml .so.575.64.03",
        "libraries of 575.64.03 in /etc/cdi/nvidia.yaml, 580.173.02 in /var/run/cdi/nvidia.yaml; wanted: 580.173.02",
    ),
    on_gpu1("gpu.cdi", NODE, r"cdi \S+ /dev/nvidia7\n", "", "7 GPUs; wanted: 8"),
    on_gpu1("gpu.runtime", "grep -c .", r"(?s)71\n.*", "70\n", "no nvidia-container-runtime in", status=1),
    on_gpu1("gpu.runtime", "grep -c .", "/usr/bin", "/usr/local/nvidia/toolkit", "not what a GPU Operator left there"),
    on_gpu1(
        "gpu.runtime-class", "runtimeclass", ALL, "", "there is none", status=1,
        stderr='Error from server (NotFound): runtimeclasses.node.k8s.io "nvidia" not found',
    ),
    on_gpu1("gpu.device-plugin", "get node", '"nvidia.com/gpu": "8"', '"x/y": "1"', "the node has no nvidia.com/gpu"),
    on_gpu1("gpu.allocatable", "get node", '(nvidia.com/gpu": )"8"', r'\1"7"', "7 nvidia.com/gpu; wanted: 8"),
    on_gpu1("gpu.pod-answers", "crictl exec", ALL, MISMATCH, "version mismatch; wanted: 0", status=18),
    on_gpu1("gpu.pod-answers", "crictl exec", "GPU 7: .*\n", "", "7 GPUs in the pod; wanted: 8"),
    on_gpu1("dcgm.exporter-answers", ":9400", ALL, "", "Connection refused", status=7, stderr=REFUSED),
    on_gpu1("dcgm.exporter-answers", ":9400", '.*gpu="7".*\n', "", "it tells of 7 GPUs; wanted: 8"),
    on_gpu1("dcgm.exporter-answers", ":9400", "(?m)^DCGM_FI", "OTHER_FI", "it tells of 0 GPUs; wanted: 8"),
    Wrong(
        "gpu.pods-pending", "status.phase=Pending", ALL, NINE,
        "default/nine asks for 9 nvidia.com/gpu; the most that a node has is 8: 0/5 nodes are available",
        state=State.WARNING, besides=((NODES, "cp1 cpu=4\ngpu1 cpu=4 nvidia.com/gpu=8\n"),),
    ),
]  # fmt: skip

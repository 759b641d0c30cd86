"""What joins GPUs: NVLink and its switches in a node, the RDMA fabric between nodes, and what pods may do with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from clustr.checks.backend import Host
from clustr.checks.check import Check, CouldNotLook, DoesNotApply, Severity, check, must
from clustr.checks.gpu import smi
from clustr.checks.gpu_node import GpuNode, gpu_node, may_have_gpus
from clustr.checks.units import must_run
from clustr.checks.where import in_cluster
from clustr.inventory.gpu import Source
from clustr.inventory.model import Cluster, Node, Role
from clustr.nvidia.chips import Board, board, ports_of_class
from clustr.templates import text

AGAIN = "clustr bootstrap --limit {node}"
FABRIC_MANAGER = "https://docs.nvidia.com/datacenter/tesla/fabric-manager-user-guide/"
IMEX = "https://docs.nvidia.com/multi-node-nvlink-systems/imex-guide/gettingstarted.html"
ACS = "https://docs.nvidia.com/deeplearning/nccl/user-guide/docs/troubleshooting.html (PCI Access Control Services)"
PEERMEM = "https://docs.nvidia.com/datacenter/cloud-native/gpu-operator/latest/gpu-operator-rdma.html"
PEERMEM_STATE = """for path in /etc/modules-load.d/nvidia-peermem.conf /sys/module/nvidia_peermem; do
  if [ -e "$path" ]; then echo yes; else echo no; fi
done"""
MEMLOCK = "https://github.com/NVIDIA/nvidia-container-toolkit/issues/2037"


@dataclass(frozen=True)
class Port:
    """A port of an RDMA device, as sysfs tells of it."""

    rdma: str  # its device, mlx5_0
    number: str
    state: str  # ACTIVE
    rate: float  # Gbit/s
    infiniband: bool

    def __str__(self) -> str:
        return f"{self.rdma}/{self.number}"

    def ails(self, rate: float) -> str:
        """What keeps it from being a port of this rate; "" for nothing. A faster one is none the worse."""
        if self.state != "ACTIVE":
            return f"{self} is {self.state}"
        return f"{self} has {self.rate:g} Gbit/s" if self.rate < rate else ""


def with_links(cluster: Cluster, node: Node) -> str | None:
    return None if node.expects.nvlink else "its class says nothing of NVLinks"


def with_ports(cluster: Cluster, node: Node) -> str | None:
    return None if node.expects.ib_ports else "its class says nothing of ports of the fabric"


def with_rdma(cluster: Cluster, node: Node) -> str | None:
    return in_cluster(cluster, node) if node.rdma else "its class has no rdma"


@check(
    "fabric.manager",
    says="the fabric manager runs, at the driver's version",
    on=may_have_gpus,
    fix=AGAIN + "; where the driver is preinstalled: "
    "clustr exec --limit {node} -- systemctl enable --now nvidia-fabricmanager",
    gates=("fabric_manager",),
    returns=True,
    source=FABRIC_MANAGER,
)
def fabric_manager_runs(host: Host, node: Node, cluster: Cluster) -> str:
    """Also beside a driver that was there before: up to Ampere nothing else tells that it is gone."""
    found = _with_switches(host)
    state = must_run(host, "nvidia-fabricmanager.service")
    packages = {name: version for name, version in found.packages.items() if re.match(r"nvidia-fabric-?manager", name)}
    if not packages and node.driver.source is not Source.PREINSTALLED:
        raise CouldNotLook("no package of the fabric manager is installed, and yet it runs")
    odd = ", ".join(f"{name} {version}" for name, version in packages.items() if version != found.loaded)
    must(not odd, found=odd, wanted=found.loaded or "a loaded driver")
    return f"{found.loaded}; {state}"


@check(
    "fabric.imex",
    says="imex runs where NVLink reaches other machines",
    on=may_have_gpus,
    fix=AGAIN + "; clustr exec --limit {node} -- nvidia-imex-ctl -N; all nodes of {node}'s class must be of one rack",
    gates=("fabric_manager",),
    returns=True,
    source=IMEX,
)
def imex_runs(host: Host, node: Node, cluster: Cluster) -> str:
    if board(gpu_node(host)) is not Board.MULTI_NODE:
        raise DoesNotApply("its NVLinks end at its own board")
    return must_run(host, "nvidia-imex.service")


@check(
    "fabric.registered",
    says="every GPU has joined its board's NVLink fabric",
    on=may_have_gpus,
    fix="clustr exec --limit {node} -- systemctl restart nvidia-fabricmanager; if it stays so, reboot {node}",
    gates=("fabric_manager",),
    returns=True,
    source="https://github.com/NVIDIA/NVSentinel/issues/883",
)
def gpus_have_registered(host: Host, node: Node, cluster: Cluster) -> str:
    """Ampere's driver tells nothing of it."""
    found = _with_switches(host)
    rows = smi(host, "--query-gpu=index,fabric.state --format=csv,noheader")
    states = {index.strip(): state.strip() for index, comma, state in (row.partition(",") for row in rows) if comma}
    if len(states) != len(found.gpus):
        raise CouldNotLook(f"nvidia-smi tells of {len(states)} of {len(found.gpus)} GPUs")
    odd = ", ".join(f"GPU {index}: {state}" for index, state in states.items() if state not in ("Completed", "[N/A]"))
    must(not odd, found=odd, wanted="Completed")
    return ", ".join(dict.fromkeys(states.values()))


@check(
    "fabric.nvlink",
    says="all NVLinks of every GPU are up",
    on=with_links,
    fix="drain {node} and reboot it; if they stay down, reseat or replace the GPU: clustr exec --limit {node} -- dmesg",
    source="https://docs.nvidia.com/deploy/nvidia-smi/ (nvlink)",
)
def links_are_up(host: Host, node: Node, cluster: Cluster) -> str:
    gpu_node(host)
    up: dict[str, int] = {}
    gpu = ""
    for line in smi(host, "nvlink -s"):
        if found := re.match(r"(GPU \d+): ", line):
            gpu = found[1]
            up[gpu] = 0
        elif gpu and re.match(r"\s+Link \d+: [\d.]+ GB/s", line):
            up[gpu] += 1
    if not up:
        raise CouldNotLook("nvidia-smi tells of no GPU")
    wanted = node.expects.nvlink or 0
    odd = ", ".join(f"{gpu}: {count}" for gpu, count in up.items() if count != wanted)
    must(not odd, found=f"links up: {odd}", wanted=str(wanted))
    return f"{wanted} on each of {len(up)} GPUs"


@check(
    "fabric.acs",
    says="GPUs and ports reach each other straight through the bridges above them",
    on=may_have_gpus,
    severity=Severity.WARNING,
    fix="switch ACS off in {node}'s firmware (in a virtual machine: ask its host), else GPUs share data more slowly",
    source=ACS,
)
def bridges_redirect_nothing(host: Host, node: Node, cluster: Cluster) -> str:
    """With access control on, what two devices below one bridge say to each other goes up to the processor and back."""
    bridges = gpu_node(host).bridges
    if not bridges:
        raise DoesNotApply("no bridge is above its GPUs")
    on = [slot for slot, redirects in bridges.items() if redirects == "on"]
    must(not on, found=f"ACS redirects at {', '.join(on)}", wanted="off")
    unknown = [slot for slot, redirects in bridges.items() if redirects != "off"]
    if unknown:
        raise CouldNotLook(f"the configuration space of {', '.join(unknown)} cannot be read")
    return f"off on {len(bridges)} bridges"


@check(
    "fabric.peermem",
    says="nvidia_peermem is loaded where the fabric reaches GPUs by it",
    on=with_rdma,
    fix=AGAIN + ", which loads it, or says what it lacks",
    source=PEERMEM,
)
def peermem_is_loaded(host: Host, node: Node, cluster: Cluster) -> str:
    """Whether it is wanted is told by what bootstrap left for the boot."""
    asked = host.check_output(PEERMEM_STATE).split()
    if len(asked) != 2:
        raise CouldNotLook("the node did not tell of nvidia_peermem")
    wanted, loaded = asked
    if wanted == "no":
        raise DoesNotApply("its fabric does without nvidia_peermem")
    must(loaded == "yes", found="it is not loaded", wanted="loaded")
    return "it is loaded"


@check(
    "fabric.ports",
    says="ports of the fabric are up, at least as many and as fast as the class says",
    on=with_ports,
    fix="clustr exec --limit {node} -- rdma link; check its cable and the switch's port",
    source="https://docs.kernel.org/admin-guide/abi-stable.html (sysfs-class-infiniband)",
)
def ports_are_up(host: Host, node: Node, cluster: Cluster) -> str:
    """Others may be there besides, such as Ethernet for storage; preflight counts by the same rule."""
    ports = ports_of_class(list(_ports(host)), node.rdma_ports)
    wanted, rate = node.expects.ib_ports or 0, node.expects.ib_rate or 0
    there = ", ".join(map(str, ports))
    must(len(ports) >= wanted, found=f"{len(ports)} ports", wanted=str(wanted), evidence=there)
    odd = [said for port in ports if (said := port.ails(rate))]
    well = "ACTIVE" + (f" at {rate} Gbit/s or faster" if rate else "")
    must(len(ports) - len(odd) >= wanted, found=", ".join(odd), wanted=f"{wanted} {well}")
    return "; ".join([f"{len(ports) - len(odd)} are {well}", *odd])


@check(
    "fabric.memlock",
    says="pods may lock all the memory that RDMA registers",
    on=with_rdma,
    fix=AGAIN + "; pods that were there before have to be started anew",
    gates=("k3s_server", "k3s_agent"),
    source=MEMLOCK,
)
def memory_may_be_locked(host: Host, node: Node, cluster: Cluster) -> str:
    """Pods inherit the limit of the unit that starts containers; IPC_LOCK is of no use to those without root."""
    units = _what_starts_containers(cluster, node)
    for unit in units:
        shown = host.check_output("systemctl show --property=LimitMEMLOCK --property=LimitMEMLOCKSoft %s", unit)
        limits = dict(line.split("=", 1) for line in shown.splitlines())
        found = ", ".join(f"{name}={value}" for name, value in limits.items())
        must(set(limits.values()) == {"infinity"}, found=f"{unit} has {found}", wanted="infinity")
    return f"{', '.join(units)}: infinity"


def _what_starts_containers(cluster: Cluster, node: Node) -> tuple[str, ...]:
    """For docker both: the system's containerd starts its containers (components/container_runtime.py)."""
    if cluster.runtime.engine == "k3s":
        return ("k3s.service",) if node.has(Role.SERVER) else ("k3s-agent.service",)
    return ("docker.service", "containerd.service") if cluster.runtime.engine == "docker" else ("containerd.service",)


@check(
    "fabric.pods-memlock",
    says="pods that run may lock memory: `ulimit -l` says unlimited in them",
    on=with_rdma,
    fix="delete the pods, so that they start anew; clustr doctor --only fabric.memlock --limit {node} where that fails",
    source=MEMLOCK,
)
def pods_may_lock_memory(host: Host, node: Node, cluster: Cluster) -> str:
    rows = [words for words in _fabric(host) if words[0] == "locked" and len(words) == 3]
    if not rows:
        raise DoesNotApply("no pod runs here")
    low = ", ".join(
        f"{count} processes of pods may lock {limit} bytes" for _, limit, count in rows if limit != "unlimited"
    )
    must(not low, found=low, wanted="unlimited")
    return f"{sum(int(count) for _, _, count in rows)} processes of pods: unlimited"


def _with_switches(host: Host) -> GpuNode:
    found = gpu_node(host)
    if board(found) not in (Board.NVSWITCH, Board.NVSWITCH_CX7):
        raise DoesNotApply("its GPUs are on no NVSwitch board")
    return found


def _ports(host: Host) -> Iterator[Port]:
    """Without virtual ones and those that manage a board's switches."""
    for words in _fabric(host):
        if words[0] == "port" and len(words) == 6:
            _, device, number, state, rate, layer = words
            speed = float(rate) if re.fullmatch(r"\d+(\.\d+)?", rate) else 0
            yield Port(device, number, state, speed, layer == "InfiniBand")


def _fabric(host: Host) -> list[list[str]]:
    lines = host.check_output(text("checks/fabric.sh")).splitlines()
    if not lines or lines[-1] != "end":
        raise CouldNotLook("the node did not tell of its fabric")
    return [line.split() for line in lines if line.strip()]


CHECKS: tuple[Check, ...] = (
    fabric_manager_runs,
    imex_runs,
    gpus_have_registered,
    links_are_up,
    bridges_redirect_nothing,
    peermem_is_loaded,
    ports_are_up,
    memory_may_be_locked,
    pods_may_lock_memory,
)

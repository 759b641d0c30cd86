"""RDMA: facts in, goals out; and clustr-fabric on a machine made of files."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from clustr.components import container_runtime, nvidia_driver, peermem, rdma
from clustr.engine.goal import Disrupts, Goal
from clustr.inventory.gpu import Fabric, Peermem, Rdma, RdmaPort, RdmaStack
from clustr.inventory.model import Artifacts, Cluster, Node, Runtime
from clustr.remote.facts import OperatingSystem, PciDevice, Seen
from clustr.stages import PREPARE
from clustr.templates import text
from tests.components.machines import CP1, GPU1, cluster_of, facts, goals, wanted
from tests.components.scripts import applies, probes, shellcheck
from tests.conftest import Golden

GOLDEN = Path(__file__).parent / "golden/rdma"
H100 = PciDevice("0000:1b:00.0", "10de", "2330", "030200")
V100 = PciDevice("0000:1b:00.0", "10de", "1db5", "030200")
NIC = PciDevice("0000:18:00.0", "15b3", "1021", "020700")
IB, ROCE = RdmaPort(device="mlx5_0"), RdmaPort(device="mlx5_2", fabric=Fabric.ROCE, mtu=9000)
NOBLE = OperatingSystem("ubuntu", "24.04", "noble", "Ubuntu 24.04.1 LTS")
ROCKY = OperatingSystem("rocky", "9.4", "", "Rocky Linux 9.4")
KEYED = Artifacts(keys={"doca": Path("doca.asc")})
KEY = {Path("doca.asc"): "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"}


def machine(wanted: Rdma, **further: object) -> tuple[Cluster, Node, Seen]:
    gpu = GPU1.model_copy(update={"rdma": wanted})
    cluster = cluster_of(CP1, gpu)
    return cluster, gpu, Seen({"cp1": facts(CP1), "gpu1": facts(gpu, **{"pci": (H100, NIC), **further})})


def test_nodes_without_it_have_nothing() -> None:
    cluster, _, found = machine(Rdma())
    assert goals(rdma, cluster, CP1, found) == {}


def test_inbox_is_rdma_core_with_its_modules() -> None:
    found = goals(rdma, *machine(Rdma()))
    assert list(found) == [
        "packages of rdma-core",
        "/etc/modules-load.d/clustr-rdma.conf",
        "module mlx5_ib",
        "module ib_umad",
        "module rdma_ucm",
    ]
    cluster, gpu, rocky = machine(Rdma(), os=ROCKY)
    assert "libibverbs installed" in wanted(goals(rdma, cluster, gpu, rocky)["packages of rdma-core"])


def test_ports_are_set_as_the_class_says_and_again_at_boot() -> None:
    found = goals(rdma, *machine(Rdma(ports=(IB, ROCE))))
    assert wanted(found["link of mlx5_0"]) == "infiniband"
    assert wanted(found["link of mlx5_2"]) == "roce"
    # DSCP 26 in the upper six bits and ECT(0) in the lower two: 106, as NVIDIA's RoCE guides write it.
    assert wanted(found[rdma.SETTINGS]).splitlines()[2:] == [
        "mlx5_0 infiniband - - - - -",
        "mlx5_2 roce 9000 3 26 106 1",
    ]
    assert "clustr-fabric.service at boot" in found
    assert rdma.line(Rdma(ecn=False, dscp=24, priority=5), ROCE) == "mlx5_2 roce 9000 5 24 96 0"


@pytest.mark.parametrize(
    ("asked", "gpu", "kernel", "needed"),
    [
        ("auto", H100, "6.1.0-42-amd64", False),
        ("auto", H100, "4.18.0-553.el8", True),  # too old for DMA-BUF
        ("auto", V100, "6.1.0-42-amd64", True),  # proprietary modules, before Turing
        ("on", H100, "6.1.0-42-amd64", True),
        ("off", V100, "6.1.0-42-amd64", False),
        ("on", NIC, "6.1.0-42-amd64", False),  # no GPU whose memory could be reached
    ],
)
def test_peermem_is_for_gpus_that_dma_buf_does_not_serve(asked: str, gpu: PciDevice, kernel: str, needed: bool) -> None:
    wish = Rdma(peermem=Peermem(asked))
    cluster, node, found = machine(wish, pci=(gpu, NIC), next_kernel=kernel)
    assert rdma.needs_peermem(node, found["gpu1"]) is needed
    assert ("/etc/modules-load.d/nvidia-peermem.conf" in goals(rdma, cluster, node, found)) is needed
    assert (rdma.refusal(node, found["gpu1"]) is not None) is needed  # inbox modules do not serve it


def test_peermem_is_loaded_once_its_fabric_and_the_driver_are(tmp_path: Path) -> None:
    """rdma asks for the boot into DOCA-OFED's modules; what a stage does after a boot is found anew."""
    order = [rdma, nvidia_driver, peermem]
    assert [component for component in PREPARE if component in order] == order
    doca = Rdma(stack=RdmaStack.DOCA)
    cluster, gpu, found = machine(doca, os=NOBLE, pci=(V100, NIC))
    made = goals(peermem, cluster, gpu, found)
    assert [(goal.name, wanted(goal), goal.disrupts) for goal in made.values()] == [
        ("module nvidia_peermem", "loaded", Disrupts.NOTHING)
    ]
    assert shellcheck([*made.values(), Goal("another", "true", "", "true")], tmp_path) == ""
    assert goals(peermem, *machine(doca, os=NOBLE)) == {}  # DMA-BUF serves it
    assert goals(peermem, cluster, CP1, found) == {}


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("", ""),
        ("modprobe: FATAL: Module nvidia_peermem not found", "modprobe: FATAL: Module nvidia_peermem not found"),
        (
            "modprobe: ERROR: could not insert 'nvidia_peermem': Invalid argument",
            "built before DOCA-OFED was there: dkms build --force nvidia/580.95.05 -k ",
        ),
    ],
)
def test_a_peermem_that_was_built_without_the_fabric_says_so(says: str, told: str) -> None:
    stand_ins = (
        f'modprobe() {{ echo "{says}"; [ -z "{says}" ]; }}\n'
        "dkms() { echo 'nvidia/580.95.05, 6.1.0, x86_64: installed'; }"
    )
    script = f"set -Eeuo pipefail\n{text('peermem/functions.sh')}\n{stand_ins}\npeermem_load"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == int(bool(says))
    assert told in done.stderr
    assert bool(done.stderr) is bool(says)


def test_doca_reboots_into_its_modules_before_any_is_loaded() -> None:
    cluster, gpu, found = machine(Rdma(stack=RdmaStack.DOCA), os=NOBLE)
    cluster = cluster.model_copy(update={"files": KEY})
    made = goals(rdma, cluster, gpu.model_copy(update={"artifacts": KEYED}), found)
    names = list(made)
    boot = names.index("mlx5_core in the kernel")
    assert names.index("DOCA-OFED") < boot < names.index("module mlx5_ib")
    assert made["mlx5_core in the kernel"].disrupts is Disrupts.REBOOT
    source = next(made[name] for name in names if name.endswith("clustr-doca.sources"))
    assert "URIs: https://linux.mellanox.com/public/repo/doca/3.2.1/ubuntu24.04/x86_64/" in wanted(source)


def test_docas_packages_win_over_others_of_their_names_where_dnf_chooses() -> None:
    cluster, gpu, found = machine(Rdma(stack=RdmaStack.DOCA), os=ROCKY)
    cluster = cluster.model_copy(update={"files": KEY})
    made = goals(rdma, cluster, gpu.model_copy(update={"artifacts": KEYED}), found)
    assert "priority=10" in wanted(made["/etc/yum.repos.d/clustr-doca.repo"]).splitlines()


@pytest.mark.parametrize(
    ("artifacts", "system", "said"),
    [
        (Artifacts(), NOBLE, "no fingerprint of the key"),
        (KEYED, OperatingSystem("debian", "12", "bookworm", "Debian 12"), "no repository of DOCA-OFED"),
        (KEYED, ROCKY, ""),
    ],
)
def test_doca_is_refused_where_it_cannot_be(artifacts: Artifacts, system: OperatingSystem, said: str) -> None:
    _, gpu, found = machine(Rdma(stack=RdmaStack.DOCA), os=system)
    refused = rdma.refusal(gpu.model_copy(update={"artifacts": artifacts}), found["gpu1"])
    assert (refused[0] if refused else "").startswith(said)
    assert bool(refused) is bool(said)


def test_runtimes_of_such_nodes_let_pods_lock_memory() -> None:
    cluster, gpu, found = machine(Rdma())
    cluster = cluster.model_copy(update={"runtime": Runtime.model_validate({"engine": "containerd"})})
    drop_in = "/etc/systemd/system/containerd.service.d/60-clustr-memlock.conf"
    with_it = goals(container_runtime, cluster, gpu, found)
    assert "LimitMEMLOCK=infinity" in wanted(with_it[drop_in])
    assert drop_in in with_it["/etc/systemd/system/containerd.service.d/50-clustr.conf"].apply
    assert drop_in not in goals(container_runtime, cluster, CP1, found)


def test_dockers_containers_inherit_from_containerd_what_they_may_lock() -> None:
    cluster, gpu, found = machine(Rdma())
    cluster = cluster.model_copy(update={"runtime": Runtime.model_validate({"engine": "docker"})})
    made = goals(container_runtime, cluster, gpu, found)
    for unit in ("docker.service", "containerd.service"):
        drop_in = f"/etc/systemd/system/{unit}.d/60-clustr-memlock.conf"
        assert "LimitMEMLOCK=infinity" in wanted(made[drop_in])
        assert drop_in in made[f"/etc/systemd/system/{unit}.d/50-clustr.conf"].apply
    names = list(made)
    assert names.index("packages of docker") < names.index("containerd.service runs")
    assert "containerd.service runs" not in goals(container_runtime, cluster, CP1, found)


def test_scripts_are_as_they_were(golden: Golden) -> None:
    made = list(goals(rdma, *machine(Rdma(ports=(IB, ROCE)))).values())
    golden(GOLDEN / "inbox.probe.sh", probes(made))
    golden(GOLDEN / "inbox.apply.sh", applies(made))


def test_scripts_pass_shellcheck(tmp_path: Path) -> None:
    assert shellcheck(list(goals(rdma, *machine(Rdma(ports=(IB, ROCE)))).values()), tmp_path) == ""
    (tmp_path / "clustr-fabric").write_text(text("rdma/clustr-fabric"))
    subprocess.run(["shellcheck", tmp_path / "clustr-fabric"], check=True)


class Fabricated:
    """A machine of files below a folder: clustr-fabric with its paths moved there; its programs note what is set."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        device = folder / "sys/class/infiniband/mlx5_2"
        self.write("sys/class/infiniband/mlx5_2/device/net/eth2/ifindex", "3")
        self.write("sys/class/net/eth2/mtu", "1500")
        self.write("sys/kernel/config/rdma_cm/mlx5_2/ports/1/default_roce_tos", "0")
        for side in ("roce_np", "roce_rp"):
            self.write(f"sys/class/net/eth2/ecn/{side}/enable/3", "0")
        self.write("pfc", "prio-pfc 0:off 1:off 2:off 3:off 4:off 5:off 6:off 7:off")
        self.write("app", "dscp-prio 0:0")
        self.program("ip", f'echo "$6" >{folder}/sys/class/net/eth2/mtu')
        self.program(
            "dcb",
            f'case "$*" in'
            f' "pfc show dev eth2 prio-pfc") cat {folder}/pfc ;;'
            f' "-N app show dev eth2 dscp-prio") cat {folder}/app ;;'
            f' "pfc set dev eth2 prio-pfc all:off 3:on") echo "prio-pfc 2:off 3:on 4:off" >{folder}/pfc ;;'
            f' "app replace dev eth2 dscp-prio 26:3") echo "dscp-prio 26:3" >{folder}/app ;;'
            ' *) echo "dcb $*: not understood" >&2; exit 1 ;; esac',
        )
        assert device.is_dir()

    def write(self, path: str, content: str) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(f"{content}\n")

    def program(self, name: str, body: str) -> None:
        self.write(f"bin/{name}", f"#!/bin/bash\n{body}")
        (self.folder / "bin" / name).chmod(0o755)

    def run(self, act: str) -> subprocess.CompletedProcess[str]:
        script = text("rdma/clustr-fabric")
        for path in ("/sys/", "/etc/clustr/"):
            script = script.replace(path, f"{self.folder}{path}")
        return subprocess.run(
            ["bash", "-c", script, "clustr-fabric", act],
            env={"PATH": f"{self.folder}/bin:/usr/bin:/bin"}, capture_output=True, text=True, check=False,
        )  # fmt: skip


def test_clustr_fabric_tells_and_sets_what_is_not_as_wanted(tmp_path: Path) -> None:
    machine = Fabricated(tmp_path)
    machine.write("etc/clustr/fabric", f"# a comment\n{rdma.line(Rdma(), ROCE)}")
    assert machine.run("check").stdout.splitlines() == [
        "mlx5_2: MTU 1500, not 9000",
        "mlx5_2: PFC for none, not for 3",
        "mlx5_2: DSCP 26 has not priority 3",
        "mlx5_2: rdma_cm marks with 0, not 106",
        "mlx5_2: ECN (roce_np) is not 1",
        "mlx5_2: ECN (roce_rp) is not 1",
    ]
    applied = machine.run("apply")
    assert (applied.returncode, applied.stdout, applied.stderr) == (0, "", "")
    assert machine.run("check").stdout == "as wanted\n"


def test_a_port_whose_interface_is_called_otherwise_is_told(tmp_path: Path) -> None:
    found = goals(rdma, *machine(Rdma(ports=(RdmaPort(device="mlx5_0", interface="ibp24s0"),))))
    assert wanted(found["interface of mlx5_0"]) == "ibp24s0"
    assert shellcheck(list(found.values()), tmp_path) == ""
    (tmp_path / "mlx5_0/device/net/ibp24s0").mkdir(parents=True)
    functions = text("rdma/functions.sh").replace("/sys/class/infiniband", str(tmp_path))

    def call(words: str) -> subprocess.CompletedProcess[str]:
        script = f"set -Eeuo pipefail\nsleep() {{ :; }}\n{functions}\n{words}"
        return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)

    assert call("rdma_probe_interface mlx5_0").stdout == "ibp24s0\n"
    assert call("rdma_probe_interface mlx5_1").stdout == "none\n"
    assert call("rdma_await_interface mlx5_0 ibp24s0").returncode == 0
    wrong = call("rdma_await_interface mlx5_0 ib0")
    assert (wrong.returncode, wrong.stderr.split(":")[0]) == (1, "the network interface of mlx5_0 is ibp24s0, not ib0")


def test_clustr_fabric_fails_for_a_port_that_is_not_there(tmp_path: Path) -> None:
    machine = Fabricated(tmp_path)
    machine.write("etc/clustr/fabric", rdma.line(Rdma(), RdmaPort(device="mlx5_9", mtu=4092)))
    applied = machine.run("apply")
    assert (applied.returncode, applied.stdout) == (1, "mlx5_9: has no network interface\n")

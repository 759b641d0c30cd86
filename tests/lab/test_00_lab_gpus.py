"""A node with GPUs that are not there, as its programs and clustr see it. Its modules are no driver's: a file with the
words of one, which is all that a stand-in for loading it reads (tests of the driver build theirs with DKMS)."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import jsonschema
import pytest

from clustr import lab as labs
from clustr.errors import UsageError
from clustr.inventory.load import load
from clustr.inventory.model import Role
from clustr.lab.faults import Fault
from clustr.lab.model import GpuModel, Gpus, Lab, NodeSpec, Spec
from clustr.nvidia import chips
from clustr.nvidia.chips import Board
from clustr.remote.connection import Result
from clustr.remote.facts import Facts
from clustr.remote.facts_reader import read_facts
from clustr.remote.gpu_facts import Loaded
from clustr.remote.ssh import Network
from tests.lab.footprint import footprint, left_behind
from tests.lab.test_00_lab_itself import quiet

NAME = "test-board"
SMI = "/usr/local/lib/clustr-lab/nvidia-smi"
VERSION, NEWER = "580.173.02", "595.91.07"
MODULE = """
set -eu
kernel=$(basename /lib/modules/*)
folder=/lib/modules/$kernel/updates/dkms
mkdir -p "$folder"
for name in nvidia nvidia-uvm; do
  printf 'const char words[] __attribute__((section(".modinfo"))) = "version=%s\\\\0license=%s\\\\0name=%s";' \
    '{version}' '{license}' "$name" >/tmp/module.c
  gcc -c -o "$folder/$name.ko" /tmp/module.c
done
depmod "$kernel"
"""
OPEN, PROPRIETARY = "Dual MIT/GPL", "NVIDIA"


@dataclass(frozen=True)
class GpuNode:
    """The lab's one node."""

    lab: Lab

    def run(self, script: str) -> Result:
        return labs.execute(self.lab, self.lab.nodes[0], script)

    def tell(self, script: str) -> str:
        done = self.run(script)
        assert done.status == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def install(self, version: str, license: str = OPEN) -> None:
        self.tell(MODULE.format(version=version, license=license))

    def unload(self) -> None:
        self.tell("systemctl stop holder 2>/dev/null; modprobe -r nvidia-uvm; modprobe -r nvidia")

    def fault(self, fault: Fault, index: int = 0) -> None:
        labs.switch_on_fault(self.lab, self.lab.nodes[0], fault, index)

    def mend(self) -> None:
        labs.clear_faults(self.lab, self.lab.nodes[0])

    def facts(self) -> Facts:
        node = load(self.lab.inventory).node(self.lab.nodes[0].name)
        with Network() as network:
            return read_facts(network.open(node), node)

    def reboot(self) -> None:
        before = self.tell("cat /proc/sys/kernel/random/boot_id")
        self.run("systemctl reboot")
        deadline = time.monotonic() + 60
        while self._boot_id() in ("", before):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        labs.start_node(self.lab, self.lab.nodes[0].name, quiet)

    def _boot_id(self) -> str:
        words = [*labs.ssh_command(self.lab, self.lab.nodes[0]), "cat /proc/sys/kernel/random/boot_id"]
        return subprocess.run(words, capture_output=True, text=True, check=False).stdout.strip()


@pytest.fixture(scope="module")
def made() -> Iterator[GpuNode]:
    labs.down(NAME, quiet)
    before = footprint([NAME])
    yield GpuNode(labs.up(Spec(NAME, servers=1, agents=0, artifacts="none", gpus=Gpus(8)), quiet))
    labs.down(NAME, quiet)
    assert left_behind(before, footprint([NAME])) == {}


@pytest.fixture
def node(made: GpuNode) -> Iterator[GpuNode]:
    """With its driver's modules there, none loaded, nothing broken."""
    made.mend()
    made.unload()
    made.install(VERSION)
    yield made
    made.mend()


def test_the_node_is_a_bare_machine_with_gpus(made: GpuNode) -> None:
    facts = made.facts()
    assert [gpu.chip.model for gpu in chips.gpus(facts) if gpu.chip] == ["H100-SXM"] * 8
    assert chips.board(facts) is Board.NVSWITCH
    ports = chips.fabric_ports(facts)
    assert {port.rdma for port in ports} == {f"mlx5_{number}" for number in range(10)}
    assert len(chips.ports_of_class(ports, ())) == 8
    assert facts.next_kernel is not None
    assert facts.gpu.loaded is None
    assert made.tell("systemctl is-system-running; systemctl --failed --no-legend") == "running"
    assert made.run("modprobe nvidia").stderr.startswith("modprobe: FATAL: Module nvidia not found in directory /lib/")
    assert "stand-ins" in made.tell("cat /etc/motd")


def test_what_is_loaded_is_what_was_built(node: GpuNode) -> None:
    node.tell("modprobe nvidia")
    facts = node.facts()
    assert facts.gpu.loaded == Loaded(VERSION, open=True)
    assert {gpu.device.driver for gpu in chips.gpus(facts)} == {"nvidia"}
    assert node.tell("cat /sys/module/nvidia/version") == VERSION
    assert "nvidia_uvm" not in node.tell("lsmod")
    assert node.tell("ls /dev/nvidia[0-9]* /dev/nvidiactl | wc -l") == "9"
    node.unload()
    node.install(NEWER, PROPRIETARY)
    node.tell("modprobe nvidia")
    assert node.facts().gpu.loaded == Loaded(NEWER, open=False)


def test_uvm_has_files_only_where_somebody_makes_them(node: GpuNode) -> None:
    node.tell("modprobe nvidia; modprobe nvidia-uvm")
    assert node.run("ls /dev/nvidia-uvm").status != 0
    node.tell("/usr/local/lib/clustr-lab/nvidia-modprobe -u -c=0")
    node.tell("test -c /dev/nvidia-uvm && test -c /dev/nvidia-uvm-tools")


def test_a_module_is_in_use_while_a_process_holds_a_device(node: GpuNode) -> None:
    node.tell("modprobe nvidia-uvm; systemd-run --quiet --unit=holder sh -c 'exec 3</dev/nvidia0; exec sleep infinity'")
    assert node.run("rmmod nvidia").stderr == "rmmod: ERROR: Module nvidia is in use by: nvidia_uvm\n"
    deadline = time.monotonic() + 10
    while (done := node.run("rmmod nvidia_uvm; modprobe -r nvidia")).status == 0:
        assert time.monotonic() < deadline, "the holder does not start"
        node.tell("modprobe nvidia-uvm")
    assert done.stderr.splitlines()[-1] == "modprobe: FATAL: Module nvidia is in use."
    assert [holder.name for holder in node.facts().gpu.holders or ()] == ["holder.service"]
    node.tell("systemctl stop holder; modprobe -r nvidia")
    assert node.run("ls /dev/nvidia0").status != 0


def test_other_modules_are_kmod_s(node: GpuNode) -> None:
    assert "not found in directory" in node.run("modprobe dummy").stderr
    assert "not currently loaded" in node.run("rmmod dummy").stderr
    assert node.tell("modprobe -n -v -S $(basename /lib/modules/*) nvidia").endswith("updates/dkms/nvidia.ko")
    both = node.run("modprobe -a nvidia dummy")
    assert (both.status, "Module dummy not found" in both.stderr) == (1, True)
    assert node.tell("lsmod | grep -c '^nvidia '") == "1"
    assert node.tell("modprobe --version").startswith("kmod version")


def test_the_driver_is_there_again_after_a_boot(node: GpuNode) -> None:
    node.reboot()
    assert node.tell(f"{SMI} --query-gpu=driver_version --format=csv,noheader -i 0") == VERSION
    assert node.facts().gpu.loaded == Loaded(VERSION, open=True)


def test_nvidia_smi_answers_as_the_real_one(node: GpuNode) -> None:
    silent = node.run(SMI)
    assert (silent.status, "couldn't communicate with the NVIDIA driver" in silent.stdout) == (9, True)
    node.tell("modprobe nvidia")
    listed = node.tell(f"{SMI} -L").splitlines()
    assert len(listed) == 8
    assert listed[0].startswith("GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-")
    query = f"{SMI} --query-gpu=index,memory.total,ecc.errors.uncorrected.volatile.total --format=csv -i 2,5"
    assert node.tell(query).splitlines() == [
        "index, memory.total [MiB], ecc.errors.uncorrected.volatile.total",
        "2, 81559 MiB, 0",
        "5, 81559 MiB, 0",
    ]
    wrong = node.run(f"{SMI} --query-gpu=speed --format=csv")
    assert (wrong.status, wrong.stdout) == (2, 'Field "speed" is not a valid field to query.\n\n')
    assert node.tell(f"{SMI} nvlink -s -i 0 | grep -c 'GB/s'") == "18"
    assert "stand-in" in node.tell(SMI)
    assert node.tell(f"{SMI} --persistence-mode=1").endswith("All done.")
    assert node.tell(f"{SMI} --query-gpu=fabric.state --format=csv,noheader -i 0") == "In Progress", "no fabric manager"
    node.tell("ln -s libnvidia-ml.so.570.1 /usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1")
    other = node.run(f"{SMI}; rm /usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1")
    assert "Driver/library version mismatch" in other.stdout


def test_mig_devices_come_and_go(node: GpuNode) -> None:
    node.tell(f"modprobe nvidia; {SMI} -i 0 -mig 1; {SMI} mig -cgi 3g.40gb,3g.40gb -C -i 0")
    assert node.tell(f"{SMI} -L | grep -c 'MIG 3g.40gb'") == "2"
    assert node.tell(f"{SMI} mig -i 1 -lgip | awk '$3 == \"MIG\" {{ print $4, $6 }}'").splitlines() == [
        "1g.10gb 7/7",
        "1g.10gb+me 1/1",
        "2g.20gb 3/3",
        "3g.40gb 2/2",
        "7g.80gb 1/1",
    ]
    assert node.tell(f"{SMI} --query-gpu=mig.mode.current --format=csv,noheader -i 0,1").split() == [
        "Enabled",
        "Disabled",
    ]
    node.tell(f"{SMI} mig -dci -i 0; {SMI} mig -dgi -i 0; {SMI} -i 0 -mig 0")
    assert "MIG" not in node.tell(f"{SMI} -L")


def test_a_gpu_that_is_lost_and_one_that_fell_off_its_bus(node: GpuNode) -> None:
    node.tell("modprobe nvidia")
    node.fault(Fault.GPU_LOST, 7)
    assert len(chips.gpus(node.facts())) == 7
    assert node.tell(f"{SMI} -L | wc -l") == "7"
    node.mend()
    node.fault(Fault.XID_79, 3)
    assert len(chips.gpus(node.facts())) == 8
    done = node.run(f"{SMI} -L")
    assert done.status == 15
    assert "GPU3: 0000:61:00.0: GPU is lost" in done.stdout
    assert node.tell("dmesg | tail -n 1").endswith("GPU has fallen off the bus.")
    node.mend()
    assert node.tell(f"{SMI} -L | wc -l") == "8"
    assert "Xid" not in node.tell("dmesg | tail -n 1")


def test_faults_of_memory_links_ports_and_library(node: GpuNode) -> None:
    node.tell("modprobe nvidia")
    node.fault(Fault.ECC, 1)
    node.fault(Fault.NVLINK_DOWN, 2)
    node.fault(Fault.IB_DOWN, 0)
    node.fault(Fault.IB_SLOW, 1)
    told = "ecc.errors.uncorrected.volatile.total,remapped_rows.pending,remapped_rows.failure"
    query = f"{SMI} --query-gpu={told} --format=csv,noheader -i 0,1"
    assert node.tell(query).splitlines() == ["0, No, No", "2, Yes, No"]
    assert node.tell(f"{SMI} nvlink -s -i 2 | grep -c inactive") == "2"
    ports = node.tell("cat /sys/class/infiniband/mlx5_[012]/ports/1/rate").splitlines()
    assert [port.split()[0] for port in ports] == ["10", "100", "400"]
    assert node.tell("cat /sys/class/infiniband/mlx5_0/ports/1/state") == "1: DOWN"
    node.fault(Fault.DRIVER_MISMATCH)
    assert node.run(SMI).status == 18


def test_nouveau_keeps_the_gpus_until_a_boot_at_which_it_is_forbidden(node: GpuNode) -> None:
    node.fault(Fault.NOUVEAU)
    assert node.facts().gpu.nouveau
    assert node.run("modprobe nvidia").stderr == "modprobe: ERROR: could not insert 'nvidia': No such device\n"
    node.tell("echo 'blacklist nouveau' >/etc/modprobe.d/blacklist-nouveau.conf")
    assert node.run("rmmod nouveau").status != 0
    node.reboot()
    assert not node.facts().gpu.nouveau
    assert node.facts().gpu.loaded == Loaded(VERSION, open=True)


LIBRARY = """
set -eu
mkdir -p {folder}
echo 'int nothing;' | gcc -shared -nostdlib -Wl,-soname,libnvidia-ml.so.1 -o {folder}/libnvidia-ml.so.1 -x c -
"""
# bash opens it as any program does, which the dynamic linker tells (ld.so(8), LD_DEBUG).
OPENED = "LD_DEBUG=files bash -c 'enable -f libnvidia-ml.so.1 it' 2>&1 | grep -o '/.*/libnvidia-ml.so.1' | head -n 1"


def test_a_mock_of_nvml_is_what_programs_find_in_the_driver_s_place(node: GpuNode) -> None:
    """Another node of the same lab, of another model."""
    node.tell(LIBRARY.format(folder="/root/nvml"))
    folder = node.lab.root(node.lab.nodes[0]) / "root/nvml"
    spec = NodeSpec((Role.AGENT,), gpus=Gpus(2, GpuModel.T4, folder))
    (added,) = labs.add_nodes(node.lab, [spec], quiet)
    other = GpuNode(replace(node.lab, nodes=(added,)))
    assert [gpu.chip.model for gpu in chips.gpus(other.facts()) if gpu.chip] == ["T4", "T4"]
    other.tell(LIBRARY.format(folder="/usr/lib/$(uname -m)-linux-gnu") + "ldconfig")
    assert other.tell(OPENED) == "/usr/local/lib/clustr-lab/nvml/libnvidia-ml.so.1"
    labs.remove_node(node.lab, added.name)


def test_the_command_line_breaks_and_mends(node: GpuNode) -> None:
    def clustr(*words: str) -> str:
        command = [str(Path(sys.executable).with_name("clustr")), "lab", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert clustr("fault", f"{NAME}/cp1", "xid-79", "--index", "3") == "cp1: xid-79 3.\n"
    assert clustr("fault", f"{NAME}/cp1", "--clear") == "cp1: no fault is on.\n"
    assert "8 × h100 (stand-ins)" in clustr("status", NAME)
    document = json.loads(clustr("status", NAME, "--output", "json"))
    jsonschema.validate(document, json.loads(clustr("status", "--schema")))
    assert document["labs"][0]["nodes"][0]["gpus"] == {"count": 8, "model": "h100"}
    with pytest.raises(UsageError, match="no port 10"):
        node.fault(Fault.IB_DOWN, 10)

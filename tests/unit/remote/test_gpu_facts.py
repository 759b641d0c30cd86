"""What a machine says of its GPUs: the words of the script, typed; and the script on a view of this machine's disk."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from clustr.nvidia.chips import Board, board, fabric_ports, gpus
from clustr.remote.facts import Facts
from clustr.remote.facts_reader import facts_script, parse_facts
from clustr.remote.gpu_facts import (
    Candidate,
    DkmsModule,
    GpuFacts,
    Holder,
    HolderKind,
    KubeGpu,
    Loaded,
    ModuleOnDisk,
    ModuleOwner,
    Package,
)
from clustr.remote.said import Said
from tests.fakes import LocalConnection

FOLDER = Path(__file__).parent / "facts"
BARE = (FOLDER / "debian-12.txt").read_text()
H100 = (FOLDER / "gpu-h100.txt").read_text()  # a lab's node, as if a driver's parts were there
KERNEL, VERSION = "6.1.0-57-cloud-amd64", "580.173.02"
OPEN = f"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {VERSION}  Release Build  (dvs-builder@U22-I3)"
PROPRIETARY = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.216.03  Fri Oct 25 22:43:06 UTC 2024"
NAMED = "filename:  /lib/modules/6.1.0/updates/dkms/nvidia-current.ko\nversion:  535.261.03\nlicense:  NVIDIA\n"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def facts(*further: str, told: str = BARE) -> Facts:
    return parse_facts(Said("\n".join((told, *further, ""))))


def gpu(*further: str) -> GpuFacts:
    return facts(*further).gpu


def test_a_node_with_eight_gpus() -> None:
    found = facts(told=H100)
    assert [each.chip.model for each in gpus(found) if each.chip] == ["H100-SXM"] * 8
    assert board(found) is Board.NVSWITCH
    assert [port.rdma for port in fabric_ports(found)] == [f"mlx5_{number}" for number in range(8)]
    first = gpus(found)[0].device
    assert (first.slot, first.driver, first.numa, first.subsystem) == ("0000:1b:00.0", "nvidia", 0, "10de:16c1")
    assert found.gpu == GpuFacts(
        loaded=Loaded(VERSION, open=True),
        modules=(ModuleOnDisk(KERNEL, VERSION, True, ModuleOwner.PACKAGE, "DKMS module signing key"),),
        owner=ModuleOwner.PACKAGE,
        secure_boot=False,
        headers=frozenset({KERNEL}),
        dkms=(DkmsModule("nvidia", VERSION, KERNEL, "installed"), DkmsModule("nvidia", "570.172.08", "", "added")),
        packages=(
            Package("nvidia-driver-cuda", f"{VERSION}-1", held=True, origin="NVIDIA"),
            Package("nvidia-kernel-open-dkms", f"{VERSION}-1", held=True, origin="NVIDIA"),
            Package("nvlsm", "2025.10.11-1", held=False),
        ),
        candidates=(
            Candidate(f"linux-headers-{KERNEL}", "6.1.192-3"),
            Candidate("containerd", "1.6.20~ds1-1+deb12u3"),
            Candidate("docker.io", "20.10.24+dfsg1-1+deb12u1+b6"),
            Candidate("nvidia-driver-cuda", f"{VERSION}-1"),
        ),
        holders=(
            Holder(HolderKind.SERVICE, "nvidia-persistenced.service", 812, "/dev/nvidiactl"),
            Holder(HolderKind.POD, "train/job-1-x7k2p", 9012, "/dev/nvidia0"),
            Holder(HolderKind.PROCESS, "python3", 4711, "/dev/nvidia0"),
        ),
        boot_free_mb=63372,
        initrd_mb=15,
        iommu=True,
        acs=True,
    )


def test_a_node_without_gpus_says_nothing_of_them() -> None:
    assert facts().gpu == GpuFacts()
    assert facts().k3s.gpu == KubeGpu()


@pytest.mark.parametrize(
    ("line", "loaded"),
    [
        (OPEN, Loaded(VERSION, open=True)),
        (PROPRIETARY, Loaded("535.216.03", open=False)),
        ("NVRM version: NVIDIA UNIX Kernel Module for aarch64  34.1.1  Release Build", Loaded("34.1.1", open=False)),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64 malformed", None),
        ("", None),
    ],
)
def test_what_is_loaded_and_its_flavour(line: str, loaded: Loaded | None) -> None:
    assert gpu(f"nvidia_loaded={encoded(line)}").loaded == loaded


def test_who_put_the_driver_there() -> None:
    module = "nvidia_module=6.1.0 /lib/modules/6.1.0/updates/dkms/nvidia-current.ko"
    named = f"modinfo={encoded(NAMED)}"
    packaged = gpu(f"{module} package", named)
    assert packaged.modules == (ModuleOnDisk("6.1.0", "535.261.03", open=False, owner=ModuleOwner.PACKAGE),)
    assert packaged.owner is ModuleOwner.PACKAGE
    runfile = gpu(f"{module} unknown", named, "runfile=yes")
    assert (runfile.owner, runfile.modules[0].owner) == (ModuleOwner.RUNFILE, ModuleOwner.RUNFILE)
    assert gpu(f"{module} package", named, "runfile=yes").owner is ModuleOwner.RUNFILE
    operators = gpu(f"nvidia_loaded={encoded(OPEN)}", "driver_container=yes")
    assert operators.owner is ModuleOwner.GPU_OPERATOR
    assert gpu(f"nvidia_loaded={encoded(OPEN)}").owner is ModuleOwner.UNKNOWN


@pytest.mark.parametrize(
    ("line", "module"),
    [
        ("nvidia, 535.161.08, 5.15.0-94-generic, x86_64: installed", ("535.161.08", "5.15.0-94-generic", "installed")),
        ("nvidia/550.1, 6.1.0, x86_64: built (WARNING! Diff between)", ("550.1", "6.1.0", "built")),
        ("nvidia/550.1: added", ("550.1", "", "added")),
    ],
)
def test_forms_of_dkms(line: str, module: tuple[str, str, str]) -> None:
    status = encoded(f"{line}\nDeprecated feature: REMAKE_INITRD\n")
    assert gpu(f"dkms={status}").dkms == (DkmsModule("nvidia", *module),)


def test_nouveau_is_seen_loaded_or_bound() -> None:
    bound = "pci_detail=0000:1b:00.0 nouveau 0 0x10de:0x16c1 no -"
    assert (gpu(bound).nouveau, gpu("nouveau=yes").nouveau, gpu().nouveau) == (True, True, False)


def test_lines_that_make_no_sense_are_left_out() -> None:
    odd = ("holder=pod", "holder=beast 1 /dev/nvidia0 x", "gpu_package=a b", "candidate=", "dkms=!", "modinfo=eA==")
    assert gpu(*odd, "acs=maybe", "secure_boot=", "nvidia_module=x", "pci_detail=short").packages == ()
    assert gpu(*odd).holders is None
    module = gpu("holders=told", "holder=module - nvidia gdrdrv").holders
    assert module == (Holder(HolderKind.MODULE, "gdrdrv", 0, "nvidia"),)


SETS = (
    "DaemonSet kube-system/nvidia-device-plugin-whole nvcr.io/nvidia/k8s-device-plugin:v0.20.0\n"
    "DaemonSet monitoring/dcgm nvcr.io/nvidia/k8s/dcgm-exporter:4.9.0\n"
)


def test_who_hands_gpus_out() -> None:
    policies = json.dumps({"items": [{"spec": {"driver": {"enabled": False}}}]})
    slices = json.dumps({"items": [{"spec": {"driver": "gpu.nvidia.com"}}]})
    sets = f"kube_daemonsets={encoded(SETS)}"
    off = facts(sets, f"cluster_policies={encoded(policies)}", f"resource_slices={encoded(slices)}").k3s.gpu
    assert off == KubeGpu(("kube-system/nvidia-device-plugin-whole",), operator_driver=False, dra=("gpu.nvidia.com",))
    left_out = json.dumps({"items": [{"spec": {}}]})  # the chart's default is on
    assert facts(f"cluster_policies={encoded(left_out)}").k3s.gpu.operator_driver
    for nonsense in ("[", "[]", "7", '{"items": 3}', '{"items": ["x", null, {"spec": 1}]}'):
        assert facts(f"resource_slices={encoded(nonsense)}").k3s.gpu.dra == ()


@pytest.mark.parametrize(
    ("name", "image", "hands_out"),
    [
        ("gpu-operator/nvidia-device-plugin-daemonset", "nvcr.io/nvidia/k8s-device-plugin:v0.20.1", True),
        ("kube-system/plugin", "nvcr.io/nvidia/k8s-device-plugin@sha256:1f3a", True),
        ("kube-system/plugin", "registry.example.com/amd64/nvidia-k8s-device-plugin:v0.17.0-amd64", True),
        ("kube-system/hami-device-plugin", "docker.io/projecthami/hami:v2.9.0", True),
        ("kube-system/hami-device-plugin-amd-monitor", "docker.io/projecthami/hami:v2.9.0", False),
        ("kube-system/volcano-device-plugin", "volcanosh/volcano-device-plugin:latest", True),
        ("kube-system/volcano-device-plugin", "docker.io/projecthami/volcano-vgpu-device-plugin:v1.9.0", True),
        ("kube-system/vgpu-device-plugin", "m.example.com/4pdosc/k8s-vdevice:libopensource", True),
        ("kube-system/vgpu-device-plugin", "4pdosc/k8s-device-plugin", True),
        ("kube-amd-gpu/default-device-plugin", "rocm/k8s-device-plugin:latest", False),
        ("kube-system/amdgpu-device-plugin-daemonset", "registry.example.com/k8s-device-plugin:1", False),
        ("kube-system/plugin", "cambricon/cambricon-k8s-device-plugin:v1", False),
        ("kube-system/hami-webui", "projecthami/hami-webui-fe-oss:main", False),
        ("kube-system/rdma", "ghcr.io/mellanox/k8s-rdma-shared-dev-plugin:v1.5.3", False),
    ],
)
def test_device_plugins_are_known_by_their_images(name: str, image: str, hands_out: bool) -> None:
    found = facts(f"kube_daemonsets={encoded(f'DaemonSet {name} {image}')}").k3s.gpu.device_plugins
    assert found == ((name,) if hands_out else ())


@pytest.fixture
def here() -> Iterator[LocalConnection]:
    with LocalConnection() as machine:
        machine.command("apt-cache", "exit 0")  # of this machine's own packages nothing is wanted
        yield machine


def device(machine: LocalConnection, slot: str, vendor: str, device: str, kind: str, **files: str) -> None:
    for name, value in {"vendor": vendor, "device": device, "class": kind, **files}.items():
        machine.write(f"/fake/pci/{slot}/{name}", f"{value}\n")


def told(machine: LocalConnection) -> Facts:
    """The script's answer, with places of the kernel's taken for ones on the disk."""
    script = facts_script().replace("/sys/bus/pci/devices", "/fake/pci")
    for place in ("/sys/firmware", "/sys/class/infiniband/", "/proc/driver/nvidia", "/lib/modules"):
        script = script.replace(place, f"/fake{place}")
    return parse_facts(Said(machine.run(script).stdout))


def test_the_script_where_a_driver_is_there(here: LocalConnection) -> None:
    device(here, "0000:1b:00.0", "0x10de", "0x2330", "0x030200", numa_node="1", subsystem_vendor="0x10de",
           subsystem_device="0x16c1")  # fmt: skip
    device(here, "0000:05:00.0", "0x15b3", "0x1021", "0x020700", vpd="\0SMDL=SW_MNG\0")
    device(here, "0000:18:00.0", "0x15b3", "0x1021", "0x020700", vpd="\0SN=1\0")
    here.write("/fake/sys/class/infiniband/mlx5_0/device", "")
    here.run("cd /fake/sys/class/infiniband/mlx5_0; ln -sf /fake/pci/0000:18:00.0 device")
    here.write("/fake/proc/driver/nvidia/version", f"{OPEN}\n")
    folder = "/fake/lib/modules/6.1.0"
    here.write(f"{folder}/modules.dep", "updates/dkms/nvidia.ko.xz:\nupdates/dkms/nvidia-uvm.ko.xz: x\nkernel/a.ko:\n")
    here.write(f"{folder}/updates/dkms/nvidia.ko.xz", "")
    here.write(f"{folder}/build/Makefile", "")
    here.command("modinfo", 'shift; printf "filename:  %s\\nversion:  580.1\\nlicense:  NVIDIA\\n" "$@"')
    here.command("dkms", "echo nvidia/580.1, 6.1.0, x86_64: installed")
    here.write("/usr/local/nvidia/toolkit/nvidia-ctk", "")
    found = told(here)
    assert found.gpu.loaded == Loaded(VERSION, open=True)
    assert found.gpu.modules == (ModuleOnDisk("6.1.0", "580.1", open=False, owner=ModuleOwner.UNKNOWN),)
    assert found.gpu.headers == {"6.1.0"}
    assert found.gpu.dkms == (DkmsModule("nvidia", "580.1", "6.1.0", "installed"),)
    assert (found.gpu.toolkit_left, found.gpu.secure_boot) == (True, False)
    assert found.gpu.holders is not None
    assert found.gpu.boot_free_mb
    assert [each.manages_switches for each in found.pci] == [True, False, False]
    assert [each.rdma for each in found.pci] == ["", "mlx5_0", ""]
    assert (gpus(found)[0].device.numa, gpus(found)[0].device.subsystem) == (1, "10de:16c1")
    here.write("/usr/bin/nvidia-uninstall", "")
    assert told(here).gpu.owner is ModuleOwner.RUNFILE


def test_a_node_without_special_devices_is_asked_nothing_more(here: LocalConnection) -> None:
    device(here, "0000:00:02.0", "0x1af4", "0x1041", "0x020000")
    here.command("dkms", "touch /asked")
    assert told(here).gpu == GpuFacts()
    assert not here.path("/asked").exists()


@pytest.mark.parametrize(
    ("variables", "on"),
    [
        ({"SecureBoot-8be4df61": b"\6\0\0\0\1"}, True),
        ({"SecureBoot-8be4df61": b"\6\0\0\0\0"}, False),
        ({"SecureBoot-8be4df61": b"\6\0\0\0\1", "MokSBStateRT-605dab50": b"\6\0\0\0\1"}, False),
        ({"BootOrder-8be4df61": b"\7\0\0\0\0\0"}, False),
        ({}, None),
    ],
)
def test_secure_boot(here: LocalConnection, variables: dict[str, bytes], on: bool | None) -> None:
    device(here, "0000:1b:00.0", "0x10de", "0x2330", "0x030200")
    here.write("/fake/sys/firmware/efi/config_table", "")
    for name, value in variables.items():
        here.write(f"/fake/sys/firmware/efi/efivars/{name}", "")
        here.path(f"/fake/sys/firmware/efi/efivars/{name}").write_bytes(value)
    assert told(here).gpu.secure_boot is on


@pytest.mark.parametrize(("control", "acs"), [(0x1D, True), (0x11, False)])
def test_a_bridge_that_redirects_is_seen(here: LocalConnection, control: int, acs: bool) -> None:
    """The GPU's place on the bus is below its bridge's. Configuration space: PCI Express Base Specification."""
    config = bytearray(4096)
    struct.pack_into("<HH", config, 0x100, 0x0001, 0x1481)  # another capability, the next at 0x148
    struct.pack_into("<HHHH", config, 0x148, 0x000D, 0x0001, 0x001F, control)
    device(here, "0000:1a:00.0", "0x1000", "0xc010", "0x060400")
    here.write("/fake/pci/0000:1a:00.0/config", "")
    here.path("/fake/pci/0000:1a:00.0/config").write_bytes(bytes(config))
    for name, value in {"vendor": "0x10de", "device": "0x2330", "class": "0x030200"}.items():
        here.write(f"/fake/bus/0000:1a:00.0/0000:1b:00.0/{name}", f"{value}\n")
    here.path("/fake/pci/0000:1b:00.0").symlink_to("/fake/bus/0000:1a:00.0/0000:1b:00.0")
    assert told(here).gpu.acs is acs


def test_who_hands_gpus_out_is_asked_in_the_same_round(here: LocalConnection) -> None:
    listing = f"cp1 open True v1.36.5+k3s1\n{SETS}"
    here.write("/listing", listing)
    says = 'case "$*" in *"get nodes"*) cat /listing ;; */v1/resource*) echo "{}" ;; *) exit 1 ;; esac'
    here.write("/usr/local/bin/k3s", f'#!/bin/bash\necho "$*" >>/asked\n{says}\n', 0o755)
    here.command("systemctl", "printf 'active\\n\\nactive\\n\\ninactive\\n'")
    found = told(here).k3s
    assert [node.name for node in found.nodes] == ["cp1"]
    assert found.gpu.device_plugins == ("kube-system/nvidia-device-plugin-whole",)
    assert "fieldSelector=spec.driver%3Dgpu.nvidia.com" in here.path("/asked").read_text()
    here.write("/listing", "cp1 open True v1.36.5+k3s1\nDaemonSet kube-system/svclb rancher/klipper-lb\n")
    here.write("/asked", "")
    assert told(here).k3s.gpu == KubeGpu()
    here.write(
        "/listing", "cp1 open True v1.36.5+k3s1\nDaemonSet kube-system/hami-device-plugin projecthami/hami:v2.9.0\n"
    )
    assert told(here).k3s.gpu == KubeGpu(device_plugins=("kube-system/hami-device-plugin",))
    assert "--raw" not in here.path("/asked").read_text()


POLICY = """Package files:
 100 /var/lib/dpkg/status
     release a=now
 600 https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64  Packages
     release o=NVIDIA,l=NVIDIA CUDA,c=
     origin developer.download.nvidia.com
 500 http://archive.ubuntu.com/ubuntu noble-updates/restricted amd64 Packages
     release v=24.04,o=Ubuntu,a=noble-updates,n=noble,l=Ubuntu,c=restricted,b=amd64
     origin archive.ubuntu.com
Pinned packages:
"""
NAMES = """nvidia-utils-580-server:
  Installed: 580.95.05-0ubuntu0.24.04.2
  Candidate: 580.95.05-0ubuntu0.24.04.2
  Version table:
     595.71.05-0ubuntu1 600
        600 https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64  Packages
 *** 580.95.05-0ubuntu0.24.04.2 500
        500 http://archive.ubuntu.com/ubuntu noble-updates/restricted amd64 Packages
        100 /var/lib/dpkg/status
libnvidia-compute-580:
  Installed: 580.95.05-0ubuntu1
  Candidate: 580.95.05-0ubuntu1
  Version table:
 *** 580.95.05-0ubuntu1 600
        600 https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64  Packages
        100 /var/lib/dpkg/status
nvidia-open:
  Installed: (none)
  Candidate: (none)
  Version table:
"""


def test_packages_and_their_places_by_apt(here: LocalConnection) -> None:
    device(here, "0000:1b:00.0", "0x10de", "0x2330", "0x030200")
    here.write("/fake/lib/modules/6.8.0-90-generic/modules.order", "")
    here.write("/var/lib/apt/lists/archive_Packages", "")
    here.write("/policy", POLICY)
    here.write("/names", NAMES)
    here.command(
        "dpkg-query",
        "echo 'installed nvidia-utils-580-server 580.95.05-0ubuntu0.24.04.2 hold'\n"
        "echo 'installed libnvidia-compute-580 580.95.05-0ubuntu1 install'\n"
        "echo 'config-files nvidia-open 575.1-1 deinstall'",
    )
    says = 'case "$*" in policy) cat /policy ;; policy*) echo "$*" >/asked; cat /names ;;'
    signed = "linux-modules-nvidia-580-server-open-6.8.0-90-generic"
    prefixes = f"*linux-modules*) echo {signed} ;; *) echo nvidia-open ;; esac"
    here.command("apt-cache", f"{says}\n{prefixes}")
    found = told(here).gpu
    assert found.packages == (
        Package("nvidia-utils-580-server", "580.95.05-0ubuntu0.24.04.2", held=True, origin="Ubuntu"),
        Package("libnvidia-compute-580", "580.95.05-0ubuntu1", held=False, origin="NVIDIA"),
    )
    assert found.candidates == (
        Candidate("linux-headers-6.8.0-90-generic", ""),
        Candidate("nvidia-utils-580-server", "580.95.05-0ubuntu0.24.04.2", "Ubuntu"),
        Candidate("libnvidia-compute-580", "580.95.05-0ubuntu1", "NVIDIA"),
    )
    asked = here.path("/asked").read_text().split()
    assert {"nvidia-open", "containerd", "linux-headers-6.8.0-90-generic"} <= set(asked)
    assert signed in asked


def test_packages_and_their_places_by_dnf(here: LocalConnection) -> None:
    device(here, "0000:1b:00.0", "0x10de", "0x2330", "0x030200")
    for kernel in ("5.14.0-503.el9.x86_64", "5.14.0-570.el9.aarch64+64k"):
        here.write(f"/fake/lib/modules/{kernel}/modules.order", "")
    here.write("/etc/dnf/plugins/versionlock.list", "# locked\nnvidia-driver-cuda-3:580.95.05-1.el9.*\n*kmod*580*\n")
    here.command(
        "rpm",
        '[ "$*" != "-q dkms" ] || exit 1\n'
        "echo 'nvidia-driver-cuda 580.95.05-1.el9 nvidia-driver-cuda-3:580.95.05-1.el9.x86_64'\n"
        "echo 'kmod-nvidia-open-dkms 580.95.05-1.el9 kmod-nvidia-open-dkms-3:580.95.05-1.el9.noarch'\n"
        "echo 'nvidia-persistenced 575.1-1.el9 nvidia-persistenced-3:575.1-1.el9.x86_64'",
    )
    here.command(
        "dnf",
        'case "$*" in *--installed*) echo origin=nvidia-driver-cuda cuda-rhel9-x86_64 ;;\n'
        "*devel*) echo candidate=kernel-devel-5.14.0-503.el9.x86_64 5.14.0-503.el9 ;;\n"
        "*) echo candidate=nvidia-open 580.95.05-1.el9 ;; esac",
    )
    script = facts_script().replace("/sys/bus/pci/devices", "/fake/pci").replace("/lib/modules", "/fake/lib/modules")
    found = parse_facts(Said(here.run(script.replace("command -v dpkg-query", "false")).stdout)).gpu
    assert [(each.name, each.held, each.origin) for each in found.packages] == [
        ("nvidia-driver-cuda", True, "cuda-rhel9-x86_64"),
        ("kmod-nvidia-open-dkms", True, ""),
        ("nvidia-persistenced", False, ""),
    ]
    assert {each.name: each.version for each in found.candidates} == {
        "kernel-devel-5.14.0-503.el9.x86_64": "5.14.0-503.el9",
        "kernel-64k-devel-5.14.0-570.el9.aarch64": "",
        "dkms": "",  # neither there nor to be had
        "nvidia-open": "580.95.05-1.el9",
    }

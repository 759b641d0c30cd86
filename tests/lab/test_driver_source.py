"""Where a driver comes from fails in every way it can: the error says how, and the node is as before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.driver_node import DriverNode, driver_node
from tests.vendor.catalogue import NEW, OLD, cuda_repository
from tests.vendor.driver import driver
from tests.vendor.repository import new_key, publish, sign
from tests.vendor.served import Fault

MODULES = "nvidia-kernel-open-dkms"
ASK_ONCE = 'Acquire::Retries "0";\nAcquire::https::Timeout "5";\n'  # apt's own patience is minutes


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DriverNode]:
    with driver_node("test-driver", tmp_path_factory.mktemp("v")) as made:
        made.on(f"cat >/etc/apt/apt.conf.d/99test <<'END'\n{ASK_ONCE}END")
        yield made


@contextmanager
def fault(node: DriverNode, pattern: str, kind: Fault) -> Iterator[None]:
    node.place.faults[pattern] = kind
    try:
        yield
    finally:
        node.place.faults.clear()


def lists_are_old(node: DriverNode) -> None:
    node.on("rm -f /var/lib/clustr/lists-read")


def prepared_but_for_the_driver(node: DriverNode) -> None:
    """What comes before the driver is there already, so that a run which fails at it changes nothing else."""
    with fault(node, "InRelease|Release$", Fault.MISSING):
        done = node.bootstrap(node.wanting()).expect(6)
    assert "does not serve as a package source" in done.stdout


def test_a_source_that_is_not_there_is_taken_out_again(node: DriverNode) -> None:
    prepared_but_for_the_driver(node)
    assert node.on("ls /etc/apt/sources.list.d").split() == ["clustr-components.sources", "debian.sources"]
    node.on("apt-get update --error-on=any")


def test_a_source_that_hangs_is_taken_out_again(node: DriverNode) -> None:
    with fault(node, "InRelease|Release$", Fault.HANGS):
        said = node.refused(node.wanting())
    assert "does not serve as a package source" in said
    assert "Connection failed" in said  # as apt says it where an answer does not come in time


def test_another_key_than_nvidia_s_is_refused_by_its_fingerprint(node: DriverNode) -> None:
    node.on("DEBIAN_FRONTEND=noninteractive apt-get -qqy install --no-install-recommends gpg")
    node.on("mv /etc/apt/keyrings/clustr-nvidia.asc /root")
    try:
        said = node.refused(node.wanting(site_key=False))
    finally:
        node.on("mv /root/clustr-nvidia.asc /etc/apt/keyrings")
    assert "is not EB693B3035CD5710E231E123A4B469963BF863CC" in said
    assert node.key.fingerprint in said
    assert "nothing signed with it is installed" in said


def test_lists_that_the_site_s_key_did_not_sign_are_refused(node: DriverNode, tmp_path: Path) -> None:
    other = new_key(tmp_path / "o", "somebody else")
    sign(node.repository, other)
    try:
        said = node.refused(node.wanting())
    finally:
        sign(node.repository, node.key)
    assert "NO_PUBKEY" in said


def test_a_driver_is_installed_loaded_and_held(node: DriverNode) -> None:
    wanted = node.wanting()
    node.bootstrap(wanted).expect()
    assert node.plan(wanted) == []
    assert f"Open Kernel Module for x86_64  {OLD} " in node.on("cat /proc/driver/nvidia/version")
    installed = node.on("dpkg-query -W -f='${Version} ${Package}\\n'").splitlines()
    ours = {line.split()[1] for line in installed if line.startswith(f"{OLD}-")}
    assert {MODULES, "libcuda1", "nvidia-driver-pinning-580", "nvidia-persistenced"} <= ours
    assert ours <= set(node.on("apt-mark showhold").split())
    assert node.on("systemctl is-active nvidia-persistenced").strip() == "active"


def test_a_fabric_manager_of_the_driver_s_version_runs(node: DriverNode) -> None:
    version = node.on("dpkg-query -W -f='${Version}' nvidia-fabricmanager")
    assert version.startswith(OLD)
    assert node.on("systemctl is-active nvidia-fabricmanager").strip() == "active"


@pytest.mark.parametrize(
    ("kind", "words"), [(Fault.MISSING, "404"), (Fault.HANGS, "connection failed")], ids=["answers-404", "hangs"]
)
def test_a_package_that_does_not_come_leaves_the_old_driver(node: DriverNode, kind: Fault, words: str) -> None:
    with fault(node, f"{MODULES}_{NEW}", kind):
        said = node.refused(node.wanting(branch="595"))
    assert words in said.lower()
    assert MODULES in said


def test_a_package_with_another_checksum_leaves_the_old_driver(node: DriverNode) -> None:
    package = next(node.repository.glob(f"{MODULES}_{NEW}*.deb"))
    whole = package.read_bytes()
    package.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        said = node.refused(node.wanting(branch="595"))
    finally:
        package.write_bytes(whole)
    assert "Hash Sum mismatch" in said


def test_lists_signed_by_another_key_leave_the_old_driver(node: DriverNode, tmp_path: Path) -> None:
    lists_are_old(node)
    sign(node.repository, new_key(tmp_path / "o", "somebody else"))
    try:
        said = node.refused(node.wanting(branch="595"))
    finally:
        sign(node.repository, node.key)
    assert "NO_PUBKEY" in said


def test_a_branch_that_the_repository_lost_leaves_the_old_driver(node: DriverNode) -> None:
    publish(node.repository, driver(OLD), node.key)
    lists_are_old(node)
    try:
        said = node.refused(node.wanting(branch="595"))
    finally:
        publish(node.repository, cuda_repository(), node.key)
        lists_are_old(node)
    assert "nvidia-driver-pinning-595" in said


def test_modules_that_do_not_build_leave_the_old_driver(node: DriverNode) -> None:
    """The headers' Makefile is broken: the error has the last lines of the build, and there is no reboot."""
    makefile = node.on("readlink -f /lib/modules/*/build/Makefile").strip()
    node.on(f"cp -p {makefile} /root/Makefile; sed -i '1i $(error these headers are broken on purpose)' {makefile}")
    try:
        said = node.refused(node.wanting(branch="595"))
    finally:
        node.on(f"mv /root/Makefile {makefile}")
    assert "the last lines of make.log" in said
    assert "these headers are broken on purpose" in said
    assert f"the modules of {NEW} do not build for the kernel" in said
    assert f"  {OLD} " in node.on("cat /proc/driver/nvidia/version")
    assert node.plan(node.wanting()) == []


def test_the_next_branch_moves_everything_in_one_step(node: DriverNode) -> None:
    wanted = node.wanting(branch="595")
    planned = {goal: (before, after) for _, goal, before, after, _ in node.plan(wanted)}
    assert planned == {"driver": (OLD, "595, held"), "driver in the kernel": (f"{OLD} open", "595 open")}
    node.bootstrap(wanted).expect()
    assert node.plan(wanted) == []
    assert f"  {NEW} " in node.on("cat /proc/driver/nvidia/version")
    versions = node.on("dpkg-query -W -f='${Version}\\n' 'nvidia-*' 'libnvidia-*' libcuda1").split()
    assert {version for version in versions if version[0] in "5"} == {f"{NEW}-1"}
    assert node.on("apt-mark showhold | grep pinning").split() == ["nvidia-driver-pinning-595"]


def test_a_newer_version_moves_nothing_by_itself(node: DriverNode) -> None:
    newer = "595.99.01"
    publish(node.repository, (*cuda_repository(), *driver(newer)), node.key)
    node.on("apt-get update --error-on=any")
    assert f"Candidate: {newer}-1" in node.on(f"apt-cache policy {MODULES}")
    before = node.state()
    node.on("DEBIAN_FRONTEND=noninteractive apt-get -y -o Dpkg::Options::=--force-confold dist-upgrade")
    after = node.state()
    assert [line for line in after.splitlines() if "nvidia" in line] == [
        line for line in before.splitlines() if "nvidia" in line
    ]


def test_what_is_missing_comes_at_the_version_that_is_there(node: DriverNode) -> None:
    """Fabric manager does not start at another version than the driver's, and the repository has a newer one by now."""
    node.on("DEBIAN_FRONTEND=noninteractive apt-get -y remove --allow-change-held-packages nvidia-fabricmanager")
    wanted = node.wanting(branch="595")
    assert any("without nvidia-fabricmanager" in before for _, _, before, _, _ in node.plan(wanted))
    node.bootstrap(wanted).expect()
    assert node.on("dpkg-query -W -f='${Version}' nvidia-fabricmanager") == f"{NEW}-1"


def test_modules_that_a_kernel_lost_are_built_again(node: DriverNode) -> None:
    node.on("rm -f /lib/modules/*/updates/dkms/nvidia.ko*")
    wanted = node.wanting(branch="595")
    assert any("no module for the kernel" in before for _, _, before, _, _ in node.plan(wanted))
    node.bootstrap(wanted).expect()
    assert node.on("modinfo -F version /lib/modules/*/updates/dkms/nvidia.ko*").strip() == NEW


def test_a_package_that_is_let_go_is_held_again(node: DriverNode) -> None:
    node.on("apt-mark unhold libcuda1 linux-image-cloud-amd64")
    wanted = node.wanting(branch="595")
    (change,) = node.plan(wanted)
    assert change[2] == "595, not held: libcuda1 linux-image-cloud-amd64"
    node.bootstrap(wanted).expect()
    assert node.plan(wanted) == []

"""The driver by apt under Ubuntu's names: its shell run for real, apt and dpkg too, on a copy-on-write view of this
machine. From branch 590 on the packages have other names than before.

DKMS and modinfo are stand-ins: the first builds what has its source, the second tells what the first built.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clustr.components.gpu_reload import USES
from clustr.engine.goal import Goal
from clustr.engine.makers import packages, step
from clustr.engine.preflight.gpu import newest_kernel
from clustr.engine.script import apply_script, apply_work, probe_script, read_answers
from clustr.families import Manager
from clustr.nvidia.packages import driver_packages, headers_packages, kernel_packages, pinning_package
from clustr.remote.connection import Result
from tests.components.machines import GPU1, facts
from tests.fakes import LocalConnection
from tests.unit.nvidia.test_names import choice
from tests.vendor.debs import Deb, build
from tests.vendor.driver_ubuntu import driver as debs

KERNEL, NEWER = "6.8.0-51-generic", "6.8.0-52-generic"
OLD, NEW, NEWEST = "580.173.02", "595.91.07", "615.71.09"
DKMS = """#!/bin/bash
# stand-in for tests
act=$1 sources=/usr/src
while [ $# -gt 0 ]; do
  case $1 in -v) version=$2 ;; -k) kernel=$2 ;; --sourcetree) sources=$2 ;; esac
  shift
done
if [ ! -e "$sources/nvidia-$version/Makefile" ]; then
  echo "there is a dkms.conf of $version, and nothing to build" >&2
  exit 10
fi
if [ "$act" = install ]; then
  mkdir -p "/lib/modules/$kernel/updates"
  echo "$version" >"/lib/modules/$kernel/updates/nvidia.ko"
fi
"""
MODINFO = '#!/bin/bash\n# stand-in for tests\nexec cat "${@: -1}"\n'


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deb")
    for deb in (*debs(OLD), *debs(NEW), *debs(NEWEST), *kernels(), Deb("dkms", "3.0.11-1", architecture="all")):
        build(deb, folder)
    index = subprocess.run(["dpkg-scanpackages", "--multiversion", "."], cwd=folder, check=True, capture_output=True)
    (folder / "Packages").write_bytes(index.stdout)
    return folder


def kernels() -> Iterator[Deb]:
    """Two of Ubuntu's, and what brings the newest."""
    for release in (KERNEL, NEWER):
        number = release.split("-")[1]
        version = f"6.8.0-{number}.{int(number) + 1}"
        yield Deb(f"linux-modules-extra-{release}", version, {"Source": "linux"})
        for kind, place in {"image": "modules.order", "headers": "build/Makefile"}.items():
            name = f"linux-{kind}-{release}"
            yield Deb(name, version, {"Source": "linux"}, {f"/usr/lib/modules/{release}/{place}": ""})
            yield Deb(f"linux-{kind}-generic", version, {"Source": "linux-meta", "Depends": name})


@pytest.fixture
def machine(repository: Path) -> Iterator[LocalConnection]:
    with LocalConnection() as found:
        for path in Path("/etc/apt/sources.list.d").iterdir():
            found.write(str(path), "")
        found.write("/etc/apt/sources.list", f"deb [trusted=yes] file:{repository} ./\n")
        found.write("/etc/apt/apt.conf.d/90tests", 'APT::Sandbox::User "root";\n')  # pytest's folders are nobody else's
        for name, text in {"dkms": DKMS, "modinfo": MODINFO}.items():
            found.write(f"/usr/local/sbin/{name}", text, 0o755)
        found.path("/var/lib/clustr").mkdir(parents=True)
        found.path(f"/usr/lib/modules/{KERNEL}").mkdir(parents=True)
        yield found


def driver(branch: str, modules: str = "open", kernel: str = KERNEL) -> Goal:
    chosen = choice("ubuntu-24.04", branch=branch, modules=modules)
    words = " ".join((branch, kernel, pinning_package(chosen), *driver_packages(chosen, kernel)))
    return step(
        "driver",
        probe=f"nvidia_driver_probe_apt {words}",
        wanted=f"{branch}, held",
        apply=f"nvidia_driver_apply_apt {words}",
        manager=Manager.APT,
        uses=(*USES, "nvidia_driver/apt.sh"),
    ).of("nvidia_driver")


def apply(machine: LocalConnection, goal: Goal) -> Result:
    work = replace(apply_work(0, goal), script=goal.apply)
    return machine.run(apply_script([work], stage="s", node="n", run_id="r", reboots=False))


def brought(machine: LocalConnection, goal: Goal) -> None:
    done = apply(machine, goal)
    assert done.status == 0, done.stdout + done.stderr
    assert said(machine, goal) == goal.wanted


def said(machine: LocalConnection, goal: Goal) -> str:
    (answer,) = read_answers(machine.run(probe_script([goal], "m4rk")).stdout, "m4rk", 1)
    assert not answer.error
    return answer.text.strip()


def installed(machine: LocalConnection) -> set[str]:
    listed = machine.run("dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\\n' '*nvidia*'").stdout
    states = (line.partition(" ") for line in listed.splitlines())
    return {package for state, _, package in states if state == "installed"}


@pytest.mark.parametrize("modules", ["open", "proprietary"])
@pytest.mark.parametrize("branch", ["580", "595"])
def test_the_packages_of_either_flavour_go_together(machine: LocalConnection, branch: str, modules: str) -> None:
    assert said(machine, driver(branch, modules)) == "absent"
    brought(machine, driver(branch, modules))


@pytest.mark.parametrize(
    ("before", "modules", "after"),
    [("580", "open", "595"), ("595", "open", "580"), ("580", "proprietary", "595"), ("595", "proprietary", "615")],
)
def test_nothing_of_another_branch_is_left(machine: LocalConnection, before: str, modules: str, after: str) -> None:
    """libnvidia-extra, which nothing asks for, is a person's."""
    brought(machine, driver(before, modules))
    if before == "595":
        machine.run(f"apt-get -qy install libnvidia-extra={NEW}-1ubuntu1")
        assert said(machine, driver(before, modules)) == "595, not held: libnvidia-extra"
    brought(machine, driver(after))
    version = next(each for each in (OLD, NEW, NEWEST) if each.startswith(after))
    assert {each for each in installed(machine) if version not in each} == set()
    assert any(each.startswith("libnvidia-extra ") for each in installed(machine)) is (after == "615")


def test_a_flavour_takes_the_other_s_place(machine: LocalConnection) -> None:
    brought(machine, driver("595", "proprietary"))
    brought(machine, driver("595"))
    assert not {each for each in installed(machine) if each.startswith(("nvidia-dkms ", "nvidia-kernel-source "))}


def test_a_package_of_another_branch_is_seen_and_taken_away(machine: LocalConnection) -> None:
    brought(machine, driver("595"))
    machine.run(f"apt-get -qy install nvidia-firmware-580-{OLD}")
    assert said(machine, driver("595")) == f"595 beside nvidia-firmware-580-{OLD}"
    brought(machine, driver("595"))


def with_the_older_kernel(machine: LocalConnection) -> None:
    """Held, as the driver's step leaves it, with its headers and metapackages."""
    first = " ".join(f"linux-{kind}=6.8.0-51.52" for kind in ("image-generic", "headers-generic"))
    machine.run(f"apt-get -qq update && apt-get -qy install {first}")
    brought(machine, driver("580"))


def test_the_inventorys_kernel_comes_beside_the_one_that_is_held(machine: LocalConnection) -> None:
    """driver.kernel: its goal, then the driver's step, which builds for that kernel and holds it too."""
    with_the_older_kernel(machine)
    chosen = choice("ubuntu-24.04", branch="580")
    names = (*kernel_packages(chosen, NEWER), *headers_packages(chosen, NEWER))
    kernel = packages(Manager.APT, names).of("nvidia_driver")
    assert "absent" in said(machine, kernel)
    done = apply(machine, kernel)
    assert done.status == 0, done.stdout + done.stderr
    assert "absent" not in said(machine, kernel)
    newer = driver("580", kernel=NEWER)
    assert said(machine, newer).startswith("580, not held: ")
    brought(machine, newer)
    assert said(machine, driver("580")) == "580, held"  # the older one can still be booted


def test_a_newer_kernel_comes_to_a_node_that_holds_its_own(machine: LocalConnection) -> None:
    """By the command that preflight tells; the driver's step then builds for it, and holds it."""
    with_the_older_kernel(machine)
    machine.run("apt-get -qy dist-upgrade")
    assert not machine.path(f"/usr/lib/modules/{NEWER}").exists()
    command = newest_kernel(replace(facts(GPU1), next_kernel=KERNEL))
    done = machine.run(f"set -e; {command.replace('apt-get', 'apt-get -qy')}")
    assert done.status == 0, done.stdout + done.stderr
    newer = driver("580", kernel=NEWER)
    assert said(machine, newer).startswith(f"580, not held: linux-headers-{NEWER} ")
    brought(machine, newer)

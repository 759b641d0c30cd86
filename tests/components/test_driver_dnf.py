"""The driver by dnf: its shell run for real on a copy-on-write view of this machine, with packages made here.

DKMS and modinfo are stand-ins: the first builds or fails as a file says, the second tells what the first built.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clustr.components.gpu_reload import USES
from clustr.engine.goal import Goal
from clustr.engine.makers import step
from clustr.engine.script import apply_script, apply_work, probe_script, read_answers
from clustr.families import Manager
from clustr.remote.connection import Result
from tests.fakes import LocalConnection

KERNEL = "6.12.0-124.el10.x86_64"
OLD, NEW = "580.173.02", "595.91.07"
NAMES = ("kmod-nvidia-open-dkms", "nvidia-driver-cuda", "nvidia-persistenced")
SPEC = """
Name: {name}
Epoch: {epoch}
Version: {version}
Release: 1.el10
Summary: stand-in for tests
License: none
BuildArch: noarch
{extra}
%description
Stand-in for tests.
%install
mkdir -p %{{buildroot}}
{install}
%files
{files}
"""
PLUGINS = "/etc/dnf/plugins"
LISTS = (
    f"cd %{{buildroot}}\nmkdir -p .{PLUGINS}\ntouch .{PLUGINS}/versionlock.list\n"
    f"printf '[main]\\nenabled = 1\\nlocklist = {PLUGINS}/versionlock.list\\n' >.{PLUGINS}/versionlock.conf"
)
DKMS = f"""#!/bin/bash
# stand-in for tests
while [ $# -gt 0 ]; do
  case $1 in -v) version=$2 ;; -k) kernel=$2 ;; --dkmstree) tree=$2 ;; build | install) act=$1 ;; esac
  shift
done
tree=${{tree:-/var/lib/dkms}}
mkdir -p "$tree/nvidia-open/$version/build"
if [ -e /var/tmp/broken ]; then
  echo "error: these headers are broken on purpose" >"$tree/nvidia-open/$version/build/make.log"
  exit 10
fi
if [ "$act" = install ]; then
  mkdir -p "/lib/modules/$kernel/extra"
  echo "$version" >"/lib/modules/{KERNEL}/extra/nvidia.ko"
fi
"""
MODINFO = '#!/bin/bash\n# stand-in for tests\nexec cat "${@: -1}"\n'


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rpm")
    for version in (OLD, NEW):
        source = f"/usr/src/nvidia-open-{version}"
        conf = f"{source}/dkms.conf"
        install = (
            f'mkdir -p %{{buildroot}}{source}\nprintf \'PACKAGE_NAME="nvidia-open"\\nPACKAGE_VERSION="{version}"\\n\''
        )
        build(folder, NAMES[0], version, install=f"{install} >%{{buildroot}}{conf}", files=source)
        build(folder, NAMES[1], version, extra=f"Requires: {NAMES[0]} = 3:{version}")
        build(folder, NAMES[2], version)
        build(folder, "nvidia-container-toolkit", "1.20.1")
    build(folder, "locking", "4.3", extra="Provides: dnf-command(versionlock) /bin/sh", install=LISTS, files=PLUGINS)
    subprocess.run(["createrepo_c", "--quiet", str(folder)], check=True, capture_output=True)
    return folder


MODULE = """---
document: modulemd
version: 2
data:
  name: nvidia-driver
  stream: {branch}-open
  version: 1
  context: tests
  arch: noarch
  summary: stand-in for tests
  description: stand-in for tests
  license: {{module: [none]}}
  dependencies: [{{}}]
  artifacts:
    rpms: [{artifacts}]
...
"""


@pytest.fixture(scope="module")
def streams(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same packages as EL 9 has them: a branch is there once its stream is enabled."""
    folder = shutil.copytree(repository, tmp_path_factory.mktemp("streams") / "rpm")
    modules = folder / "modules.yaml"
    text = ""
    for version in (OLD, NEW):
        artifacts = ", ".join(f'"{name}-3:{version}-1.el10.noarch"' for name in NAMES)
        text += MODULE.format(branch=version.partition(".")[0], artifacts=artifacts)
    modules.write_text(text)
    command = ["modifyrepo_c", "--mdtype=modules", str(modules), str(folder / "repodata")]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def build(folder: Path, name: str, version: str, *, extra: str = "", install: str = "", files: str = "") -> None:
    spec = folder / f"{name}-{version}.spec"
    epoch = 3 if "nvidia-" in name else 0
    spec.write_text(SPEC.format(name=name, version=version, epoch=epoch, extra=extra, install=install, files=files))
    command = ["rpmbuild", "-bb", "--quiet", "--define", f"_topdir {folder}/build", str(spec)]
    subprocess.run(command, check=True, capture_output=True)
    for made in (folder / "build/RPMS/noarch").iterdir():
        shutil.copy(made, folder)


@pytest.fixture
def machine(repository: Path) -> Iterator[LocalConnection]:
    with LocalConnection() as found:
        reads(found, repository)
        found.write("/etc/dnf/vars/releasever", "10\n")
        found.write("/etc/dnf/plugins/local.conf", "[main]\nenabled = false\n")
        for name, text in {"dkms": DKMS, "modinfo": MODINFO}.items():
            found.write(f"/usr/local/sbin/{name}", text, 0o755)
        found.path("/var/lib/clustr").mkdir(parents=True)
        found.path(f"/usr/lib/modules/{KERNEL}").mkdir(parents=True)
        yield found


def reads(machine: LocalConnection, repository: Path) -> None:
    listing = f"[tests]\nname=tests\nbaseurl=file://{repository}\ngpgcheck=0\n"
    machine.write("/etc/yum.repos.d/tests.repo", listing)


def driver(branch: int, *, streams: bool = False) -> Goal:
    """By locks, as on EL 10, or by streams, as on EL 9."""
    words = " ".join(NAMES)
    stream, lock = (f"nvidia-driver:{branch}-open", "''") if streams else ("''", f"'*nvidia*{branch}*'")
    return step(
        "driver",
        probe=f"nvidia_driver_probe_dnf {branch} {KERNEL} {stream} {words}",
        wanted=f"{branch}, held",
        apply=f"nvidia_driver_apply_dnf {branch} {KERNEL} {stream} {lock} {words}",
        manager=Manager.DNF,
        uses=(*USES, "nvidia_driver/dnf.sh"),
    ).of("nvidia_driver")


def apply(machine: LocalConnection, goal: Goal) -> Result:
    work = replace(apply_work(0, goal), script=goal.apply)
    return machine.run(apply_script([work], stage="s", node="n", run_id="r", reboots=False))


def said(machine: LocalConnection, goal: Goal) -> str:
    (answer,) = read_answers(machine.run(probe_script([goal], "m4rk")).stdout, "m4rk", 1)
    assert not answer.error
    return answer.text.strip()


def versions(machine: LocalConnection) -> dict[str, str]:
    listed = machine.run("rpm -qa --qf '%{NAME} %{VERSION}\\n'").stdout.splitlines()
    return dict(line.split() for line in listed if "nvidia" in line)


def installed(machine: LocalConnection) -> None:
    done = apply(machine, driver(580))
    assert done.status == 0, done.stdout + done.stderr


def test_the_branch_that_is_wanted_is_installed_built_and_held(machine: LocalConnection) -> None:
    assert said(machine, driver(580)) == "absent"
    installed(machine)
    assert versions(machine) == dict.fromkeys(NAMES, OLD)
    assert said(machine, driver(580)) == "580, held"
    machine.run("dnf -y -q upgrade")
    assert versions(machine) == dict.fromkeys(NAMES, OLD)


def test_what_is_not_the_driver_s_is_not_held(machine: LocalConnection) -> None:
    machine.run("dnf -y -q install nvidia-container-toolkit")
    installed(machine)
    assert "container" not in machine.path("/etc/dnf/plugins/versionlock.list").read_text()


def test_the_next_branch_takes_its_place(machine: LocalConnection) -> None:
    installed(machine)
    assert said(machine, driver(595)) == OLD
    done = apply(machine, driver(595))
    assert done.status == 0, done.stdout + done.stderr
    assert versions(machine) == dict.fromkeys(NAMES, NEW)
    assert said(machine, driver(595)) == "595, held"
    assert said(machine, driver(580)) == NEW
    assert apply(machine, driver(580)).status == 0
    assert versions(machine) == dict.fromkeys(NAMES, OLD)


def test_modules_that_do_not_build_leave_the_old_driver(machine: LocalConnection) -> None:
    installed(machine)
    locks = machine.path("/etc/dnf/plugins/versionlock.list").read_text()
    machine.write("/var/tmp/broken", "")
    done = apply(machine, driver(595))
    assert done.status != 0
    assert "these headers are broken on purpose" in done.stdout + done.stderr
    assert versions(machine) == dict.fromkeys(NAMES, OLD)
    assert machine.path("/etc/dnf/plugins/versionlock.list").read_text() == locks
    assert said(machine, driver(580)) == "580, held"


def test_a_branch_that_no_repository_has_is_refused(machine: LocalConnection) -> None:
    installed(machine)
    done = apply(machine, driver(570))
    assert done.status != 0
    assert "wanted: branch 570" in done.stdout + done.stderr
    assert said(machine, driver(580)) == "580, held"


def test_a_lost_lock_and_a_lost_module_are_seen(machine: LocalConnection) -> None:
    installed(machine)
    machine.path("/etc/dnf/plugins/versionlock.list").write_text("")
    assert said(machine, driver(580)).startswith("580, not held: ")
    assert apply(machine, driver(580)).status == 0
    machine.run(f"rm /lib/modules/{KERNEL}/extra/nvidia.ko")
    assert said(machine, driver(580)) == f"580, held, no module for the kernel {KERNEL}"


def stream(machine: LocalConnection) -> str:
    path = machine.path("/etc/dnf/modules.d/nvidia-driver.module")
    found = re.search(r"^stream=(.*)", path.read_text(), re.MULTILINE) if path.exists() else None
    return found[1] if found else ""


def test_a_branch_goes_by_its_stream(machine: LocalConnection, streams: Path) -> None:
    reads(machine, streams)
    for branch, version in ((580, OLD), (595, NEW), (580, OLD)):
        done = apply(machine, driver(branch, streams=True))
        assert done.status == 0, done.stdout + done.stderr
        assert versions(machine) == dict.fromkeys(NAMES, version)
        assert said(machine, driver(branch, streams=True)) == f"{branch}, held"
        assert stream(machine) == f"{branch}-open"
    assert said(machine, driver(595, streams=True)) == OLD


def test_a_stream_whose_modules_do_not_build_is_left_again(machine: LocalConnection, streams: Path) -> None:
    reads(machine, streams)
    assert apply(machine, driver(580, streams=True)).status == 0
    machine.write("/var/tmp/broken", "")
    assert apply(machine, driver(595, streams=True)).status != 0
    assert (versions(machine), stream(machine)) == (dict.fromkeys(NAMES, OLD), "580-open")
    assert said(machine, driver(580, streams=True)) == "580, held"


def test_a_first_run_that_fails_leaves_neither_lock_nor_stream(machine: LocalConnection, streams: Path) -> None:
    """The driver that is there is a person's, whom nothing of ours may keep from an upgrade."""
    machine.run(f"rm {PLUGINS}/versionlock.list && echo '[main]\nenabled = 0' >{PLUGINS}/versionlock.conf")
    machine.run(f"dnf -y -q install {' '.join(f'{name}-{OLD}' for name in NAMES)}")
    machine.write(f"/usr/lib/modules/{KERNEL}/extra/nvidia.ko", OLD)
    machine.write("/var/tmp/broken", "")
    done = apply(machine, driver(595))
    assert "do not build for the kernel" in done.stdout + done.stderr
    assert "595" not in machine.path("/etc/dnf/plugins/versionlock.list").read_text()
    assert machine.run("dnf -q repoquery locking").status == 0
    reads(machine, streams)
    assert apply(machine, driver(595, streams=True)).status != 0
    assert stream(machine) == ""

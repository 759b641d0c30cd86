"""dnf's shell, run for real on a copy-on-write view of this machine, with packages and repositories made here."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clustr.engine.goal import Goal
from clustr.engine.makers import packages, signing_key
from clustr.engine.script import apply_script, apply_work, probe_script, read_answers
from clustr.families import Manager
from clustr.remote.connection import Result
from tests.fakes import LocalConnection

SPEC = """
Name: {name}
Version: {version}
Release: 1
Summary: For tests
License: none
BuildArch: noarch
{extra}
%description
For tests.
%install
install -d %{{buildroot}}/usr/share/{name}
echo {version} >%{{buildroot}}/usr/share/{name}/version
%files
/usr/share/{name}
%post
echo begun >>/var/tmp/{name}.post
{post}
echo ended >>/var/tmp/{name}.post
"""
CUT = "if [ -e /var/tmp/cut ]; then rm /var/tmp/cut; kill -9 $PPID; sleep 1; exit 1; fi"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packages with a script, two curls that stand in each other's way, one that is cut, and dnf's own plugin."""
    folder = tmp_path_factory.mktemp("rpm")
    wanted = [
        ("plain", "1.0", "", ""),
        ("curl", "8.1", "Conflicts: curl-minimal", ""),
        ("curl-minimal", "8.1", "Provides: curl = 8.1", ""),
        ("cut", "1.0", "Requires: plain", CUT),
        ("locking", "4.3", "Provides: dnf-command(versionlock) /bin/sh", ""),
    ]
    build(folder, wanted)
    return folder


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second repository, with a newer version and one package more."""
    folder = tmp_path_factory.mktemp("newer")
    build(folder, [("plain", "2.0", "", ""), ("later", "1.0", "", "")])
    return folder


def build(folder: Path, wanted: list[tuple[str, str, str, str]]) -> None:
    for name, version, extra, post in wanted:
        spec = folder / f"{name}.spec"
        spec.write_text(SPEC.format(name=name, version=version, extra=extra, post=post))
        run("rpmbuild", "-bb", "--quiet", "--define", f"_topdir {folder}/build", str(spec))
    for made in (folder / "build/RPMS/noarch").iterdir():
        shutil.copy(made, folder)
    run("createrepo_c", "--quiet", str(folder))


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def machine(repository: Path) -> Iterator[LocalConnection]:
    with LocalConnection() as found:
        found.write(
            "/etc/yum.repos.d/tests.repo", f"[tests]\nname=tests\nbaseurl=file://{repository}\ngpgcheck=0\n", 0o644
        )
        # As on Enterprise Linux: there is a release, and the plugin that keeps packages is off.
        found.write("/etc/dnf/vars/releasever", "9\n")
        found.write("/etc/dnf/plugins/local.conf", "[main]\nenabled = false\n")
        found.path("/var/lib/clustr").mkdir(parents=True)
        yield found


def wanting(*names: str, hold: bool = False) -> Goal:
    return packages(Manager.DNF, names, hold=hold).of("base_os")


def apply(machine: LocalConnection, *goals: Goal, first: str = "") -> Result:
    """As the engine does it; `first` comes right before the first goal."""
    works = [replace(apply_work(place, goal), script=goal.apply) for place, goal in enumerate(goals)]
    works[0] = replace(works[0], script=f"{first}\n{works[0].script}")
    return machine.run(apply_script(works, stage="s", node="n", run_id="r", reboots=False))


def said(machine: LocalConnection, goal: Goal) -> list[str]:
    (answer,) = read_answers(machine.run(probe_script([goal], "m4rk")).stdout, "m4rk", 1)
    assert not answer.error
    return answer.text.split("\n")[:-1]


def test_packages_are_installed_once_and_stay(machine: LocalConnection) -> None:
    goal = wanting("plain", "locking")
    assert said(machine, goal) == ["plain absent", "locking absent"]
    for _ in range(2):
        done = apply(machine, goal)
        assert done.status == 0, done.stderr
    assert said(machine, goal) == ["plain installed", "locking installed"]
    assert machine.path("/var/tmp/plain.post").read_text() == "begun\nended\n"


def test_what_another_package_provides_is_there(machine: LocalConnection) -> None:
    apply(machine, wanting("curl-minimal"))
    assert said(machine, wanting("curl", "curl-minimal-8.1-1.noarch")) == [
        "curl installed",
        "curl-minimal-8.1-1.noarch installed",
    ]


def test_a_package_whose_place_another_takes_is_no_hindrance(machine: LocalConnection) -> None:
    """As in images of Enterprise Linux 9, which have curl-minimal."""
    apply(machine, wanting("curl-minimal"))
    goal = wanting("curl", "plain")
    done = apply(machine, goal)
    assert done.status == 0, done.stdout + done.stderr
    assert said(machine, goal) == ["curl installed", "plain installed"]
    assert machine.run("rpm -q curl-minimal").stdout == "curl-minimal-8.1-1.noarch\n"


def test_a_package_that_no_repository_has_is_said_by_dnf(machine: LocalConnection) -> None:
    done = apply(machine, wanting("no-such-package"))
    assert done.status != 0
    assert "no-such-package" in done.stdout + done.stderr
    assert said(machine, wanting("no-such-package")) == ["absent"]


def with_newer(machine: LocalConnection, newer: Path) -> None:
    machine.write("/etc/yum.repos.d/newer.repo", f"[newer]\nname=newer\nbaseurl=file://{newer}\ngpgcheck=0\n")


def test_a_new_repository_is_read_at_once(machine: LocalConnection, newer: Path) -> None:
    apply(machine, wanting("plain"))
    with_newer(machine, newer)
    assert apply(machine, wanting("later")).status == 0
    assert said(machine, wanting("later")) == ["installed"]


def test_a_held_package_keeps_its_version_until_clustr_changes_it(machine: LocalConnection, newer: Path) -> None:
    held = wanting("plain", hold=True)
    done = apply(machine, held)
    assert done.status == 0, done.stderr
    assert said(machine, held) == ["held"]
    with_newer(machine, newer)
    machine.run("dnf -y -q upgrade")
    assert machine.run("rpm -q plain").stdout == "plain-1.0-1.noarch\n"
    machine.run("dnf -y -q --disableplugin=versionlock upgrade plain")
    assert said(machine, held) == ["installed"]  # the lock is on a version that is gone
    assert apply(machine, held).status == 0
    assert said(machine, held) == ["held"]
    assert machine.path("/etc/dnf/plugins/versionlock.list").read_text().count("plain-") == 1


def test_a_cut_transaction_is_seen_and_its_packages_are_installed_whole(machine: LocalConnection) -> None:
    goal = wanting("cut")
    done = apply(machine, goal, first="touch /var/tmp/cut")
    assert done.status != 0
    assert machine.run("rpm -q cut").stdout == "cut-1.0-1.noarch\n", "rpm itself tells no difference"
    assert said(machine, goal) == ["half installed"]
    done = apply(machine, goal)
    assert done.status == 0, done.stderr
    assert "::status mending what a cut installation left" in done.stdout
    assert said(machine, goal) == ["installed"]
    assert machine.path("/var/tmp/cut.post").read_text() == "begun\nbegun\nended\n"
    assert machine.path("/var/tmp/plain.post").read_text().count("ended") == 2, "what it required, too"


def test_of_two_versions_that_a_cut_left_the_older_goes(machine: LocalConnection, newer: Path) -> None:
    apply(machine, wanting("plain"))
    with_newer(machine, newer)
    left = f"rpm -i --justdb --nodeps --force {newer}/plain-2.0-1.noarch.rpm; date +%s >$clustr/packages-unfinished"
    done = apply(machine, wanting("plain"), first=left)
    assert done.status == 0, done.stderr
    assert machine.run("rpm -q plain; cat /usr/share/plain/version").stdout == "plain-2.0-1.noarch\n2.0\n"


@pytest.mark.parametrize(
    "holding",
    [
        "sleep 2 & printf %s $! >/var/lib/dnf/rpmdb_lock.pid",  # as dnf, without a newline
        'mkdir -p /var/lib/rpm; python3 -c \'import fcntl, time; lock = open("/var/lib/rpm/.rpm.lock", "w"); '
        "fcntl.lockf(lock, fcntl.LOCK_EX); time.sleep(2)' & sleep 0.5",
    ],
    ids=["dnf", "rpm"],
)
def test_a_lock_is_waited_for_and_its_holder_named(machine: LocalConnection, holding: str) -> None:
    done = apply(machine, wanting("plain"), first=f"mkdir -p /var/lib/dnf; {holding}")
    assert done.status == 0, done.stderr
    assert re.search(r"::status waiting for the package lock \((sleep|python3), pid \d+\)", done.stdout)
    assert said(machine, wanting("plain")) == ["installed"]


@pytest.mark.parametrize("left", ["printf 4194303", "head -c 5 /dev/zero"], ids=["pid", "zeros"])
def test_a_lock_of_a_process_that_is_gone_holds_nothing_up(machine: LocalConnection, left: str) -> None:
    done = apply(machine, wanting("plain"), first=f"mkdir -p /var/lib/dnf; {left} >/var/lib/dnf/rpmdb_lock.pid")
    assert done.status == 0, done.stderr
    assert "waiting" not in done.stdout


def test_a_lock_from_before_the_boot_holds_nothing_up_though_another_process_has_its_pid_now(
    machine: LocalConnection,
) -> None:
    lock = "/var/lib/dnf/rpmdb_lock.pid"
    left = f"sleep 60 >/dev/null 2>&1 & printf %s $! | tee /var/tmp/other >{lock}; touch -d '1 hour ago' {lock}"
    done = apply(machine, wanting("plain"), first=f"mkdir -p /var/lib/dnf; {left}")
    assert done.status == 0, done.stderr
    assert "waiting" not in done.stdout
    os.kill(int(machine.path("/var/tmp/other").read_text()), signal.SIGKILL)  # it was not waited for: it still runs


def test_modules_of_another_kernel_are_not_taken(machine: LocalConnection) -> None:
    goal = replace(wanting("plain-6.12.0-1.x86_64"), apply="apply_kernel_package plain 6.12.0-1.x86_64")
    done = apply(machine, goal)
    assert done.status != 0
    assert "no repository has plain for the running kernel 6.12.0-1.x86_64 any more: dnf upgrade kernel" in done.stderr


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Two keys, and a file that has both."""
    home = tmp_path_factory.mktemp("gnupg")
    home.chmod(0o700)
    gpg = ("gpg", "--homedir", str(home), "--batch", "--quiet")
    for name in ("ours", "theirs"):
        run(*gpg, "--passphrase", "", "--quick-gen-key", f"{name} <{name}@example.com>", "rsa2048", "sign", "never")
        (home / f"{name}.key").write_text(run(*gpg, "--armor", "--export", f"{name}@example.com"))
    (home / "both.key").write_text(run(*gpg, "--armor", "--export"))
    yield {name: home / f"{name}.key" for name in ("ours", "theirs", "both")}
    run("gpgconf", "--homedir", str(home), "--kill", "all")


def fingerprint(key: Path) -> str:
    listed = run("gpg", "--homedir", str(key.parent), "--with-colons", "--show-keys", str(key))
    return next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))


def test_only_the_key_with_the_pinned_fingerprint_is_taken(
    machine: LocalConnection, keys: dict[str, Path], repository: Path
) -> None:
    path = "/etc/pki/rpm-gpg/RPM-GPG-KEY-tests"
    goal = signing_key(Manager.DNF, path, url="https://x/key", fingerprint=fingerprint(keys["ours"])).of("selinux")
    assert said(machine, goal) == ["absent"]
    for wrong in (keys["theirs"], keys["both"], repository / "plain.spec"):
        done = apply(machine, goal, first=f'fetch() {{ mkdir -p -- "${{2%/*}}"; cp {wrong} "$2"; }}')
        assert done.status != 0
        assert "nothing signed with it is installed" in done.stderr
        assert not machine.path(path).exists()
    done = apply(machine, goal, first=f'fetch() {{ mkdir -p -- "${{2%/*}}"; cp {keys["ours"]} "$2"; }}')
    assert done.status == 0, done.stderr
    assert said(machine, goal) == [goal.wanted]
    machine.write(path, keys["both"].read_text())
    assert said(machine, goal) == ["2 keys"]


def test_a_package_that_its_key_did_not_sign_is_not_installed(
    machine: LocalConnection, keys: dict[str, Path], repository: Path, tmp_path: Path
) -> None:
    apply(machine, wanting("locking"))  # has the shell that scripts of packages need
    for name in ("ours", "theirs"):
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(repository / "plain-1.0-1.noarch.rpm", folder)
        define = ("__gpg /usr/bin/gpg", f"_gpg_name {name}@example.com", f"_gpg_path {keys[name].parent}")
        macros = [word for each in define for word in ("--define", each)]
        run("rpmsign", *macros, "--addsign", str(folder / "plain-1.0-1.noarch.rpm"))
        run("createrepo_c", "--quiet", str(folder))
        body = f"[tests]\nname=tests\nbaseurl=file://{folder}\ngpgcheck=1\ngpgkey=file://{keys['ours']}\n"
        machine.write("/etc/yum.repos.d/tests.repo", body)
        done = apply(
            machine, wanting("plain"), first="rm -f $clustr/lists-read; dnf -q clean all; rpm -e plain || true"
        )
        assert (done.status == 0) is (name == "ours"), done.stdout + done.stderr
    assert said(machine, wanting("plain")) == ["absent"]

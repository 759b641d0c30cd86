"""The shell of package sources and trust, run for real on a copy-on-write view of this machine."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from clustr.engine.makers import sha256
from clustr.templates import text
from tests.fakes import LocalConnection

MIRROR = (
    "debian https://m.example.com/debian debian-security http://s.example.com/sec ubuntu https://m.example.com/ubuntu"
)
FALLBACK = "Types: deb\nURIs: https://m.example.com/debian\nSuites: bookworm\nComponents: main"

LIST = """# the installer's
deb http://deb.debian.org/debian/ bookworm main contrib
deb-src [signed-by=/usr/share/keyrings/x.gpg arch=amd64]  http://ftp.de.debian.org/debian bookworm-updates main
deb http://security.debian.org/debian-security bookworm-security main
#deb http://deb.debian.org/debian bookworm-backports main
deb https://download.docker.com/linux/debian bookworm stable
deb https://deb.nodesource.com/node_20.x nodistro main
"""
LIST_AFTER = """# the installer's
deb https://m.example.com/debian bookworm main contrib
deb-src [signed-by=/usr/share/keyrings/x.gpg arch=amd64]  https://m.example.com/debian bookworm-updates main
deb http://s.example.com/sec bookworm-security main
#deb http://deb.debian.org/debian bookworm-backports main
deb https://download.docker.com/linux/debian bookworm stable
deb https://deb.nodesource.com/node_20.x nodistro main
"""
DEB822 = """Types: deb deb-src
URIs: mirror+file:///etc/apt/mirrors/debian.list
Suites: trixie trixie-updates
Components: main

# two of one archive
Types: deb
URIs: http://archive.ubuntu.com/ubuntu http://security.ubuntu.com/ubuntu/
Suites: noble-security
Components: main universe
Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg

Types: deb
URIs: https://download.docker.com/linux/ubuntu
Suites: noble
Components: stable
"""
DEB822_AFTER = DEB822.replace("mirror+file:///etc/apt/mirrors/debian.list", "https://m.example.com/debian").replace(
    "http://archive.ubuntu.com/ubuntu http://security.ubuntu.com/ubuntu/", "https://m.example.com/ubuntu"
)

# As in rocky-release, almalinux-release and epel-release for 9.
REPO = """[baseos]
name=Rocky Linux $releasever - BaseOS
mirrorlist=https://mirrors.rockylinux.org/mirrorlist?arch=$basearch&repo=BaseOS-$releasever$rltype
#baseurl=http://dl.rockylinux.org/$contentdir/$releasever/BaseOS/$basearch/os/
gpgcheck=1
enabled=1

[extras]
# baseurl=https://repo.almalinux.org/almalinux/$releasever/extras/$basearch/os/
mirrorlist=https://mirrors.almalinux.org/mirrorlist/$releasever/extras
enabled=1

[vendor]
baseurl=https://vendor.example.com/el9
enabled=1
"""
REPO_AFTER = """[baseos]
name=Rocky Linux $releasever - BaseOS
#mirrorlist=https://mirrors.rockylinux.org/mirrorlist?arch=$basearch&repo=BaseOS-$releasever$rltype
baseurl=https://m.example.com/rocky/$releasever/BaseOS/$basearch/os/
sslcacert=/ca.pem
proxy=
gpgcheck=1
enabled=1

[extras]
baseurl=https://m.example.com/alma/$releasever/extras/$basearch/os/
sslcacert=/ca.pem
proxy=
#mirrorlist=https://mirrors.almalinux.org/mirrorlist/$releasever/extras
enabled=1

[vendor]
baseurl=https://vendor.example.com/el9
enabled=1
"""
DNF_PAIRS = (
    "dl.rockylinux.org/pub/rocky https://m.example.com/rocky repo.almalinux.org/almalinux https://m.example.com/alma"
)


@pytest.fixture
def machine() -> Iterator[LocalConnection]:
    with LocalConnection() as found:
        bash(found, "rm -rf /etc/apt/sources.list* /etc/yum.repos.d /etc/dnf; mkdir -p /etc/apt/sources.list.d")
        yield found


def bash(machine: LocalConnection, script: str, component: str = "package_source") -> str:
    functions = "\n".join(text(name) for name in ("engine/probes.sh", "engine/applies.sh", f"{component}/functions.sh"))
    done = machine.run(f"set -Eeuo pipefail\n{functions}\nmain() {{\n{script}\n}}\nmain\n")
    assert done.status == 0, done.stderr
    return done.stdout


def put(machine: LocalConnection, path: str, content: str) -> None:
    bash(machine, f"mkdir -p $(dirname {path})\ncat >{path} <<'END'\n{content}END")


def sources(
    machine: LocalConnection, what: str, pairs: str = MIRROR, manager: str = "apt", given: str = FALLBACK
) -> str:
    return bash(machine, f"package_source_{what}_sources {manager} {pairs} <<'END'\n{given}\nEND").strip()


ONE_LINE, STANZAS, REPOSITORY = "/etc/apt/sources.list", "/etc/apt/sources.list.d/d.sources", "/etc/yum.repos.d/r.repo"


def test_the_distributions_sources_are_at_the_mirror_and_come_back(machine: LocalConnection) -> None:
    put(machine, ONE_LINE, LIST)
    put(machine, STANZAS, DEB822)
    assert "http://ftp.de.debian.org/debian" in sources(machine, "probe").splitlines()
    for _ in range(2):
        sources(machine, "apply")
        assert sources(machine, "probe") == "the mirror alone"
        assert bash(machine, f"cat {ONE_LINE}") == LIST_AFTER
        assert bash(machine, f"cat {STANZAS}") == DEB822_AFTER
    # apt itself reads them so.
    sites = set(bash(machine, "apt-get indextargets --no-release-info --format '$(SITE)'").split())
    assert {"https://m.example.com/debian", "http://s.example.com/sec", "https://m.example.com/ubuntu"} <= sites
    assert not {site for site in sites if "debian.org" in site or "ubuntu.com" in site}
    bash(machine, "package_source_undo_sources")
    assert bash(machine, f"cat {ONE_LINE} {STANZAS}; ls -A /etc/apt/sources.list.d") == f"{LIST}{DEB822}d.sources\n"


def test_another_mirror_takes_the_place_of_the_first_whatever_its_path(machine: LocalConnection) -> None:
    put(machine, ONE_LINE, LIST)
    sources(machine, "apply", "debian https://one.example.com/remote/deb")
    assert sources(machine, "probe", "debian https://two.example.com/x") != "the mirror alone"
    sources(machine, "apply", "debian https://two.example.com/x")
    now = bash(machine, f"cat {ONE_LINE}")
    assert "one.example.com" not in now
    assert now.count("https://two.example.com/x") == 2
    assert "security.debian.org" in now  # not named, not touched
    bash(machine, "package_source_undo_sources")
    assert bash(machine, f"cat {ONE_LINE}") == LIST


def test_what_was_cut_in_the_middle_is_done_again(machine: LocalConnection) -> None:
    """After the original is kept, and after it is noted: both before the new file is there."""
    for cut in ("keep_original", "note"):
        put(machine, ONE_LINE, LIST)
        noted = f"echo {ONE_LINE} >>$clustr/sources-replaced" if cut == "note" else ":"
        bash(machine, f"keep_original {ONE_LINE}; {noted}")
        sources(machine, "apply")
        assert bash(machine, f"cat {ONE_LINE}") == LIST_AFTER
        bash(machine, "package_source_undo_sources")
        assert bash(machine, f"cat {ONE_LINE}") == LIST


def test_a_list_of_other_places_too_is_left_alone_however_long_it_is(machine: LocalConnection) -> None:
    mixed = "".join(f"deb http://deb.example.com/{number:04}/debian bookworm main\n" for number in range(3000))
    mixed += "deb https://vendor.example.com/repos bookworm main\n"
    put(machine, "/etc/apt/sources.list.d/mixed.list", mixed)
    ours = "/etc/apt/sources.list.d/ours.sources"
    act = f"apply_only_source vendor.example.com/repos {ours} 2>&1 || echo refused"
    said = bash(machine, f"{text('engine/apt.sh')}\n{act}")
    assert said.startswith("/etc/apt/sources.list.d/mixed.list names vendor.example.com/repos among other places")
    assert said.endswith("refused\n")
    assert machine.path("/etc/apt/sources.list.d/mixed.list").read_text() == mixed


def test_a_system_without_any_source_gets_one(machine: LocalConnection) -> None:
    assert sources(machine, "probe") == "no source"
    sources(machine, "apply")
    assert sources(machine, "probe") == "the mirror alone"
    bash(machine, "package_source_undo_sources")
    assert bash(machine, "ls -A /etc/apt/sources.list.d") == ""


def test_lists_are_read_anew_after_both(machine: LocalConnection) -> None:
    put(machine, ONE_LINE, LIST)
    for script in (f"package_source_apply_sources apt {MIRROR} </dev/null", "package_source_undo_sources"):
        assert bash(machine, f"mkdir -p $clustr; touch $clustr/lists-read; {script}; ls $clustr").find("lists-read") < 0


def test_repositories_of_dnf_are_at_the_mirror_and_come_back(machine: LocalConnection) -> None:
    put(machine, REPOSITORY, REPO)
    given = "sslcacert=/ca.pem\nproxy="
    assert "mirrors.rockylinux.org" in sources(machine, "probe", DNF_PAIRS, "dnf")
    for _ in range(2):
        sources(machine, "apply", DNF_PAIRS, "dnf", given)
        assert bash(machine, f"cat {REPOSITORY}") == REPO_AFTER
        assert sources(machine, "probe", DNF_PAIRS, "dnf") == "the mirror alone"
    bash(machine, "package_source_undo_sources")
    assert bash(machine, f"cat {REPOSITORY}") == REPO


DNF_CONF = "[main]\ngpgcheck=1\nproxy=http://old.example.com:1\ninstallonly_limit=3\n"
PROXY = "proxy=http://p.example.com:3128\n"
LOGIN = f"{PROXY}proxy_username=clustr\nproxy_password=secret\n"


def test_the_proxy_of_dnf_is_in_main_and_what_was_there_comes_back(machine: LocalConnection) -> None:
    put(machine, "/etc/dnf/dnf.conf", DNF_CONF)
    for lines, mode in ((LOGIN, "600"), (PROXY, "644")):
        bash(machine, f"package_source_apply_dnf_proxy <<'END'\n{lines}END")
        assert bash(machine, "package_source_probe_dnf_proxy").strip() == sha256(lines)
        now = bash(machine, "cat /etc/dnf/dnf.conf; stat -c %a /etc/dnf/dnf.conf")
        assert now == (
            f"[main]\n# clustr begin\n{lines}# clustr end\ngpgcheck=1\n"
            f"# clustr: proxy=http://old.example.com:1\ninstallonly_limit=3\n{mode}\n"
        )
    bash(machine, "package_source_apply_dnf_proxy </dev/null")
    assert bash(machine, "cat /etc/dnf/dnf.conf") == DNF_CONF


def certificates(folder: Path, *names: str) -> str:
    for name in names:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", f"/CN={name}", "-keyout", "key.pem", "-out", f"{name}.pem"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
    return "".join((folder / f"{name}.pem").read_text() for name in names)


def test_each_certificate_of_the_file_is_trusted_by_the_system_until_it_is_taken_back(
    machine: LocalConnection, tmp_path: Path
) -> None:
    both = certificates(tmp_path, "one", "two")
    asked = f"base_os_probe_trust apt {sha256(both)}"
    verify = [f"openssl verify /{name}.pem" for name in ("one", "two")]
    for name in ("one", "two"):
        put(machine, f"/{name}.pem", (tmp_path / f"{name}.pem").read_text())
    assert bash(machine, asked, "base_os").strip() == "absent"
    bash(machine, f"base_os_apply_trust apt <<'END'\n{both}END", "base_os")
    assert bash(machine, asked, "base_os").strip() == "trusted"
    for each in verify:
        assert ": OK" in bash(machine, each, "base_os")
    other = f"base_os_probe_trust apt {sha256('other')}"
    assert bash(machine, other, "base_os").strip() == "another CA"
    gone = "sed -i '/BEGIN/,/END/d' /etc/ssl/certs/ca-certificates.crt"
    assert bash(machine, f"{gone}; {asked}", "base_os").strip() == "not in the bundle"
    bash(machine, "base_os_undo_trust apt", "base_os")
    assert bash(machine, asked, "base_os").strip() == "absent"
    assert bash(machine, f"{verify[0]} 2>&1 || echo refused", "base_os").splitlines()[-1] == "refused"

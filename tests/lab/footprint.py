"""What labs could leave behind on the machine that carries them, in a form that two moments can be compared by.

Other labs may come and go meanwhile; what carries the name of one that is not `own` is theirs.
"""

from __future__ import annotations

import subprocess
from collections.abc import Collection
from pathlib import Path

from clustr import lab as labs
from clustr.lab import cgroups
from clustr.lab.model import LABS
from clustr.lab.mounts import mounts

SELF_MOVING = {"kernel/ns_last_pid", "kernel/random", "fs/dentry-state", "fs/inode-nr", "fs/inode-state", "fs/file-nr"}

PROGRAMS = ("clustr", "nspawn", "chronyd", "mmdebstrap", "apt", "dpkg", "openssl", "ssh", "nsenter", "setsid", "chroot")

Footprint = dict[str, set[str]]


def footprint(own: Collection[str]) -> Footprint:
    """Mounts, links, firewall rules, cgroups and processes, those of other labs than `own` left out."""
    theirs = _marks_of_others(own)
    found = {
        "mounts": _mounts(),
        "links": {line for line in _words("ip", "-o", "link", "show") if not _of_another_node(line, own)},
        "nftables": _tables(),
        "iptables": _words("iptables-save") | _words("ip6tables-save"),
        "cgroups": {f"{path}/" for root in cgroups.hierarchies() for path in (root / "clustr-lab").rglob("*/")},
        "processes": _processes(),
    }
    theirs |= _marks_of_others(own)  # one may have come meanwhile
    return {kind: {line for line in lines if not any(mark in line for mark in theirs)} for kind, lines in found.items()}


def _marks_of_others(own: Collection[str]) -> set[str]:
    """What is in every line about another lab: its folder, cgroup, links and table."""
    others = [lab for lab in labs.all_labs() if lab.name not in own]
    marks = {f"{LABS}/{lab.name}/" for lab in others} | {f"clustr-lab/{lab.name}/" for lab in others}
    marks |= {f"{bridge}:" for lab in others for bridge in (lab.bridge, lab.internal_bridge)}
    marks |= {f"master {bridge} " for lab in others for bridge in (lab.bridge, lab.internal_bridge)}
    return marks | {f"table ip clustr_lab_{lab.number} " for lab in others}


def _of_another_node(link: str, own: Collection[str]) -> bool:
    """A node's end here is in no bridge for a moment while the node comes and goes; nspawn cuts its name short."""
    name = link.split()[1]
    return name.startswith("vb-") and not name.startswith(tuple(f"vb-{lab}"[:11] for lab in own))


def sysctls() -> dict[str, str]:
    """Every kernel setting of this machine that can be read and written, and does not move by itself."""
    found = {}
    for file in Path("/proc/sys").rglob("*"):
        name = str(file.relative_to("/proc/sys"))
        moving = any(name.startswith(mark) for mark in SELF_MOVING) or name.startswith(("net/ipv4/conf", "net/ipv6"))
        if file.is_file() and not moving and file.stat().st_mode & 0o600 == 0o600:
            try:
                found[name] = file.read_text(errors="replace")
            except OSError:
                continue
    return found


def left_behind(before: Footprint, after: Footprint) -> Footprint:
    """What is there now and was not, or was and is not, kind by kind; empty when the two are equal."""
    changed = {kind: before[kind] ^ after[kind] for kind in before if kind != "processes"}
    changed["processes"] = after["processes"] - before["processes"]  # others end whenever they like
    return {kind: lines for kind, lines in changed.items() if lines}


def _mounts() -> set[str]:
    return {f"{mount.point}/ {mount.kind}" for mount in mounts()}


def _tables() -> set[str]:
    """Each table of nftables in one line, its counters without their numbers."""
    done = subprocess.run(["nft", "--stateless", "list", "ruleset"], capture_output=True, text=True, check=True)
    return {" ".join(table.split()) for table in done.stdout.split("\n}\n")}


def _processes() -> set[str]:
    """What is in a lab's cgroup, and every orphan outside that runs a program which a lab runs."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            groups, words = (folder / "cgroup").read_text(), (folder / "cmdline").read_text(errors="replace")
            here = (folder / "ns/pid").readlink() == Path("/proc/self/ns/pid").readlink()
        except OSError:
            continue
        orphan = here and parent == "1" and any(program in words for program in PROGRAMS)
        if words and ("clustr-lab/" in groups or orphan):
            found.add(f"{folder.name} {words.replace(chr(0), ' ')} {' '.join(groups.split())}/")
    return found


def _words(*command: str) -> set[str]:
    """The lines that a program prints, comments and counters aside."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {line.split("[")[0].strip() for line in done.stdout.splitlines() if not line.startswith("#")}

"""One node of a lab: its file system, its start and its end, and the way into it from outside."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path

from clustr import templates
from clustr.errors import LabError
from clustr.lab import apt, cgroups, gpu_node, mounts, nspawn, programs, store
from clustr.lab.model import SSH_PORT, Lab, LabNode, Login
from clustr.remote.connection import Result

BOOT_LIMIT = 90  # seconds; one second is usual, and two cores may be busy with something else
RESOLV_CONF = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))


def prepare(lab: Lab, node: LabNode) -> None:
    """A fresh file system for the node over the shared image, with its name, address, keys and login."""
    folder = lab.node_folder(node)
    for part in ("upper", "work", "root", *(f"real/{name}" for name in nspawn.REAL_FOLDERS)):
        (folder / part).mkdir(parents=True, exist_ok=True)
    layers = f"lowerdir={node.image},upperdir={folder / 'upper'},workdir={folder / 'work'}"
    programs.run("mount", "-t", "overlay", "overlay", "-o", layers, lab.root(node))
    for name, text in _files(lab, node).items():
        file = lab.root(node) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    _host_key(lab, node)
    _login(lab, node)
    if node.traits:
        _make_traits(lab, node)
    gpu_node.prepare(lab, node)


def discard(lab: Lab, node: LabNode) -> None:
    """Remove the file system of a node that does not run; whatever of it is there."""
    mounts.unmount_below(lab.node_folder(node))
    if lab.node_folder(node).exists():
        shutil.rmtree(lab.node_folder(node))


def start(lab: Lab, node: LabNode) -> None:
    """Switch the node on; `wait` tells when it is up."""
    branch = f"{lab.node_branch(node)}/keeper"
    cgroups.make(branch)
    keeper = [sys.executable, "-P", "-m", "clustr.lab.boot", lab.name, node.name]
    programs.detach(cgroups.inside(branch, ["setsid", "--fork", *keeper]), console(lab, node))


def stop(lab: Lab, node: LabNode) -> None:
    """Switch the node off as its power button would; pulls the plug after 60 s. Its disk stays."""
    cgroups.kill(f"{lab.node_branch(node)}/keeper")
    pid = leader(lab, node)
    if pid is not None:
        os.kill(pid, signal.SIGRTMIN + 4)  # poweroff, systemd(1)
        deadline = time.monotonic() + 60
        while cgroups.processes(lab.node_branch(node)) and time.monotonic() < deadline:
            time.sleep(0.05)
    crash(lab, node)


def crash(lab: Lab, node: LabNode) -> None:
    """Pull the plug: everything in the node ends at once. Its disk stays as it is.

    Its cables go too: the kernel takes a dead node's network down when it finds time, and answers for it until then.
    """
    cables = _cables(lab, node)
    cgroups.kill(lab.node_branch(node))
    cgroups.remove(lab.node_branch(node))
    for cable in cables:
        programs.attempt("ip", "link", "del", "dev", cable)


def _cables(lab: Lab, node: LabNode) -> list[str]:
    """This machine's ends of the links of a node that runs (sysfs-class-net, iflink: the index of the other end)."""
    pid = leader(lab, node)
    inside = Path(f"/proc/{pid}/root/sys/class/net")
    try:
        others = {path.read_text(encoding="utf-8") for path in inside.glob("[hi]*0/iflink")}  # host0, int0
    except OSError:
        return []
    return [
        path.parent.name
        for path in Path("/sys/class/net").glob("*/ifindex")
        if path.parent.name.startswith(("vb-", lab.bridge)) and path.read_text(encoding="utf-8") in others
    ]


def leader(lab: Lab, node: LabNode) -> int | None:
    """The process that is number 1 inside the node, or None while it is off."""
    for pid in cgroups.processes(f"{lab.node_branch(node)}/machine"):
        try:
            status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        except (FileNotFoundError, ProcessLookupError):
            continue
        inside = next((line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")), [])
        if len(inside) == 2 and inside[1] == "1":
            return pid
    return None


def execute(lab: Lab, node: LabNode, script: str) -> Result:
    """Run a bash script as root in the node, past ssh and past clustr; raises LabError when the node is off."""
    pid = leader(lab, node)
    if pid is None:
        raise LabError(f"{node.name} of lab {lab.name} does not run.", f"clustr lab status {lab.name}")
    branch = f"{lab.node_branch(node)}/execute"
    cgroups.make(branch)
    enter: Sequence[str] = ["nsenter", "--target", str(pid), "--all", "bash", "-s"]
    result = programs.attempt(*cgroups.inside(branch, enter), stdin=script)
    return Result(result.returncode, result.stdout, result.stderr)


def wait(lab: Lab, nodes: Sequence[LabNode], say: Callable[[str], None]) -> None:
    """Until every node is up: all its units run and ssh lets in. Raises LabError after 90 s, or when one ends."""
    waiting, repaired = list(nodes), set[str]()
    deadline = time.monotonic() + BOOT_LIMIT
    while waiting:
        for node in list(waiting):
            state = _state(lab, node)
            if state == "degraded" and node.name not in repaired:
                repaired.add(node.name)
                _start_failed_units(lab, node)
            elif state == "running" and programs.attempt(*ssh(lab, node), "true").returncode == 0:
                waiting.remove(node)
                say(f"{node.name} is up at {node.address}")
            elif time.monotonic() > deadline or not cgroups.processes(f"{lab.node_branch(node)}/keeper"):
                raise LabError(
                    f"{node.name} does not come up ({state}).",
                    f"Its console: {console(lab, node)}. To try again: clustr lab down {lab.name}",
                    detail=_evidence(lab, node),
                )
        time.sleep(0.1)


def ssh(lab: Lab, node: LabNode) -> list[str]:
    """The ssh command that opens the node, without the command to run there. Its host key is known beforehand."""
    options = ["IdentitiesOnly=yes", f"UserKnownHostsFile={lab.known_hosts}", "StrictHostKeyChecking=yes"]
    options += ["GlobalKnownHostsFile=none", "ConnectTimeout=5", "LogLevel=ERROR"]
    words = [word for option in options for word in ("-o", option)]
    user = node.login.user
    return ["ssh", "-F", "none", "-i", str(lab.key), *words, "-p", str(node.port), f"{user}@{node.address}"]


def console(lab: Lab, node: LabNode) -> Path:
    return lab.folder / "logs" / f"{node.name}.console"


def write_known_hosts(lab: Lab) -> None:
    lines = []
    for node in lab.nodes:
        key = lab.root(node) / "etc/ssh/ssh_host_ed25519_key.pub"
        if key.exists():
            name = f"{node.address}" if node.port == SSH_PORT else f"[{node.address}]:{node.port}"
            lines.append(f"{name} {' '.join(key.read_text(encoding='utf-8').split()[:2])}\n")
    store.write(lab.known_hosts, "".join(lines))


def make_password(lab: Lab) -> None:
    """The password of every login that has one; made once."""
    if not lab.password_file.exists():
        store.write(lab.password_file, secrets.token_urlsafe(18) + "\n")


def _state(lab: Lab, node: LabNode) -> str:
    if leader(lab, node) is None:
        return "off"
    return execute(lab, node, "systemctl is-system-running").stdout.strip() or "starting"


def _start_failed_units(lab: Lab, node: LabNode) -> None:
    """One boot in a few loses a unit to a race between two systemds over a cgroup (219/CGROUP)."""
    execute(lab, node, "systemctl --failed --plain --no-legend | cut -d' ' -f1 | xargs -r systemctl restart")


def _evidence(lab: Lab, node: LabNode) -> str:
    if leader(lab, node) is not None:
        return execute(lab, node, "systemctl --failed --plain --no-legend; systemctl list-jobs --no-legend").stdout
    return "\n".join(console(lab, node).read_text(encoding="utf-8", errors="replace").splitlines()[-10:])


def _files(lab: Lab, node: LabNode) -> dict[str, str]:
    files = {
        "etc/hostname": f"{node.name}\n",
        "etc/hosts": templates.render("lab/hosts.j2", node=node.name),
        "etc/machine-id": f"{uuid.uuid4().hex}\n",
        "etc/resolv.conf": _resolv_conf(),
        # A name that sorts after 80-container-host0.network would lose to it.
        "etc/systemd/network/10-host0.network": templates.render(
            "lab/link.network.j2", link="host0", address=f"{node.address}/24", gateway=str(lab.gateway)
        ),
        "etc/apt/apt.conf.d/90clustr-lab": apt.settings(programs.run("apt-config", "dump")),
    }
    if node.internal_address:
        files[f"etc/systemd/network/10-{nspawn.INTERNAL_LINK}.network"] = templates.render(
            "lab/link.network.j2", link=nspawn.INTERNAL_LINK, address=f"{node.internal_address}/24", gateway=""
        )
    return files


def _resolv_conf() -> str:
    """This machine's name servers; a resolver that listens on this machine alone is no use to a node."""
    for file in RESOLV_CONF:
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        servers = [line.split()[1] for line in text.splitlines() if line.startswith("nameserver ")]
        if servers and not any(server.startswith("127.") for server in servers):
            return text
    raise LabError(
        "The name servers in /etc/resolv.conf listen on this machine alone, so nodes cannot ask them.",
        "Name one there that the network knows.",
    )


def _host_key(lab: Lab, node: LabNode) -> None:
    key = lab.root(node) / "etc/ssh/ssh_host_ed25519_key"
    programs.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"root@{node.name}", "-f", key)


def _login(lab: Lab, node: LabNode) -> None:
    """Let the lab's key in, and give its user the way to root that the lab was asked for."""
    root = lab.root(node)
    public = lab.key.with_suffix(".pub").read_text(encoding="utf-8")
    home = root / ("root" if node.login is Login.ROOT else f"home/{node.login.user}")
    keys = home / ".ssh/authorized_keys"
    keys.parent.mkdir(mode=0o700, exist_ok=True)
    store.write(keys, public)
    owner = home.stat()
    for path in (keys.parent, keys):
        os.chown(path, owner.st_uid, owner.st_gid)
    user = node.login.user
    if node.login is not Login.ROOT:
        ask = "" if node.login is Login.PASSWORD else "NOPASSWD: "
        store.write(root / "etc/sudoers.d/lab", f"{user} ALL=(ALL:ALL) {ask}ALL\n", mode=0o440)
    if node.login is Login.PASSWORD:
        make_password(lab)
        password = lab.password_file.read_text(encoding="utf-8").strip()
        programs.run("chroot", root, "chpasswd", stdin=f"{user}:{password}\n")


def _make_traits(lab: Lab, node: LabNode) -> None:
    """Inside the lab's branch, so that what it starts ends with the lab."""
    enter: Sequence[str | Path] = ["chroot", lab.root(node), "bash", "-s", "--", node.login.user, *node.traits]
    programs.run(*cgroups.inside(f"{lab.branch}/host", enter), stdin=templates.text("lab/traits.sh"))

"""A virtual machine without KVM: slow, with a kernel of its own, and a reboot that is one.

/dev/kvm may be there and its guests hang, so QEMU always translates (accel=tcg); a boot takes about a minute.
"""

from __future__ import annotations

import hashlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

IMAGE = Path(__file__).with_name("image.sh")
CACHE = Path("/var/cache/clustr/vm")
FRESH = 7 * 24 * 3600  # seconds; package lists much older than that name packages that are gone
BOOT_WITHIN = 900  # seconds; a minute is usual, and two cores may be busy with something else
HOST = "10.0.2.2"  # this machine, and the guest, in QEMU's user network (its "Using the user mode network stack")
GUEST = "10.0.2.15"


@dataclass(frozen=True)
class Machine:
    """`folder` holds its disk and its console; `kept` what it was made from, and the key that it lets in."""

    folder: Path
    kept: Path
    port: int

    @property
    def key(self) -> Path:
        return self.kept / "key"

    def ssh(self, script: str) -> subprocess.CompletedProcess[str]:
        options = ["IdentitiesOnly=yes", "UserKnownHostsFile=/dev/null", "StrictHostKeyChecking=no", "LogLevel=ERROR"]
        words = [word for option in (*options, "ConnectTimeout=5") for word in ("-o", option)]
        command = ["ssh", "-F", "none", "-i", str(self.key), *words, "-p", str(self.port), "root@127.0.0.1", "bash"]
        return subprocess.run(command, input=script, capture_output=True, text=True, timeout=600, check=False)

    def says(self, script: str) -> str:
        done = self.ssh(script)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()


@contextmanager
def running(folder: Path) -> Iterator[Machine]:
    """Makes the machine and boots it; switched off at the end."""
    machine = Machine(folder, _image(), _free_port())
    disk = folder / "disk.img"
    subprocess.run(["cp", "--sparse=always", machine.kept / "image/disk.img", disk], check=True)
    qemu = subprocess.Popen(_command(machine), stdin=subprocess.DEVNULL)
    clock = subprocess.Popen(_time_server(folder), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(machine, qemu)
        yield machine
    finally:
        for process in (qemu, clock):
            process.terminate()
            process.wait(30)
        disk.unlink()


def _image() -> Path:
    """Made once a week and for each recipe; a run that is cut leaves nothing that looks like one."""
    recipe = hashlib.sha256(IMAGE.read_bytes() + str(int(time.time() // FRESH)).encode())
    kept = CACHE / recipe.hexdigest()[:12]
    if not kept.is_dir():
        shutil.rmtree(CACHE, ignore_errors=True)
        draft = CACHE / "draft"
        draft.mkdir(mode=0o700, parents=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", draft / "key"], check=True)
        subprocess.run([IMAGE, draft / "key.pub", draft / "image"], check=True)
        draft.rename(kept)
    return kept


def _command(machine: Machine) -> list[str]:
    image = machine.kept / "image"
    forward = f"user,id=net0,hostfwd=tcp:127.0.0.1:{machine.port}-:22"
    command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "3072"]
    command += ["-nodefaults", "-display", "none", "-serial", f"file:{machine.folder / 'console.log'}"]
    command += ["-kernel", str(image / "vmlinuz"), "-initrd", str(image / "initrd.img")]
    command += [
        "-append",
        "root=/dev/vda rw console=ttyS0",
        "-drive",
        f"file={machine.folder}/disk.img,format=raw,if=virtio",
    ]
    return [*command, "-netdev", forward, "-device", "virtio-net-pci,netdev=net0"]


def _time_server(folder: Path) -> list[str]:
    """A chronyd that serves the time and steers no clock (-x); QEMU's network shows it to the guest at HOST."""
    settings = ["local stratum 8", "allow 127.0.0.1", "bindaddress 127.0.0.1", "cmdport 0", "bindcmdaddress /"]
    return ["chronyd", "-x", "-d", *settings, f"pidfile {folder / 'chronyd.pid'}"]


def _wait(machine: Machine, qemu: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + BOOT_WITHIN
    while machine.ssh("systemctl is-system-running --wait").stdout.strip() != "running":
        console = machine.folder / "console.log"
        assert qemu.poll() is None, "QEMU has ended"
        assert time.monotonic() < deadline, f"it does not come up: {console}\n{console.read_text()[-2000:]}"
        time.sleep(1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

"""What this machine serves to the nodes of a lab: the time, and with `--artifacts FOLDER` a mirror over HTTPS."""

from __future__ import annotations

import socket
import sys
import time
from pathlib import Path

from clustr.errors import LabError
from clustr.lab import cgroups, programs, store
from clustr.lab.model import Lab

MIRROR_PORT = 8443
START_LIMIT = 15  # seconds
PID_FILES = Path("/run/chrony")


def start(lab: Lab) -> None:
    _serve_time(lab)
    if lab.source.folder is not None:
        _make_certificate(lab)
        _serve_mirror(lab)


def stop(lab: Lab) -> None:
    """Remove what a service of this lab, ended by now, has outside the lab's folder."""
    _pid_file(lab).unlink(missing_ok=True)
    if PID_FILES.is_dir() and not any(PID_FILES.iterdir()):
        PID_FILES.rmdir()


def time_server(lab: Lab) -> list[str]:
    """chronyd without a hand on the clock (-x), since several that steer one clock would fight.

    Settings are on the command line and the pid file is where Debian's AppArmor profile of chronyd lets it be.
    """
    settings = ["local stratum 8", f"allow {lab.network}", f"bindaddress {lab.gateway}"]
    settings += ["cmdport 0", "bindcmdaddress /", f"pidfile {_pid_file(lab)}"]
    return ["chronyd", "-x", "-d", *settings]


def _serve_time(lab: Lab) -> None:
    PID_FILES.mkdir(exist_ok=True)
    _pid_file(lab).unlink(missing_ok=True)
    log = lab.folder / "logs/chronyd.log"
    programs.detach(cgroups.inside(_branch(lab), ["setsid", "--fork", *time_server(lab)]), log)
    deadline = time.monotonic() + START_LIMIT
    while not _answers(lab):
        if time.monotonic() > deadline:
            raise LabError("The time server of the lab does not answer.", f"See {log}.")


def _answers(lab: Lab) -> bool:
    """Asks as a client of NTP version 4 does (RFC 5905, figure 8); a server's answer has mode 4."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.1)
        try:
            asking.connect((str(lab.gateway), 123))
            asking.send(b"\x23" + bytes(47))
            return asking.recv(512)[0] & 7 == 4
        except OSError:
            time.sleep(0.02)
            return False


def _serve_mirror(lab: Lab) -> None:
    command = ["setsid", "--fork", sys.executable, "-P", "-m", "clustr.lab.mirror"]
    command += [str(lab.source.folder), str(lab.gateway), str(MIRROR_PORT)]
    command += [str(lab.folder / "mirror.crt"), str(lab.folder / "mirror.key")]
    log = lab.folder / "logs/mirror.log"
    programs.detach(cgroups.inside(_branch(lab), command), log)
    deadline = time.monotonic() + START_LIMIT
    while not log.read_text(encoding="utf-8").startswith("serving "):
        if time.monotonic() > deadline:
            raise LabError("The mirror of the lab does not start.", f"See {log}.")
        time.sleep(0.05)


def _make_certificate(lab: Lab) -> None:
    """A CA for this lab alone, and one certificate from it. The CA's key is not kept."""
    ca, ca_key = lab.folder / "mirror-ca.pem", lab.folder / "mirror-ca.key"
    request, extensions = lab.folder / "mirror.csr", lab.folder / "mirror.ext"
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    days = ("-days", "3650", "-sha256")
    subject = f"/CN=clustr lab {lab.name}"
    constraint = f"nameConstraints=critical,permitted;IP:{lab.gateway}/255.255.255.255"
    programs.run(
        *("openssl", "req", "-x509", *new_key, *days, "-subj", f"{subject} CA", "-keyout", ca_key, "-out", ca),
        *("-addext", constraint, "-addext", "keyUsage=critical,keyCertSign"),
    )
    programs.run("openssl", "req", *new_key, "-subj", subject, "-keyout", lab.folder / "mirror.key", "-out", request)
    store.write(extensions, f"subjectAltName=IP:{lab.gateway}\nextendedKeyUsage=serverAuth\n")
    programs.run(
        *("openssl", "x509", "-req", *days, "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial"),
        *("-extfile", extensions, "-out", lab.folder / "mirror.crt"),
    )
    for file in (ca_key, request, extensions, lab.folder / "mirror-ca.srl"):
        file.unlink(missing_ok=True)


def _pid_file(lab: Lab) -> Path:
    return PID_FILES / f"clustr-lab-{lab.number}.pid"


def _branch(lab: Lab) -> str:
    return f"{lab.branch}/host"

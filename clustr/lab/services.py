"""What this machine serves to the nodes of a lab: the time, and with `--artifacts FOLDER` a mirror over HTTPS."""

from __future__ import annotations

import sys
import time

from clustr import templates
from clustr.errors import LabError
from clustr.lab import cgroups, programs, store
from clustr.lab.model import Lab

MIRROR_PORT = 8443


def start(lab: Lab) -> None:
    _serve_time(lab)
    if lab.source.folder is not None:
        _make_certificate(lab)
        _serve_mirror(lab)


def _serve_time(lab: Lab) -> None:
    """chronyd without a hand on the clock (-x): several that steer one clock would fight."""
    file = lab.folder / "chronyd.conf"
    store.write(
        file,
        templates.render("lab/chronyd.conf.j2", network=lab.network, gateway=lab.gateway, folder=lab.folder),
    )
    command = ["setsid", "--fork", "chronyd", "-x", "-d", "-f", str(file)]
    programs.detach(cgroups.inside(_branch(lab), command), lab.folder / "logs/chronyd.log")


def _serve_mirror(lab: Lab) -> None:
    command = ["setsid", "--fork", sys.executable, "-P", "-m", "clustr.lab.mirror"]
    command += [str(lab.source.folder), str(lab.gateway), str(MIRROR_PORT)]
    command += [str(lab.folder / "mirror.crt"), str(lab.folder / "mirror.key")]
    log = lab.folder / "logs/mirror.log"
    programs.detach(cgroups.inside(_branch(lab), command), log)
    deadline = time.monotonic() + 15
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


def _branch(lab: Lab) -> str:
    return f"{lab.branch}/host"

"""The vendor's folder over HTTPS on a lab's bridge, with faults that a test switches on."""

from __future__ import annotations

import re
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from clustr.lab.mirror import Handler, Server

PORT = 8445


class Fault(StrEnum):
    MISSING = "404"
    HANGS = "hangs"  # it takes the request and says nothing


@dataclass
class Place:
    """Where it is served; `faults` are by a pattern of the path and hold from the next request on."""

    url: str
    ca: Path
    folder: Path
    faults: dict[str, Fault] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def fault(self, path: str) -> Fault | None:
        return next((fault for pattern, fault in self.faults.items() if re.search(pattern, path)), None)


class VendorHandler(Handler):
    place: Place

    def _answer(self, *, with_body: bool) -> None:
        self.place.asked.append(self.path)
        # apt would go on with what it has of a file that was replaced since by one of the same length.
        del self.headers["Range"]
        fault = self.place.fault(self.path)
        if fault is Fault.MISSING:
            self.send_error(404)
        elif fault is Fault.HANGS:
            self.place.ended.wait(600)
            self.close_connection = True
        else:
            super()._answer(with_body=with_body)

    def log_message(self, *words: object) -> None:
        pass


@contextmanager
def served(folder: Path, address: str, scratch: Path, port: int = PORT) -> Iterator[Place]:
    """Serves `folder` at https://ADDRESS:PORT until the end of the block; `scratch` holds CA and certificate."""
    certificate, key, ca = certify(address, scratch)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    place = Place(f"https://{address}:{port}", ca, folder)
    handler = type("Bound", (VendorHandler,), {"folder": folder, "place": place})
    with Server((address, port), handler, context) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield place
        finally:
            place.ended.set()
            server.shutdown()
            thread.join()


def certify(address: str, folder: Path) -> tuple[Path, Path, Path]:
    """A CA of the tests' own, and a certificate for the address from it: certificate, key, CA."""
    folder.mkdir(parents=True, exist_ok=True)
    ca, ca_key, key, request, made, extensions = (
        folder / name for name in ("ca.pem", "ca.key", "site.key", "site.csr", "site.crt", "site.ext")
    )
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    extensions.write_text(f"subjectAltName=IP:{address}\nextendedKeyUsage=serverAuth\n")
    for command in (
        ["req", "-x509", *new_key, "-days", "30", "-subj", "/CN=vendor of tests CA", "-keyout", ca_key, "-out", ca,
         "-addext", "keyUsage=critical,keyCertSign"],
        ["req", *new_key, "-subj", "/CN=vendor of tests", "-keyout", key, "-out", request],
        ["x509", "-req", "-days", "30", "-in", request, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial",
         "-extfile", extensions, "-out", made],
    ):  # fmt: skip
        subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True)
    return made, key, ca

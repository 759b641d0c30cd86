"""An artifact mirror for one lab: `python -m clustr.lab.mirror FOLDER ADDRESS PORT CERTIFICATE KEY`.

Serves a folder's files over HTTPS with ranges (RFC 9110, section 14), so that a download that was cut goes on.
It lists no folders, follows no link out of its folder, and writes one line per request to its standard error.
"""

from __future__ import annotations

import re
import socket
import ssl
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedReader
from pathlib import Path
from urllib.parse import unquote, urlsplit

RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD for files below `folder`."""

    protocol_version = "HTTP/1.1"
    timeout = 60
    folder: Path

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        file = find(self.folder, self.path)
        if file is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        with file.open("rb") as content:
            size = file.stat().st_size
            asked = self.headers.get("Range")
            part = wanted(asked, size) if asked else range(size)
            if part is None:
                self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
                self.send_header("Content-Range", f"bytes */{size}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self._head(part, size)
            if with_body:
                self._copy(content, part)

    def _head(self, part: range, size: int) -> None:
        whole = len(part) == size
        self.send_response(HTTPStatus.OK if whole else HTTPStatus.PARTIAL_CONTENT)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(part)))
        if not whole:
            self.send_header("Content-Range", f"bytes {part.start}-{part.stop - 1}/{size}")
        self.end_headers()

    def _copy(self, content: BufferedReader, part: range) -> None:
        content.seek(part.start)
        left = len(part)
        while left:
            block = content.read(min(left, 1 << 20))
            self.wfile.write(block)
            left -= len(block)


class Server(ThreadingHTTPServer):
    """Shakes hands in the thread of each connection, so that a slow client holds up nobody."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[Handler], context: ssl.SSLContext) -> None:
        super().__init__(address, handler)
        self.context = context

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, client = super().get_request()
        return self.context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), client

    def handle_error(self, request: object, client_address: object) -> None:
        print(f"{client_address}: {sys.exc_info()[1]}", file=sys.stderr)  # noqa: T201 - the log of this process


def find(folder: Path, target: str) -> Path | None:
    """The file that a request names, or None where there is none inside the folder."""
    name = unquote(urlsplit(target).path).lstrip("/")
    file = (folder / name).resolve()
    return file if file.is_relative_to(folder.resolve()) and file.is_file() else None


def wanted(header: str, size: int) -> range | None:
    """The bytes that a Range header asks for: all for one we do not understand, None where there are none."""
    match = RANGE.fullmatch(header.strip())
    if not match or match[0] == "bytes=-":
        return range(size)
    first, last = match[1], match[2]
    if not first:
        return range(max(0, size - int(last)), size) if int(last) else None
    end = min(size, int(last) + 1) if last else size
    return range(int(first), end) if int(first) < end else None


def serve(folder: Path, address: str, port: int, certificate: Path, key: Path) -> None:
    """Serve until killed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    handler = type("FolderHandler", (Handler,), {"folder": folder})
    with Server((address, port), handler, context) as server:
        print(f"serving {folder} at https://{address}:{port}", file=sys.stderr, flush=True)  # noqa: T201
        server.serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]), Path(sys.argv[5]))

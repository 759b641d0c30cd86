"""Sum files of releases (`<sha256>  <name>` per line), read over verified TLS."""

from __future__ import annotations

import re
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from shlex import quote
from typing import Any

from clustr.errors import ClustrError
from clustr.remote.connection import Connection

SECONDS = 20
# Debian's bundle and Red Hat's; curl takes one file, and a site's CA does not vouch for the rest of the world.
SYSTEM_TRUST = "cat /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt 2>/dev/null || true"
LIMIT = 1 << 20  # bytes; sum files have a few lines
LINE = re.compile(r"([0-9a-f]{64}) [ *](?:\./)?(\S+)")
NO_ROUTE = {5, 6, 7, 28}  # curl's EXIT CODES: proxy, name or host not reached, time-out


@dataclass(frozen=True)
class Relay:
    """A server that reads where the laptop cannot: from its own mirror, with its CA and its proxies."""

    connection: Connection
    url: str
    ca: str = ""  # PEM text
    proxies: str = ""  # variables, as a shell reads them; they may hold a login


def read_sum_file(url: str, ca: str, server: Relay | None) -> dict[str, str]:
    """Sums by file name. From here, or through `server` where this machine has no way to `url`.

    `ca` is PEM text that vouches for the place, "" for the system's own. Raises ClustrError.
    """
    if not url.startswith("https://"):
        raise ClustrError(f"{url} is no https place", "write artifacts.mirror as https://...")
    try:
        text = _from_here(url, ca)
    except urllib.error.HTTPError as error:
        raise _refused(url, f"status {error.code}") from error
    except (OSError, ValueError, HTTPException) as error:  # HTTPException: what answers there speaks no HTTP
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, ssl.SSLError):
            raise ClustrError(f"{url}: {reason}", "name the place's CA in artifacts.ca") from error
        if server is None:
            raise ClustrError(
                f"{url} cannot be reached: {reason}", "set artifacts.mirror to a place that can"
            ) from error
        text = _through(server)
    return parse(text)


def parse(text: str) -> dict[str, str]:
    return {match[2]: match[1] for line in text.splitlines() if (match := LINE.fullmatch(line.strip()))}


class _StayOnTls(urllib.request.HTTPRedirectHandler):
    """Follows no redirect to a place that TLS does not vouch for."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if not newurl.startswith("https://"):
            raise urllib.error.HTTPError(newurl, code, "it redirects to a place without TLS", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _from_here(url: str, ca: str) -> str:
    context = ssl.create_default_context()
    if ca:
        context.load_verify_locations(cadata=ca)
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context), _StayOnTls())
    with opener.open(url, timeout=SECONDS) as answer:
        return str(answer.read(LIMIT).decode("utf-8", "replace"))


def _through(server: Relay) -> str:
    """The same through a server's curl."""
    url = server.url
    trust = f"{{ {SYSTEM_TRUST}; cat; }} >\"$folder/ca\" <<'END_OF_CA'\n{server.ca}\nEND_OF_CA\n" if server.ca else ""
    option = '--cacert "$folder/ca" ' if server.ca else ""
    proxies = f"set -a\n{server.proxies}\nset +a\n" if server.proxies else ""
    curl = f"curl --fail --location --silent --show-error --proto =https --max-time {SECONDS} --max-filesize {LIMIT}"
    script = f"""set -eu
folder=$(mktemp -d)
trap 'rm -rf -- "$folder"' EXIT
{trust}{proxies}{curl} {option}-- {quote(url)}
"""
    result = server.connection.run(script, sudo=False, timeout=2 * SECONDS)
    if result.status == 0:
        return result.stdout
    if result.status == 22:
        raise _refused(url, result.stderr.strip())
    remedy = "set artifacts.mirror to a place that the servers reach" if result.status in NO_ROUTE else "see its words"
    raise ClustrError(f"{url} can be read neither from here nor from the first server", remedy, detail=result.stderr)


def _refused(url: str, answer: str) -> ClustrError:
    return ClustrError(f"{url}: {answer}", "is that version released? correct k3s.version, or artifacts.mirror")

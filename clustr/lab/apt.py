"""Where this machine's own packages come from, so that the lab's nodes get theirs from the same place. Pure.

Sources: sources.list(5), both its styles. Of this machine's sources only Debian's own archive and its security
updates count; whatever else is in there is not a node's business.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from clustr.errors import LabError
from clustr.lab.model import Release

# The settings of apt that a node needs to reach the same servers, and no others.
SETTINGS = re.compile(r"Acquire::(?:https?::Proxy(?:::\S+)?|Check-Valid-Until|Check-Date) ")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


@dataclass(frozen=True)
class Archive:
    uri: str
    security: bool
    components: tuple[str, ...]


def archives(files: Iterable[tuple[str, str]]) -> list[Archive]:
    """The Debian archives in these files, given as name and text; raises LabError when there are none."""
    found: dict[tuple[str, bool], Archive] = {}
    for name, text in files:
        for archive in _deb822(text) if name.endswith(".sources") else _one_line(text):
            known = found.get((archive.uri, archive.security))
            components = (*(known.components if known else ()), *archive.components)
            found[archive.uri, archive.security] = Archive(
                archive.uri, archive.security, tuple(dict.fromkeys(components))
            )
    if not any(not archive.security for archive in found.values()):
        raise LabError(
            "No Debian archive is among this machine's apt sources, so the image of lab nodes cannot be built.",
            "Add Debian's own to /etc/apt/sources.list.d/, then try again.",
        )
    return list(found.values())


def sources(found: Iterable[Archive], release: Release) -> str:
    """The debian.sources of a node."""
    stanzas = []
    for archive in found:
        suites = f"{release}-security" if archive.security else f"{release} {release}-updates"
        components = " ".join(archive.components)
        stanzas.append(
            f"Types: deb\nURIs: {archive.uri}\nSuites: {suites}\nComponents: {components}\nSigned-By: {KEYRING}\n"
        )
    return "\n".join(stanzas)


def settings(dump: str) -> str:
    """The lines of `apt-config dump` that a node needs as well."""
    return "".join(f"{line}\n" for line in dump.splitlines() if SETTINGS.match(line))


def _deb822(text: str) -> Iterator[Archive]:
    for stanza in re.split(r"\n\s*\n", text):
        fields = _fields(stanza)
        if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes").lower() != "no":
            for uri in fields.get("uris", "").split():
                yield from _archive(uri, fields.get("suites", ""), fields.get("components", ""))


def _fields(stanza: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    last = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace():
            fields[last] = f"{fields.get(last, '')} {line.strip()}"
        elif ":" in line:
            name, _, value = line.partition(":")
            last = name.strip().lower()
            fields[last] = value.strip()
    return fields


def _one_line(text: str) -> Iterator[Archive]:
    for line in text.splitlines():
        words = shlex.split(re.sub(r"\[[^]]*]", "", line.partition("#")[0]))
        if len(words) > 3 and words[0] == "deb":
            yield from _archive(words[1], words[2], " ".join(words[3:]))


def _archive(uri: str, suites: str, components: str) -> Iterator[Archive]:
    """Debian's own go by the last part of their path, on every mirror."""
    place = uri.rstrip("/").rpartition("/")[2]
    if place in {"debian", "debian-security"} and components:
        security = place == "debian-security" or suites.endswith("-security")
        yield Archive(uri.rstrip("/"), security, tuple(components.split()))

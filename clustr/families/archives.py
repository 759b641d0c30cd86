"""The archives that distributions' own package sources name, and how such a source is told from any other.

A name is the archive's folder on most mirrors, and what `artifacts.packages` calls it.
"""

from __future__ import annotations

from dataclasses import dataclass

from clustr.remote.facts import OperatingSystem


@dataclass(frozen=True)
class Archive:
    """`origins`: for apt how the path of its URL ends, on every mirror; for dnf how a baseurl begins behind its
    scheme, which is there as a comment where the repository names a list of mirrors.

    `source` is what a system without any source of it gets: a stanza of sources.list(5), "" for none.
    """

    name: str
    origins: tuple[str, ...]
    source: str = ""


_DEBIAN_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
_UBUNTU_KEYS = "/usr/share/keyrings/ubuntu-archive-keyring.gpg"


def _source(suites: str, components: str, keys: str) -> str:
    return f"Types: deb\nURIs: {{url}}\nSuites: {suites}\nComponents: {components}\nSigned-By: {keys}\n"


# Debian: https://www.debian.org/mirror/list. Ubuntu has its security updates in the archive itself
# (https://wiki.ubuntu.com/SecurityTeam/FAQ); other architectures than amd64 are ubuntu-ports.
_DEBIAN = (
    Archive("debian", ("debian",), _source("{codename} {codename}-updates", "main", _DEBIAN_KEYS)),
    Archive("debian-security", ("debian-security",), _source("{codename}-security", "main", _DEBIAN_KEYS)),
)
_UBUNTU = (
    Archive(
        "ubuntu",
        ("ubuntu", "ubuntu-ports"),
        _source("{codename} {codename}-updates {codename}-security", "main universe", _UBUNTU_KEYS),
    ),
)
# What their own .repo files name (https://docs.rockylinux.org, "DNF package manager"; https://wiki.almalinux.org/repos).
_EPEL = Archive("epel", ("download.example/pub/epel", "download.fedoraproject.org/pub/epel"))
_ROCKY = Archive("rocky", ("dl.rockylinux.org/pub/rocky",))
_ALMA = Archive("almalinux", ("repo.almalinux.org/almalinux",))

# Red Hat's own come through subscription-manager, which writes their sources anew.
ARCHIVES = {"debian": _DEBIAN, "ubuntu": _UBUNTU, "rocky": (_ROCKY, _EPEL), "almalinux": (_ALMA, _EPEL), "rhel": ()}


def archives(system: OperatingSystem) -> tuple[Archive, ...]:
    return ARCHIVES.get(system.id, ())

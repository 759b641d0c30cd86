"""Ubuntu: Debian's names but for a few. Source: packages.ubuntu.com."""

from __future__ import annotations

from clustr.families.debian import debian

# Its compose 2 has a name of its own.
UBUNTU = {
    ("ubuntu", version): debian("ntp.ubuntu.com", ("docker-compose-v2",)) for version in ("22.04", "24.04", "26.04")
}

"""Ubuntu: Debian's names but for a few. Source: packages.ubuntu.com."""

from __future__ import annotations

from clustr.families.debian import debian
from clustr.families.model import LEAP_LIST, LEAP_ZONE

# Its compose 2 has a name of its own.
UBUNTU = {
    ("ubuntu", version): debian("ntp.ubuntu.com", ("docker-compose-v2",), leap_seconds=leap_seconds)
    for version, leap_seconds in {"22.04": LEAP_ZONE, "24.04": LEAP_ZONE, "26.04": LEAP_LIST}.items()
}

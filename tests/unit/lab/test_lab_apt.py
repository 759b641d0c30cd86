"""This machine's apt sources, read for the nodes of a lab."""

from __future__ import annotations

import pytest

from clustr.errors import LabError
from clustr.lab import apt
from clustr.lab.model import Release

DEB822 = """\
Types: deb deb-src
# a comment
URIs: http://mirror.example/debian/
Suites: bookworm
 bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: https://packages.example/apt
Suites: stable
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
"""
ONE_LINE = """\
# deb http://off.example/debian bookworm main
deb [signed-by=/usr/share/keyrings/x.gpg arch=amd64] http://mirror.example/debian bookworm main non-free # why
deb http://mirror.example/debian-security bookworm-security main
deb-src http://mirror.example/debian bookworm main
deb https://download.example/linux stable stable
"""


def test_both_styles_are_read_and_only_debian_counts() -> None:
    assert apt.archives([("debian.sources", DEB822)]) == [
        apt.Archive("http://mirror.example/debian", False, ("main", "contrib")),
        apt.Archive("http://mirror.example/debian-security", True, ("main",)),
    ]
    assert apt.archives([("sources.list", ONE_LINE)]) == [
        apt.Archive("http://mirror.example/debian", False, ("main", "non-free")),
        apt.Archive("http://mirror.example/debian-security", True, ("main",)),
    ]


def test_an_archive_named_twice_is_one_with_all_components() -> None:
    (main, _) = apt.archives([("a.sources", DEB822), ("b.list", ONE_LINE)])
    assert main.components == ("main", "contrib", "non-free")


def test_no_debian_is_an_error_that_says_so() -> None:
    with pytest.raises(LabError, match="No Debian archive"):
        apt.archives([("x.list", "deb https://download.example/linux stable stable\n")])


def test_nodes_get_the_suites_of_their_own_release() -> None:
    text = apt.sources(apt.archives([("debian.sources", DEB822)]), Release.TRIXIE)
    assert "Suites: trixie trixie-updates\nComponents: main contrib\n" in text
    assert "URIs: http://mirror.example/debian-security\nSuites: trixie-security\n" in text
    assert "bookworm" not in text


def test_of_apt_settings_only_the_way_out_is_taken_over() -> None:
    dump = (
        'APT::Architecture "amd64";\n'
        'Acquire::http::Proxy "http://proxy.example:3128";\n'
        'Acquire::http::Proxy::deb.example "DIRECT";\n'
        'Acquire::Check-Valid-Until "false";\n'
        'Acquire::Languages "none";\n'
    )
    assert apt.settings(dump).splitlines() == dump.splitlines()[1:4]

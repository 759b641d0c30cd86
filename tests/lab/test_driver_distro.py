"""Debian's own driver, really installed and built, and left where it is when Debian has a newer one. Takes minutes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from clustr.lab.model import GpuModel, Release
from tests.lab.driver_node import DriverNode, driver_node
from tests.vendor.debs import Deb
from tests.vendor.repository import publish

pytestmark = pytest.mark.slow

BRANCHES = {Release.BOOKWORM: "535", Release.TRIXIE: "550"}
NEWER = "-99~stand-in"  # behind the version that is there: newer than any of Debian's

# Debian's own programs ask GPUs of whom there is none, so the lab's stand-ins are found before these three. Everything
# else of the packages is real.
STAND_INS = """
ln -s /usr/local/lib/clustr-lab/nvidia-modprobe /usr/local/sbin/nvidia-modprobe
ln -s /usr/local/lib/clustr-lab/nvidia-smi /usr/local/bin/nvidia-smi
mkdir -p /etc/systemd/system/nvidia-persistenced.service.d
cat >/etc/systemd/system/nvidia-persistenced.service.d/90-lab.conf <<'END'
# Stand-in of the lab.
[Service]
Type=simple
ExecStart=
ExecStart=/bin/sleep infinity
END
"""


@pytest.fixture(scope="module", params=list(BRANCHES), ids=str)
def node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DriverNode]:
    release: Release = request.param
    with driver_node("test-distro", tmp_path_factory.mktemp("v"), release, GpuModel.T4) as made:
        made.on(STAND_INS)
        yield made


def branch_of(node: DriverNode) -> str:
    return BRANCHES[node.cluster.lab.release]


def installed(node: DriverNode) -> dict[str, str]:
    """Packages of Debian's driver, by its sources, with their versions."""
    listed = node.on("dpkg-query -W -f='${db:Status-Status} ${source:Package} ${Package} ${Version}\\n'").splitlines()
    split = (line.split() for line in listed if line.startswith("installed "))
    return {name: version for _, source, name, version in split if source.startswith("nvidia-")}


def test_the_driver_is_built_for_the_node_s_kernel(node: DriverNode) -> None:
    wanted = node.wanting("distro", branch_of(node))
    node.bootstrap(wanted).expect()
    version = node.on("modinfo -F version /lib/modules/*/updates/dkms/nvidia-current.ko*").strip()
    assert version.startswith(f"{branch_of(node)}.")
    assert f"  {version} " in node.on("cat /proc/driver/nvidia/version")
    assert re.search(r"^nvidia-current/.*: installed$", node.on("dkms status"), re.MULTILINE)
    assert node.plan(wanted) == []


def test_every_package_of_the_source_is_held(node: DriverNode) -> None:
    found = installed(node)
    assert {"libcuda1", "nvidia-kernel-dkms", "nvidia-smi"} <= set(found)
    assert set(found) <= {name.partition(":")[0] for name in node.on("apt-mark showhold").split()}


def test_a_newer_version_moves_no_package_of_the_driver(node: DriverNode) -> None:
    """Of what is offered, a package that nobody holds moves, by each of the two: so they had the chance."""
    before = installed(node)
    node.on("DEBIAN_FRONTEND=noninteractive apt-get -qqy install --no-install-recommends unattended-upgrades")
    less = node.on("dpkg-query -W -f='${Version}' less")
    for moved, act in (
        (f"{less}{NEWER}1", "unattended-upgrade --debug"),
        (f"{less}{NEWER}2", "DEBIAN_FRONTEND=noninteractive apt-get -y dist-upgrade"),
    ):
        offer(node, before, moved)
        said = node.on(f"{act} 2>&1")
        assert node.on("dpkg-query -W -f='${Version}' less") == moved, said
        assert installed(node) == before
    assert node.plan(node.wanting("distro", branch_of(node))) == []


def offer(node: DriverNode, packages: dict[str, str], less: str) -> None:
    """A repository that says it is Debian's security archive, with a newer version of each."""
    debs = [Deb(name, f"{version}{NEWER}") for name, version in packages.items()]
    codename = str(node.cluster.lab.release)
    publish(
        node.place.folder / "newer", [*debs, Deb("less", less)], node.key, "Debian-Security",
        Origin="Debian", Codename=codename, Suite=f"{codename}-security",
    )  # fmt: skip
    key = node.key.public.read_text()
    node.on(
        f"cat >/etc/apt/keyrings/newer.asc <<'END'\n{key}END\n"
        "cat >/etc/apt/sources.list.d/newer.sources <<'END'\n"
        f"Types: deb\nURIs: {node.place.url}/newer/\nSuites: ./\nSigned-By: /etc/apt/keyrings/newer.asc\nEND\n"
        "apt-get update --error-on=any"
    )
    offered = node.on("apt-cache policy libcuda1")
    assert f"Candidate: {packages['libcuda1']}{NEWER}" in offered

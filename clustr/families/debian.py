"""Debian, and what Ubuntu has from it. Names: packages.debian.org."""

from __future__ import annotations

from clustr.families.model import LEAP_LIST, LEAP_ZONE, Daemon, Engine, Family, Manager, Time

# curl and ca-certificates come first: whatever is downloaded needs them. The others are called by the kubelet and
# kube-proxy (https://docs.k3s.io/installation/requirements) or by people who look after the node.
PACKAGES = ("ca-certificates", "curl", "conntrack", "ethtool", "iptables", "kmod", "procps", "socat")


def debian(pool: str, docker: tuple[str, ...], *, containerd_1: bool = False, leap_seconds: str = LEAP_ZONE) -> Family:
    """A release of Debian or Ubuntu; `docker` names the packages of docker's client and compose."""
    return Family(
        manager=Manager.APT,
        packages=PACKAGES,
        time=Time(
            unit="chrony.service",
            config="/etc/chrony/chrony.conf",
            pool=pool,
            keys="/etc/chrony/chrony.keys",
            drift="/var/lib/chrony/chrony.drift",
            leap_seconds=leap_seconds,
            fragments="/etc/chrony/conf.d",
        ),
        node_exporter=_monitoring("prometheus-node-exporter"),
        prometheus=_monitoring("prometheus"),
        alertmanager=_monitoring("prometheus-alertmanager"),
        rdma=("rdma-core", "ibverbs-providers", "ibverbs-utils", "infiniband-diags"),
        containerd=Engine("containerd.service", ("containerd", "runc"), containerd_1),
        docker=Engine("docker.service", ("docker.io", *docker, "containerd", "runc"), containerd_1),
    )


def _monitoring(name: str) -> Daemon:
    return Daemon(f"{name}.service", f"/etc/default/{name}", package=name)


# Debian 13 took the client out of docker.io, and right/UTC out of its time zones.
DEBIAN = {
    ("debian", "12"): debian("2.debian.pool.ntp.org", ("docker-compose",), containerd_1=True),
    ("debian", "13"): debian(
        "2.debian.pool.ntp.org", ("docker-cli", "docker-compose"), containerd_1=True, leap_seconds=LEAP_LIST
    ),
}

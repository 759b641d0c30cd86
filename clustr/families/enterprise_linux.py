"""Red Hat Enterprise Linux and what is built from its sources. Names: the BaseOS and AppStream repositories of
9 and 10 (https://docs.redhat.com/en/documentation/red_hat_enterprise_linux, "Package manifest"); neither EPEL nor CRB
is needed."""

from __future__ import annotations

from dataclasses import replace

from clustr.families.model import LEAP_LIST, LEAP_ZONE, Daemon, Family, Manager, Policy, Time, Upstream

# As in debian.py. tar and gzip open releases, gnupg2 reads signing keys; a small installation lacks them.
PACKAGES = (
    "ca-certificates", "curl", "conntrack-tools", "ethtool", "gnupg2", "gzip", "iptables-nft", "kmod",
    "policycoreutils", "procps-ng", "socat", "tar",
)  # fmt: skip

# Neither has packages of these. Releases with a sum file (https://github.com/prometheus); Prometheus 3.13 has long-term
# support until July 2027 (https://prometheus.io/docs/introduction/release-cycle).
PROMETHEUS = Upstream("prometheus", "3.13.2", ("prometheus", "promtool"))
ALERTMANAGER = Upstream("alertmanager", "0.33.1", ("alertmanager", "amtool"))
NODE_EXPORTER = Upstream("node_exporter", "1.12.1", ("node_exporter",))

# The repository of k3s's own installer, which takes the build for 9 on 10 as well
# (https://github.com/k3s-io/k3s/blob/master/install.sh). The fingerprint is what dnf and yum have shown since 2020
# wherever they imported that key: "Rancher (CI) <ci@rancher.com>".
K3S_POLICY = Policy(
    packages=("container-selinux", "k3s-selinux"),
    repository="rancher-k3s-common",
    archive="rancher",
    site="https://rpm.rancher.io",
    folder="k3s/stable/common/centos/9/noarch",
    key="public.key",
    fingerprint="C8CFF216455126E9B9C918BE925EA29AE257814A",
)


def _nine(pool: str) -> Family:
    """nm-cloud-setup routes by rules of its own, which pods' packets fall under
    (https://docs.rke2.io/known_issues#networkmanager)."""
    return replace(_any(pool), hinders=("nm-cloud-setup.service", "nm-cloud-setup.timer"))


def _ten(pool: str) -> Family:
    """It keeps br_netfilter and vxlan apart from its kernel (https://docs.k3s.io/installation/requirements, "RHEL 10"),
    and its time zones no longer have right/UTC."""
    found = _any(pool)
    time = replace(found.time, leap_seconds=LEAP_LIST)
    return replace(found, time=time, kernel_packages=("kernel{variant}-modules-extra",))


def _any(pool: str) -> Family:
    return Family(
        manager=Manager.DNF,
        packages=PACKAGES,
        time=Time(
            unit="chronyd.service",
            config="/etc/chrony.conf",
            pool=pool,
            keys="/etc/chrony.keys",
            drift="/var/lib/chrony/drift",
            leap_seconds=LEAP_ZONE,
        ),
        rdma=("rdma-core", "libibverbs", "libibverbs-utils", "infiniband-diags"),
        network_manager=True,
        k3s_policy=K3S_POLICY,
        node_exporter=_released(NODE_EXPORTER),
        prometheus=_released(PROMETHEUS),
        alertmanager=_released(ALERTMANAGER),
    )


def _released(upstream: Upstream) -> Daemon:
    return Daemon(f"{upstream.release}.service", f"/etc/sysconfig/{upstream.release}", upstream=upstream)


POOLS = {
    "rhel": "2.rhel.pool.ntp.org",
    "rocky": "2.rocky.pool.ntp.org",
    "almalinux": "2.almalinux.pool.ntp.org",
}

ENTERPRISE_LINUX = {(name, "9"): _nine(pool) for name, pool in POOLS.items()} | {
    (name, "10"): _ten(pool) for name, pool in POOLS.items()
}

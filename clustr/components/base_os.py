"""The operating system under everything else: name, packages, kernel, swap, time, journal, limits, firewall."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from shlex import quote

from clustr.artifacts import site_ca
from clustr.components import firewall
from clustr.components.authorities import trusted
from clustr.engine.goal import Disrupts, Goal, Show
from clustr.engine.makers import STARTS, file, kernel_module, packages, service, step, sysctl
from clustr.families import Family, Manager, family
from clustr.inventory.model import Cluster, Node, System
from clustr.remote.facts import Facts, Seen
from clustr.templates import render, text

# By their effect, since a module may be built in: https://kubernetes.io/docs/setup/production-environment/container-runtimes/
MODULES = {
    "overlay": "filesystem:overlay",
    "br_netfilter": "/proc/sys/net/bridge/bridge-nf-call-iptables",
    "nf_conntrack": "/proc/sys/net/netfilter/nf_conntrack_count",
}

SYSCTLS = {
    # Pods are reached through the node, and what a bridge carries is seen by iptables (the page above).
    "net.bridge.bridge-nf-call-ip6tables": "1",
    "net.bridge.bridge-nf-call-iptables": "1",
    "net.ipv4.ip_forward": "1",
    # What the kubelet sets itself where it is allowed to, and asks for with protectKernelDefaults
    # (https://docs.k3s.io/security/hardening-guide).
    "kernel.panic": "10",
    "kernel.panic_on_oops": "1",
    "vm.overcommit_memory": "1",
    "vm.panic_on_oom": "0",
    # Each container's watcher takes from these (https://kind.sigs.k8s.io/docs/user/known-issues/).
    "fs.inotify.max_user_instances": "8192",
    "fs.inotify.max_user_watches": "1048576",
    # Memory-mapped indexes and large models want more maps than the kernel's 65530
    # (https://www.elastic.co/docs/deploy-manage/deploy/self-managed/vm-max-map-count).
    "vm.max_map_count": "1048576",
}

HOSTS_BEGIN, HOSTS_END = "# clustr begin", "# clustr end"


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    names = family(seen[node.name])
    yield file(STARTS, text("engine/record-start"), mode=0o755)
    yield from site_ca(cluster, node)
    if names.manager is Manager.DNF:
        yield from trusted(cluster, node, names.manager)  # its repositories have TLS; apt's need a package for trust
    yield from _kernel_packages(names, seen[node.name])
    yield packages(names.manager, names.packages)
    for name in cluster.system.packages:
        yield packages(names.manager, (name,), label=f"package {name}")
    if names.manager is Manager.APT:
        yield from trusted(cluster, node, names.manager)
    yield from _names(cluster, node)
    yield from _kernel(cluster.system)
    yield from _no_swap()
    if node.in_cluster:
        yield from _left_alone(names)
    yield from _time(cluster, names)
    yield from _limits(cluster.system)
    yield from firewall.goals(cluster, node, seen)


def _kernel_packages(names: Family, facts: Facts) -> Iterator[Goal]:
    """Modules that a distribution ships apart from the kernel: those of the kernel that runs, +64k of a variant."""
    release, _, variant = facts.kernel.partition("+")
    for pattern in names.kernel_packages:
        name = pattern.format(variant=f"-{variant}" if variant else "")
        goal = packages(names.manager, (f"{name}-{release}",), label=f"{name} of the running kernel")
        yield replace(goal, apply=f"apply_kernel_package {quote(name)} {quote(release)}")


def _names(cluster: Cluster, node: Node) -> Iterator[Goal]:
    wanted = quote(node.name)
    yield step("hostname", probe="base_os_probe_hostname", wanted=node.name, apply=f"base_os_apply_hostname {wanted}")
    yield step(
        "names kept over a boot", probe="base_os_probe_cloud_init", wanted="kept", apply="base_os_apply_cloud_init",
        undo="rm -f -- /etc/cloud/cloud.cfg.d/99-clustr.cfg",
    )  # fmt: skip
    block = "\n".join((HOSTS_BEGIN, *_host_lines(cluster, node), HOSTS_END))
    hosts = step(
        "/etc/hosts",
        probe="base_os_probe_hosts",
        wanted=f"{block}\n",
        apply=f"base_os_apply_hosts <<'END_OF_HOSTS'\n{block}\nEND_OF_HOSTS",
        undo="base_os_apply_hosts </dev/null",
    )
    yield replace(hosts, show=Show.DIFF)


def _host_lines(cluster: Cluster, node: Node) -> Iterator[str]:
    """The node's own name, the servers', and the registration name: one more agent changes no other node."""
    if node not in cluster.servers:
        yield f"{node.internal_address} {node.name}"
    for server in cluster.servers:
        yield f"{server.internal_address} {server.name}"
    if cluster.network.vip:
        yield f"{cluster.network.vip} {cluster.registration}"
    else:
        # A server that joins must find the others: it listens itself before it has the cluster's data.
        others = [server for server in cluster.servers if server != node]
        for server in others or cluster.servers:
            yield f"{server.internal_address} {cluster.registration}"


def _kernel(system: System) -> Iterator[Goal]:
    yield file("/etc/modules-load.d/clustr.conf", "# Written by clustr.\n" + "\n".join(MODULES))
    for name, effect in MODULES.items():
        yield kernel_module(name, effect)
    settings = dict(sorted({**SYSCTLS, **system.sysctls}.items()))
    lines = "\n".join(f"{key} = {value}" for key, value in settings.items())
    yield file("/etc/sysctl.d/90-clustr.conf", f"# Written by clustr.\n{lines}")
    for key, value in settings.items():
        yield sysctl(key, value)


def _no_swap() -> Iterator[Goal]:
    yield step("swap", probe="base_os_probe_swap", wanted="off", apply="swapoff -a")
    yield step(
        "swap at boot",
        probe="base_os_probe_swap_at_boot",
        wanted="none",
        apply="base_os_apply_swap_at_boot",
        undo="base_os_undo_swap_at_boot",
    )


def _left_alone(names: Family) -> Iterator[Goal]:
    """NetworkManager keeps its hands off the pods' interfaces, and what routes against them is off
    (https://docs.rke2.io/known_issues#networkmanager)."""
    if names.network_manager:
        config = file("/etc/NetworkManager/conf.d/90-clustr.conf", text("base_os/network-manager.conf"))
        again = "base_os_reload_network_manager"
        yield replace(config, apply=f"{config.apply}\n{again}", undo=f"{config.undo}\n{again}")
        yield step(
            "interfaces of pods",
            probe="base_os_probe_pod_interfaces",
            wanted="not managed by NetworkManager",
            apply=again,
        )
    if names.hinders:
        units = " ".join(map(quote, names.hinders))
        yield step(
            "units that hinder pods' packets",
            probe=f"base_os_probe_off {units}",
            wanted="off",
            apply=f"systemctl disable --now --quiet -- {units}",
            disrupts=Disrupts.REBOOT,
        )


def _time(cluster: Cluster, names: Family) -> Iterator[Goal]:
    # The package takes the place of systemd-timesyncd: both provide and conflict with time-daemon.
    yield packages(names.manager, ("chrony",), label="package chrony")
    content = render("base_os/chrony.conf", servers=cluster.time.servers, time=names.time)
    config = file(names.time.config, content)
    yield config
    yield from service(names.time.unit, [config])


def _limits(system: System) -> Iterator[Goal]:
    journald = file(
        "/etc/systemd/journald.conf.d/90-clustr.conf", render("base_os/journald.conf", journal_max=system.journal_max)
    )
    # journald is static (it has no "at boot") and never stopped, so nothing of it is undone but its files.
    drop_in, _, runs = service("systemd-journald.service", [journald])
    yield from (journald, drop_in, replace(runs, undo=""))
    yield file("/etc/security/limits.d/90-clustr.conf", text("base_os/limits.conf"))
    yield file("/etc/systemd/system.conf.d/90-clustr.conf", text("base_os/system.conf"))
    yield step(
        "limits of services",
        probe="systemctl show -p DefaultLimitNOFILE -p DefaultLimitNOFILESoft -p DefaultLimitMEMLOCK",
        wanted="DefaultLimitNOFILE=1048576\nDefaultLimitNOFILESoft=65536\nDefaultLimitMEMLOCK=infinity",
        apply="systemctl daemon-reload",
    )

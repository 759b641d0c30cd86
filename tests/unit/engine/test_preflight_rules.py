"""Preflight rule by rule: what is no finding, and what a finding says of harder cases."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from clustr.components import firewall
from clustr.engine.preflight import Name, preflight, questions
from clustr.inventory.gpu import NodeClass
from clustr.inventory.model import Artifacts, Cluster, Monitoring, Role, Runtime
from clustr.inventory.secrets import Secret
from clustr.remote.facts import (
    Controllers,
    Firewall,
    Former,
    Interface,
    Kernel,
    Listener,
    OperatingSystem,
    Remains,
    Resolver,
    Seen,
    Swap,
)
from clustr.remote.reach import DnfWay, Peer, Reach, Unreached, Way
from clustr.templates import text
from tests.components.gpu_machines import gpu
from tests.components.k3s_nodes import bare, cluster_of, running, with_facts
from tests.unit.engine.preflight_case import THREE
from tests.unit.engine.preflight_cases import SOURCE, answering, judged, k3s, named


def problems(seen: Seen, cluster: Cluster = THREE) -> list[str]:
    return [finding.problem for finding in judged(cluster, seen)]


def on_gpu1(**facts: object) -> Seen:
    return with_facts(bare(THREE), "gpu1", **facts)


def test_cgroup_v1_is_no_matter_where_it_is_allowed_or_the_kubelet_takes_it() -> None:
    for cluster in (k3s(allow_cgroup_v1=True), k3s(version="v1.34.9+k3s1")):
        assert judged(cluster, with_facts(bare(cluster), "gpu1", cgroup=1)) == ()


def test_a_containerd_too_old_for_the_kubelet_is_found() -> None:
    chosen = {"runtime": Runtime(engine="containerd")}
    assert named(judged(THREE.model_copy(update=chosen), bare(THREE))) == {
        ("runtime.containerd", node.name) for node in THREE.nodes
    }
    for cluster in (k3s(version="v1.35.9+k3s1").model_copy(update=chosen), k3s()):
        assert judged(cluster, bare(cluster)) == ()


def test_a_clock_within_half_a_minute_is_no_finding() -> None:
    assert judged(THREE, with_facts(bare(THREE), "gpu1", clock=1029.0)) == ()


@pytest.mark.parametrize("process", ["k3s-server", "kubelet"])
def test_what_clustr_runs_itself_takes_no_port(process: str) -> None:
    seen = with_facts(bare(THREE), "cp1", listeners=(Listener(6443, "tcp", process, "k3s.service"),))
    assert problems(seen) == []


def test_ports_count_where_they_are_needed() -> None:
    both = (Listener(6443, "tcp", "nginx", ""), Listener(9090, "tcp", "cockpit", "cockpit.service"))
    assert problems(on_gpu1(listeners=both)) == []
    assert problems(on_gpu1(listeners=(Listener(10250, "udp", "x", ""), Listener(8472, "udp", "", "")))) == []
    taken = (Listener(8472, "udp", "cilium", ""), Listener(2380, "tcp", "etcd", "etcd.service"))
    assert problems(with_facts(bare(THREE), "cp2", listeners=taken)) == [
        "port 8472/udp is taken by cilium",
        "port 2380/tcp is taken by etcd (etcd.service)",
    ]
    monitor = THREE.nodes[3].model_copy(update={"roles": frozenset({Role.AGENT, Role.MONITOR})})
    watched = THREE.model_copy(update={"nodes": (*THREE.nodes[:3], monitor)})
    assert problems(on_gpu1(listeners=both), watched) == ["port 9090/tcp is taken by cockpit (cockpit.service)"]
    off = watched.model_copy(update={"monitoring": Monitoring(enabled=False)})
    assert problems(on_gpu1(listeners=both), off) == []


def test_imex_takes_no_port_of_its_own() -> None:
    def told(process: str, unit: str) -> list[str]:
        found = on_gpu1(pci=(gpu("2941"),), listeners=(Listener(50000, "tcp", process, unit),))
        return [each for each in problems(found) if "50000" in each]

    assert told("nvidia-imex", "nvidia-imex.service") == []
    assert told("java", "") == ["port 50000/tcp is taken by java"]


def test_a_controller_that_the_command_line_switches_off_is_told_with_the_line() -> None:
    off = Controllers(frozenset(("cpu", "cpuset", "pids")), frozenset(("memory", "io")))
    (found,) = judged(THREE, on_gpu1(controllers=off))
    assert found.remedy == "take cgroup_disable=memory out of its kernel command line"


def test_controllers_that_could_not_be_read_are_not_there_silently() -> None:
    found = judged(THREE, on_gpu1(controllers=None))
    assert named(found) == {(Name.PREFLIGHT_UNKNOWN, "gpu1")}
    assert "/sys/fs/cgroup/cgroup.controllers" in found[0].problem


def test_modules_are_those_of_the_kernel_that_will_run() -> None:
    lists = (
        Kernel("6.1.0", frozenset(("overlay", "br_netfilter", "nf_conntrack", "vxlan"))),
        Kernel("6.2.0", frozenset()),
    )
    assert problems(on_gpu1(kernels=lists)) == []
    works = frozenset(("overlay", "br_netfilter", "nf_conntrack", "vxlan"))
    (found,) = problems(on_gpu1(kernels=lists, next_kernel="6.2.0", working_modules=works))
    assert found.startswith("its kernel 6.2.0 has no module overlay, br_netfilter, nf_conntrack, vxlan")
    (found,) = problems(on_gpu1(kernels=lists, next_kernel="6.3.0", working_modules=works))
    assert found == (
        "whether its kernel has overlay, br_netfilter, nf_conntrack, vxlan could not be told: "
        "/lib/modules/6.3.0 has no modules.dep"
    )
    assert problems(on_gpu1(kernels=(), working_modules=works)) == []
    rest = works - {"vxlan"}
    assert "has no module vxlan" in problems(on_gpu1(kernels=(), working_modules=rest))[0]
    unsure = frozenset(("vxlan",))
    assert "could not be told" in problems(on_gpu1(kernels=(), working_modules=rest, unknown_modules=unsure))[0]


def test_modules_that_clustr_installs_are_not_missed() -> None:
    ten = OperatingSystem("rocky", "10.0", "", "Rocky Linux 10.0")
    seen = on_gpu1(kernels=(Kernel("6.1.0", frozenset(("overlay", "nf_conntrack"))),))
    assert len(problems(seen)) == 1
    assert problems(with_facts(seen, "gpu1", os=ten)) == []


def test_vxlan_is_needed_for_flannels_vxlan_alone() -> None:
    seen = on_gpu1(kernels=(Kernel("6.1.0", frozenset(("overlay", "br_netfilter", "nf_conntrack"))),))
    cluster = k3s(server_config={"flannel-backend": "host-gw"})
    assert problems(seen, cluster) == []
    other = THREE.model_copy(update={"network": THREE.network.model_copy(update={"cni": "none"})})
    assert problems(seen, other) == []


def test_swap_that_fits_into_memory_is_no_finding() -> None:
    assert problems(on_gpu1(swaps=(Swap("/swap", 1_000_000),))) == []


@pytest.mark.parametrize(("servers", "found"), [
    (("127.0.0.53",), [Name.DNS_LOOPBACK]),
    (("10.0.0.2", "127.0.0.1"), [Name.DNS_LOOPBACK]),
    (("fe80::1%eth0",), [Name.DNS_LOOPBACK]),
    (("nonsense",), [Name.DNS_LOOPBACK]),
    (("10.0.0.2", "2001:db8::53"), []),
])  # fmt: skip
def test_name_servers_that_pods_cannot_ask(servers: tuple[str, ...], found: list[Name]) -> None:
    own = Resolver("/etc/resolv.conf", servers)
    assert [each.name for each in judged(THREE, on_gpu1(resolvers=(own,)))] == found
    resolved = Resolver("/run/systemd/resolve/resolv.conf", ("10.0.0.2",))
    assert judged(THREE, on_gpu1(resolvers=(own, resolved))) == ()
    chosen = k3s(agent_config={"resolv-conf": "/etc/pods.conf"})
    assert judged(chosen, on_gpu1(resolvers=(own,))) == ()


@pytest.mark.parametrize(("roles", "found"), [
    ({Role.MONITOR}, ["has 800 MB of memory; as monitor it needs 900", "has 0 CPU; as monitor it needs 1"]),
    ({Role.AGENT, Role.MONITOR}, [
        "has 800 MB of memory; as monitor it needs 900", "has 0 CPU; as agent it needs 1",
        "has 3000 MB free in /var/lib; 4096 are needed",
    ]),
    ({Role.AGENT}, ["has 0 CPU; as agent it needs 1", "has 3000 MB free in /var/lib; 4096 are needed"]),
])  # fmt: skip
def test_a_node_is_as_large_as_the_largest_of_its_roles_needs(roles: set[Role], found: list[str]) -> None:
    node = THREE.nodes[3].model_copy(update={"roles": frozenset(roles)})
    cluster = THREE.model_copy(update={"nodes": (*THREE.nodes[:3], node)})
    small = with_facts(bare(cluster), "gpu1", memory_mb=800, cpus=0, disk_free_mb=3000)
    assert problems(small, cluster) == found
    off = cluster.model_copy(update={"monitoring": Monitoring(enabled=False)})
    assert [line for line in problems(small, off) if "monitor" in line] == []
    if Role.AGENT not in roles:
        assert problems(small, off) == []  # nothing runs there
        assert problems(with_facts(small, "gpu1", disk_free_mb=2000), cluster)[2] == (
            "has 2000 MB free in /var/lib; 2048 are needed"
        )


def test_name_servers_of_a_node_at_work_are_not_judged() -> None:
    seen = with_facts(running(THREE), "gpu1", resolvers=())
    assert preflight(THREE, seen) == ()


def test_copies_have_no_machine_id_either() -> None:
    assert problems(on_gpu1(machine_id="uninitialized")) == ["has no machine-id"]


def test_machines_without_a_name_are_no_copies() -> None:
    seen = with_facts(on_gpu1(hostname="localhost"), "cp1", hostname="localhost")
    assert problems(seen) == []


def test_swapped_addresses_are_told_on_both_nodes() -> None:
    seen = with_facts(on_gpu1(hostname="cp1"), "cp1", hostname="gpu1.example.com")
    found = judged(THREE, seen)
    assert named(found) == {(Name.NODE_NAME, "cp1"), (Name.NODE_NAME, "gpu1")}
    assert found[0].problem == "its machine calls itself gpu1, as another node of the inventory is called"


def test_a_fresh_machine_may_be_called_anything() -> None:
    assert problems(on_gpu1(hostname="ip-10-0-0-4")) == []
    assert problems(on_gpu1(hostname="GPU1.example.com")) == []
    renamed = with_facts(running(THREE), "gpu1", hostname="somebody-changed-it")  # the plan mends it
    assert preflight(THREE, renamed) == ()


def test_one_machine_has_no_address_twice() -> None:
    ports = (Interface("eth0", ("10.0.0.1/24", "10.0.0.4/24"), 1500),)
    found = judged(THREE, on_gpu1(machine_id="0" * 32, boot_id="boot-0", interfaces=ports))
    assert named(found) == {(Name.NODE_SAME_MACHINE, "gpu1")}


def test_a_machine_without_ip_could_not_be_looked_at() -> None:
    assert named(judged(THREE, on_gpu1(interfaces=()))) == {(Name.PREFLIGHT_UNKNOWN, "gpu1")}


def test_clocks_are_compared_at_the_same_moment() -> None:
    assert judged(THREE, on_gpu1(clock=1090.0, asked=90.0)) == ()
    (found,) = judged(THREE, on_gpu1(clock=1000.0, asked=90.0))
    assert found.problem == "its clock is 90 s behind of the others'"


def test_remains_are_told_once_for_each_system() -> None:
    files = tuple(Remains(Former.KUBEADM, f"/etc/kubernetes/{name}.conf") for name in ("a", "b", "c", "d", "e"))
    assert problems(on_gpu1(remains=files)) == [
        "has remains of kubeadm: /etc/kubernetes/a.conf, /etc/kubernetes/b.conf, /etc/kubernetes/c.conf and 2 more"
    ]
    kubespray = (*files, Remains(Former.KUBESPRAY, "/etc/etcd.env"))
    assert problems(on_gpu1(remains=kubespray)) == ["has remains of kubespray: /etc/etcd.env"]
    docker = THREE.model_copy(update={"runtime": Runtime(engine="docker")})
    seen = on_gpu1(remains=(Remains(Former.DOCKER, "chain DOCKER"),))
    assert Name.REMAINS_DOCKER not in {each.name for each in judged(docker, seen)}


def asked(cluster: Cluster, seen: Seen) -> dict[str, list[tuple[str, int]]]:
    return {name: [(peer.node, peer.port) for peer in each.peers] for name, each in questions(cluster, seen).items()}


def test_nodes_are_asked_for_what_they_need_of_each_other() -> None:
    two = cluster_of("cp1", "cp2", "gpu1")
    server = [6443, 2379, 2380, 10250]
    assert asked(two, bare(two)) == {
        "cp1": [*(("cp2", port) for port in server), ("gpu1", 10250)],
        "cp2": [*(("cp1", port) for port in server), ("gpu1", 10250)],
        "gpu1": [("cp1", 6443), ("cp2", 6443)],
    }
    assert all(each.sources for each in questions(two, bare(two)).values())


def test_a_cluster_at_work_is_asked_nothing() -> None:
    assert questions(THREE, running(THREE)) == {}


def test_a_new_node_is_asked_and_those_that_must_reach_it() -> None:
    more = cluster_of("cp1", "cp2", "cp3", "gpu1", "gpu2")
    here = running(THREE)
    seen = replace(here, facts={**here.facts, "gpu2": bare(more)["gpu2"]})
    assert asked(more, seen) == {
        **{name: [("gpu2", 10250)] for name in ("cp1", "cp2", "cp3")},
        "gpu2": [(name, 6443) for name in ("cp1", "cp2", "cp3")],
    }
    assert [name for name, each in questions(more, seen).items() if each.sources] == ["gpu2"]


def test_the_monitor_reaches_every_exporter() -> None:
    monitor = THREE.nodes[3].model_copy(update={"roles": frozenset({Role.MONITOR})})
    cluster = THREE.model_copy(update={"nodes": (*THREE.nodes[:3], monitor)})
    assert asked(cluster, bare(cluster))["gpu1"] == [(name, 9100) for name in ("cp1", "cp2", "cp3")]
    off = cluster.model_copy(update={"monitoring": Monitoring(enabled=False)})
    assert asked(off, bare(off))["gpu1"] == []


def test_behind_a_firewall_that_clustr_opens_nothing_is_asked() -> None:
    seen = with_facts(bare(THREE), "cp1", firewall=Firewall.UFW)
    assert asked(THREE, seen)["gpu1"] == [("cp2", 6443), ("cp3", 6443)]


def test_an_address_that_a_node_does_not_have_is_told_once() -> None:
    seen = with_facts(bare(THREE), "cp1", interfaces=(Interface("lo", ("127.0.0.1/8",), 65536),))
    assert asked(THREE, seen)["gpu1"] == [("cp2", 6443), ("cp3", 6443)]


def test_nodes_that_are_not_reached_alike_are_one_line() -> None:
    many = cluster_of("cp1", *(f"gpu{number}" for number in range(1, 6)))
    lost = [(Peer(f"gpu{number}", f"10.0.0.{number + 1}", 10250), "") for number in range(1, 5)]
    lost.append((Peer("gpu5", "10.0.0.6", 10250), "No route to host"))
    seen = answering(many, bare(many))
    seen = replace(seen, reach={**seen.reach, "cp1": Reach(tuple(lost), sources_asked=1)})
    assert [found.problem for found in preflight(many, seen)] == [
        "does not reach gpu[1-4] at port 10250: nothing comes back",
        "does not reach gpu5 at port 10250: No route to host",
    ]


def test_package_sources() -> None:
    def told(reach: Reach) -> list[str]:
        return problems(replace(bare(THREE), reach={"gpu1": reach}))

    assert told(Reach(sources_asked=0)) == ["has no package source"]
    slow = Unreached(SOURCE, "")
    assert told(Reach(sources=(slow,), sources_asked=1)) == [
        f"its package source does not answer: {SOURCE}: nothing came in time"
    ]
    unresolved = Reach(
        names=("deb.example.com",), sources=(slow, Unreached("http://x.example/", "403")), sources_asked=2
    )
    assert told(unresolved) == [
        "does not resolve deb.example.com, where its packages come from",
        "its package source does not answer: http://x.example/: 403",
    ]
    both = (Unreached("http://a.example/", "404"), Unreached("http://b.example/", "404"), Unreached(SOURCE, "refused"))
    assert told(Reach(sources=both, sources_asked=3)) == [
        "its package sources do not answer: http://a.example/, http://b.example/: 404",
        f"its package source does not answer: {SOURCE}: refused",
    ]


def with_artifacts(**values: object) -> Cluster:
    gpu1 = THREE.nodes[3].model_copy(update={"artifacts": Artifacts.model_validate(values)})
    return THREE.model_copy(update={"nodes": (*THREE.nodes[:3], gpu1)})


def test_sources_are_asked_the_way_that_the_inventory_gives() -> None:
    plain = questions(THREE, bare(THREE))["gpu1"]
    assert (plain.sources, plain.way) == (True, Way())
    proxy = Secret("http://ana:s3cret@proxy.example:3128")
    cluster = with_artifacts(packages={"*": "http://mirror.example"}, https_proxy=proxy)
    found = questions(cluster, bare(cluster))["gpu1"].way
    assert found.mirrors == (
        ("debian", "http://mirror.example/debian"),
        ("debian-security", "http://mirror.example/debian-security"),
    )
    assert found.urls == (
        "http://mirror.example/debian/dists/bookworm/",
        "http://mirror.example/debian-security/dists/bookworm-security/",
    )
    assert 'Acquire::https::Proxy "http://proxy.example:3128"' in found.settings
    assert ("s3cret" in found.logins, "s3cret" in found.settings, "s3cret" in repr(found)) == (True, False, False)


def test_dnf_is_asked_for_the_mirror_that_it_will_have() -> None:
    cluster = with_artifacts(packages={"rocky": "http://mirror.example"}, https_proxy="http://proxy.example:3128")
    rocky = OperatingSystem("rocky", "9.4", "", "Rocky Linux 9.4")
    found = questions(cluster, with_facts(bare(cluster), "gpu1", os=rocky))["gpu1"]
    assert found.sources
    assert found.way.dnf == DnfWay(
        "proxy=http://proxy.example:3128\n", "dl.rockylinux.org/pub/rocky http://mirror.example"
    )
    assert questions(THREE, with_facts(bare(THREE), "gpu1", os=rocky))["gpu1"].sources


def test_a_mirror_that_one_system_cannot_have_hides_nothing_of_the_others() -> None:
    rhel = OperatingSystem("rhel", "9.4", "", "Red Hat Enterprise Linux 9.4")
    cluster = with_artifacts(packages={"*": "http://mirror.example"}, https_proxy="http://proxy.example:3128")
    seen = with_facts(with_facts(bare(cluster), "gpu1", os=rhel), "cp1", systemd=False)
    assert questions(cluster, seen)["gpu1"].sources
    assert named(judged(cluster, seen)) == {(Name.PACKAGES_MIRROR, "gpu1"), (Name.OS_SYSTEMD, "cp1")}
    one = with_artifacts(packages={"rocky": "http://mirror.example"})
    assert judged(one, with_facts(bare(one), "gpu1", os=rhel)) == ()
    unknown = with_facts(seen, "gpu1", os=OperatingSystem("plan9", "4", "", "Plan 9"))
    assert named(judged(cluster, unknown)) == {(Name.OS_UNSUPPORTED, "gpu1"), (Name.OS_SYSTEMD, "cp1")}


def test_the_facts_tell_of_every_port_that_a_node_needs() -> None:
    every = THREE.nodes[0].model_copy(update={"roles": frozenset(Role), "expects": NodeClass(gpus=8)})
    (pattern,) = re.findall(r"local ports='(.*?)'", text("remote/facts.sh"))
    rack = with_facts(bare(THREE), every.name, pci=(gpu("2941"),))
    assert "50000/tcp" in firewall.ports(THREE, every, rack)
    for written in firewall.ports(THREE, every, rack):
        first, _, last = written.partition("/")[0].partition(":")
        for port in range(int(first), int(last or first) + 1):
            assert re.fullmatch(pattern, str(port)), port

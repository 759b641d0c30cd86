"""For each finding of preflight the facts that make it, on one node of a small cluster where all else is well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from clustr.engine.preflight import Finding, Name, preflight, questions
from clustr.errors import ClustrError, HostKeyError, LoginError, SudoError, UnreachableError
from clustr.inventory.model import Artifacts, Cluster, K3s, Runtime
from clustr.remote.facts import (
    Controllers,
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
from clustr.remote.reach import Peer, Reach, Unreached
from tests.components.k3s_nodes import VERSION, bare, running, server_of, with_facts
from tests.unit.engine.preflight_case import THREE, Case
from tests.unit.engine.preflight_gpu_cases import GPU_CASES, with_gpu1


def k3s(cluster: Cluster = THREE, **values: object) -> Cluster:
    return cluster.model_copy(update={"k3s": K3s.model_validate({"version": VERSION, **values})})


def answering(cluster: Cluster, seen: Seen) -> Seen:
    """All that is asked whether it is reached answers; what was told otherwise stays so."""
    well = {name: Reach(sources_asked=3 if asked.sources else None) for name, asked in questions(cluster, seen).items()}
    return replace(seen, reach={**well, **seen.reach})


def judged(cluster: Cluster, seen: Seen) -> tuple[Finding, ...]:
    return preflight(cluster, answering(cluster, seen))


def named(findings: tuple[Finding, ...]) -> set[tuple[str, str]]:
    return {(finding.name, finding.node) for finding in findings}


def of_node(node: str = "gpu1", words: str = "", cluster: Cluster = THREE, **facts: object) -> Case:
    return Case(lambda cluster: with_facts(bare(cluster), node, **facts), node, cluster, words=words)


def reaching(reach: Reach, words: str) -> Case:
    return Case(lambda cluster: replace(bare(cluster), reach={"gpu1": reach}), words=words)


def silent(error: ClustrError) -> Case:
    """Beside something else: alone it stops nothing."""

    def seen(cluster: Cluster) -> Seen:
        return replace(with_facts(bare(cluster, "gpu1"), "cp1", systemd=False), silent={"gpu1": error})

    return Case(seen, beside=frozenset({("os.systemd", "cp1")}), words=error.problem)


def left(of: Former, *what: str) -> Case:
    return of_node(words=f"{what[0]}", remains=tuple(Remains(of, each) for each in what))


def version_there(version: str) -> Callable[[Cluster], Seen]:
    def seen(cluster: Cluster) -> Seen:
        here = running(cluster)
        return with_facts(here, "cp2", k3s=replace(here["cp2"].k3s, version=version))

    return seen


def known_as(name: str) -> Callable[[Cluster], Seen]:
    """gpu1's machine works in the cluster already, under another name."""

    def seen(cluster: Cluster) -> Seen:
        here = running(cluster)
        for server in cluster.servers:
            kept = tuple(replace(each, name=name) if each.name == "gpu1" else each for each in here.kube_nodes())
            here = with_facts(here, server.name, k3s=replace(here[server.name].k3s, nodes=kept))
        return with_facts(here, "gpu1", hostname=name)

    return seen


ETH0 = Interface("eth0", ("10.0.0.4/24",), 1500)
LO = Interface("lo", ("127.0.0.1/8",), 65536)
TO_CP1 = Peer("cp1", "10.0.0.1", 6443)
CONTAINERD = THREE.model_copy(update={"runtime": Runtime(engine="containerd")})
GPU1_AT_ETH1 = THREE.model_copy(
    update={
        "nodes": tuple(
            node.model_copy(update={"interface": "eth1"}) if node.name == "gpu1" else node for node in THREE.nodes
        )
    }
)
MIRRORED = with_gpu1(artifacts=Artifacts(packages={"*": "https://mirror.example.com"}))
RHEL = OperatingSystem("rhel", "9.4", "", "Red Hat Enterprise Linux 9.4")
SOURCE = "http://deb.example.com/debian/dists/bookworm/"

CASES: dict[Name, Case] = {
    Name.CLUSTER_LOST: Case(lambda cluster: running(cluster, "cp1", "cp2", "cp3")),
    Name.CLUSTER_REJOIN: Case(lambda cluster: running(cluster, "cp3"), "cp3"),
    Name.CLUSTER_SILENT_SERVER: Case(lambda cluster: bare(cluster, "cp2"), "cp2"),
    Name.CLUSTER_TWO: Case(
        lambda cluster: with_facts(running(cluster), "cp3", k3s=server_of(cluster, ca="d" * 64)), "cp3"
    ),
    Name.DNS_LOOPBACK: of_node(words="127.0.0.53", resolvers=(Resolver("/etc/resolv.conf", ("127.0.0.53",)),)),
    Name.DNS_NO_ANSWER: reaching(
        Reach(names=("deb.example.com",), sources=(Unreached(SOURCE, "no address"),), sources_asked=1),
        "deb.example.com",
    ),
    Name.DNS_NO_SERVER: of_node(resolvers=(Resolver("/etc/resolv.conf", ()),)),
    Name.K3S_DOWNGRADE: Case(version_there("v1.99.0+k3s1"), "cp2"),
    Name.K3S_SKIPPED_MINOR: Case(version_there("v1.34.9+k3s1"), "cp2"),
    Name.NETWORK_ADDRESS: of_node(interfaces=(LO,)),
    Name.NETWORK_INTERFACE: Case(bare, cluster=GPU1_AT_ETH1),
    Name.NETWORK_SAME_ADDRESS: of_node(
        interfaces=(ETH0, Interface("eth1", ("10.0.0.2/24",), 1500)), words="10.0.0.2 too, the internal address of cp2"
    ),
    Name.NETWORK_UNREACHED: reaching(
        Reach(((TO_CP1, ""),), sources_asked=1), "does not reach cp1 at port 6443: nothing comes back"
    ),
    Name.NODE_HOST_KEY: silent(HostKeyError("its host key has changed")),
    Name.NODE_HOSTNAME: Case(
        lambda cluster: with_facts(with_facts(bare(cluster), "cp1", hostname="clone"), "gpu1", hostname="clone"),
        words="has the name of cp1's, clone",
    ),
    Name.NODE_LOGIN: silent(LoginError("refuses the key")),
    Name.NODE_MACHINE_ID: of_node(machine_id="0" * 32, words="has the machine-id of cp1"),
    Name.NODE_NAME: Case(known_as("worker-7"), words="knows its machine as worker-7"),
    Name.NODE_SAME_MACHINE: of_node(machine_id="0" * 32, boot_id="boot-0"),
    Name.NODE_SUDO: silent(SudoError("sudo refuses the password")),
    Name.NODE_UNREACHABLE: silent(UnreachableError("does not answer")),
    Name.OS_ARCHITECTURE: of_node(architecture="riscv64"),
    Name.OS_CGROUP_CONTROLLERS: of_node(
        controllers=Controllers(frozenset(("cpu", "cpuset", "pids"))), words="has no cgroup controller memory"
    ),
    Name.OS_CGROUP_V1: of_node(cgroup=1),
    Name.OS_KERNEL_MODULES: of_node(
        kernels=(Kernel("6.1.0", frozenset(("overlay", "br_netfilter", "nf_conntrack"))),), words="vxlan"
    ),
    Name.OS_SWAP: of_node(swaps=(Swap("/swap", 7_000_000),), words="6835 MB lie in its swap"),
    Name.OS_SYSTEMD: of_node(systemd=False),
    Name.OS_UNSUPPORTED: of_node(os=OperatingSystem("plan9", "4", "", "Plan 9"), words="Plan 9"),
    Name.PACKAGES_MIRROR: Case(
        lambda cluster: with_facts(bare(cluster), "gpu1", os=RHEL), cluster=MIRRORED, words="Red Hat Enterprise Linux"
    ),
    Name.PACKAGES_SOURCE: reaching(
        Reach(sources=(Unreached(SOURCE, "404 Not Found"),), sources_asked=1), f"{SOURCE}: 404 Not Found"
    ),
    Name.PORT_TAKEN: of_node(
        "cp1", "port 6443/tcp is taken by nginx (nginx.service)",
        listeners=(Listener(6443, "tcp", "nginx", "nginx.service"),),
    ),
    Name.PREFLIGHT_UNKNOWN: of_node(listeners=None, words="which ports are taken could not be told"),
    Name.REMAINS_CNI: left(Former.CNI, "/etc/cni/net.d/10-calico.conflist", "/sys/class/net/cni0"),
    Name.REMAINS_DOCKER: left(Former.DOCKER, "chain DOCKER"),
    Name.REMAINS_GPU_OPERATOR: left(Former.GPU_OPERATOR, "/usr/local/nvidia"),
    Name.REMAINS_IPTABLES: left(Former.IPTABLES, "chains KUBE"),
    Name.REMAINS_KUBEADM: left(Former.KUBEADM, "/etc/kubernetes/kubelet.conf"),
    Name.REMAINS_KUBELET: left(Former.KUBELET, "/usr/bin/kubelet"),
    Name.REMAINS_KUBESPRAY: left(Former.KUBESPRAY, "/etc/etcd.env"),
    Name.REMAINS_MICROK8S: left(Former.MICROK8S, "/snap/microk8s"),
    Name.REMAINS_MOUNTS: left(Former.MOUNTS, "/var/lib/kubelet/pods/1/volumes"),
    Name.REMAINS_RKE: left(Former.RKE, "/opt/rke"),
    Name.REMAINS_RKE2: left(Former.RKE2, "/var/lib/rancher/rke2"),
    Name.RUNTIME_CONTAINERD: Case(
        bare, cluster=CONTAINERD, beside=frozenset(("runtime.containerd", name) for name in ("cp1", "cp2", "cp3"))
    ),
    Name.RUNTIME_MISSING: of_node(
        os=RHEL, cluster=k3s(CONTAINERD, version="v1.34.9+k3s1"), words="has no containerd among its packages"
    ),
    Name.SIZE_CPUS: of_node(cpus=0),
    Name.SIZE_DISK: of_node(disk_free_mb=100),
    Name.SIZE_MEMORY: of_node(memory_mb=400, swaps=()),
    Name.TIME_CLOCK: of_node(clock=1031.0),
    **GPU_CASES,
}  # fmt: skip

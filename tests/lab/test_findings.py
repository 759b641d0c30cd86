"""Every finding of preflight that a node can be broken into, made to happen once: many nodes' worth in three plans.

What no node of a lab can be is made of recorded facts: tests/unit/engine/preflight_cases.py has every finding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clustr import lab as labs
from clustr.engine.preflight import Name
from clustr.inventory.ranges import expand
from clustr.lab.model import Spec
from tests.lab.cluster import LabCluster
from tests.lab.conftest import LAB
from tests.unit.engine.preflight_cases import CASES
from tests.unit.engine.preflight_gpu_cases import GPU_CASES

Found = set[tuple[str, str]]
ALL = ("cp1", "agent1", "agent2")

# This machine's nodes have the cgroups that it has.
CGROUP_V2 = Path("/sys/fs/cgroup/cgroup.controllers").exists()
CONTROLLERS = (
    ("/sys/fs/cgroup/cgroup.controllers", "cpu io pids")
    if CGROUP_V2
    else ("/proc/cgroups", "#name hierarchy num enabled", "cpu 1 1 1", "pids 2 1 1")
)
LISTEN = (
    "systemd-run -q --unit=squatter perl -MIO::Socket::INET -e "
    "'my $kept = IO::Socket::INET->new(Listen => 1, LocalPort => 6443) or die; sleep 600'"
)


def instead(path: str, *lines: str) -> str:
    """Another file in the place of one that the kernel makes."""
    kept = f"/root{path.replace('/', '-')}"
    return f"printf '%s\\n' {' '.join(repr(line) for line in lines)} >{kept}; mount --bind {kept} {path}"


def answers(command: str, condition: str, words: str) -> str:
    """A command that answers otherwise than the node's own, which it asks for all else."""
    path = f"/usr/local/sbin/{command}"
    wrapper = f'#!/bin/bash\nif {condition}; then echo {words}; else exec /usr/bin/{command} "$@"; fi'
    return f"cat >{path} <<'END'\n{wrapper}\nEND\nchmod 755 {path}"


# What is done to a node, and the findings that it makes there.
HOSTS: dict[str, list[tuple[str, tuple[Name, ...]]]] = {
    "cp1": [
        (LISTEN, (Name.PORT_TAKEN,)),
        (instead("/proc/meminfo", "MemTotal: 500000 kB", "MemAvailable: 100000 kB"), (Name.SIZE_MEMORY,)),
        (instead("/proc/swaps", "Filename Type Size Used Priority", "/swap file 900000 800000 -2"), (Name.OS_SWAP,)),
        (answers("getconf", 'test "$1" = _NPROCESSORS_ONLN', "1"), (Name.SIZE_CPUS,)),
        (instead(CONTROLLERS[0], *CONTROLLERS[1:]), (Name.OS_CGROUP_CONTROLLERS,)),
        (instead("/proc/filesystems", "nodev proc"), (Name.OS_KERNEL_MODULES,)),
        (instead("/proc/1/comm", "runit"), (Name.OS_SYSTEMD,)),
        (": >/etc/resolv.conf", (Name.DNS_NO_SERVER, Name.DNS_NO_ANSWER)),
        (": >/etc/etcd.env", (Name.REMAINS_KUBESPRAY,)),
    ],
    "agent1": [
        ("echo 00000000000000000000000000000001 >/etc/machine-id; echo clone >/proc/sys/kernel/hostname", ()),
        (answers("date", 'test "$1" = +%s.%N', '"$(($(/usr/bin/date +%s) + 90)).0"'), (Name.TIME_CLOCK,)),
        ("iptables -I OUTPUT -p tcp -d CP1 --dport 6443 -j DROP", (Name.NETWORK_UNREACHED,)),
        ("echo 'deb http://CP1:9/debian bookworm main' >/etc/apt/sources.list", (Name.PACKAGES_SOURCE,)),
        ("iptables -N KUBE-FORWARD", (Name.REMAINS_IPTABLES,)),
        ("iptables -t nat -N DOCKER", (Name.REMAINS_DOCKER,)),
        ("mkdir -p /etc/kubernetes; : >/etc/kubernetes/kubelet.conf", (Name.REMAINS_KUBEADM,)),
        (": >/usr/bin/kubelet", (Name.REMAINS_KUBELET,)),
        ("mkdir -p /opt/rke /var/lib/rancher/rke2 /snap/microk8s", (Name.REMAINS_RKE, Name.REMAINS_RKE2)),
        ("mkdir -p /usr/local/nvidia/toolkit", (Name.REMAINS_GPU_OPERATOR, Name.REMAINS_MICROK8S)),
        ("mkdir -p /etc/cni/net.d; : >/etc/cni/net.d/10-calico.conflist", (Name.REMAINS_CNI,)),
        ("mkdir -p /var/lib/kubelet/pods/1; mount -t tmpfs tmpfs /var/lib/kubelet/pods/1", (Name.REMAINS_MOUNTS,)),
    ],
    "agent2": [
        ("echo 00000000000000000000000000000001 >/etc/machine-id", (Name.NODE_MACHINE_ID,)),
        ("echo clone >/proc/sys/kernel/hostname", (Name.NODE_HOSTNAME,)),
        ("printf 'ID=plan9\\nVERSION_ID=4\\nPRETTY_NAME=Plan\\n' >/etc/os-release", (Name.OS_UNSUPPORTED,)),
        (answers("uname", 'test "$1" = -m', "riscv64"), (Name.OS_ARCHITECTURE,)),
        ("mount -t tmpfs -o size=50m tmpfs /var/lib", (Name.SIZE_DISK,)),
        ("mkdir -p /var/lib/rancher/k3s/agent; : >/var/lib/rancher/k3s/agent/client-kubelet.crt", (Name.CLUSTER_LOST,)),
        ("echo nameserver 127.0.0.1 >/etc/resolv.conf", (Name.DNS_LOOPBACK, Name.DNS_NO_ANSWER)),
        ("mount --bind /bin/false /usr/bin/ss", (Name.PREFLIGHT_UNKNOWN,)),
        ("ip addr add CP1/32 dev lo", (Name.NETWORK_SAME_ADDRESS,)),  # and what it sends to cp1 stays there
    ],
}  # fmt: skip


def hosts_broken() -> Found:
    broken: Found = {(name, node) for node, breaks in HOSTS.items() for _, names in breaks for name in names}
    broken.add((Name.NETWORK_UNREACHED, "cp1"))  # agent2, which has cp1's address and answers itself
    return broken if CGROUP_V2 else broken | {(Name.OS_CGROUP_V1, node) for node in ALL}


FURTHER = {  # a node of the inventory, by the last octet of a further address of agent2
    "twin": (102, {}),
    "sudoless": (103, {"user": "weak"}),
    "locked": (104, {"user": "stranger"}),
    "changed": (105, {}),
}
NAMES: Found = {
    (Name.NETWORK_INTERFACE, "cp1"),
    (Name.NETWORK_ADDRESS, "agent1"),
    (Name.NODE_NAME, "agent2"),
    (Name.NODE_NAME, "twin"),
    (Name.NODE_SAME_MACHINE, "twin"),
    (Name.NETWORK_SAME_ADDRESS, "agent2"),
    (Name.NETWORK_SAME_ADDRESS, "twin"),
    (Name.NODE_SUDO, "sudoless"),
    (Name.NODE_LOGIN, "locked"),
    (Name.NODE_HOST_KEY, "changed"),
    (Name.NODE_UNREACHABLE, "cp9"),
    (Name.CLUSTER_SILENT_SERVER, "cp9"),
}
CLUSTERS: Found = {
    (Name.K3S_DOWNGRADE, "cp1"),
    (Name.K3S_SKIPPED_MINOR, "agent1"),
    (Name.CLUSTER_TWO, "agent1"),
    (Name.CLUSTER_REJOIN, "agent2"),
    (Name.RUNTIME_CONTAINERD, "cp1"),
    (Name.RUNTIME_CONTAINERD, "agent1"),
    (Name.RUNTIME_MISSING, "agent2"),
    (Name.PACKAGES_MIRROR, "agent2"),
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabCluster]:
    name = f"{LAB}-preflight"
    labs.down(name, lambda line: None)
    lab = labs.up(Spec(name=name, servers=1, agents=2, artifacts="none"), lambda line: None)
    yield LabCluster(lab, tmp_path_factory.mktemp("laptop"), {"COLUMNS": "500"})
    labs.down(name, lambda line: None)


def found(cluster: LabCluster, inventory: Path, *words: str) -> Found:
    """What a plan finds, as a person reads it: nodes, name, problem, remedy, a line each."""
    done = cluster.clustr("plan", str(inventory), *words).expect(5)
    assert "in the way. Nothing was changed." in done.stderr
    lines = [re.fullmatch(r"  (\S.*?)  ([a-z0-9.-]+)  (.+): (.+)", line) for line in done.stderr.splitlines()]
    told = {(match[2], node) for match in lines if match for part in match[1].split() for node in expand(part)}
    assert {name for name, _ in told} <= set(Name), done.stderr
    return told


def expect(cluster: LabCluster, inventory: Path, expected: Found, kept: Name) -> None:
    """All at once, and each by its name: with all ignored but one, that one is left."""
    assert found(cluster, inventory) == expected
    ignored = [word for name in sorted({name for name, _ in expected} - {kept}) for word in ("--ignore", name)]
    assert found(cluster, inventory, *ignored) == {(name, node) for name, node in expected if name == kept}


def test_fresh_nodes_have_nothing_in_the_way_and_stay_as_they_are(cluster: LabCluster) -> None:
    cluster.on("agent1", "sleep 1; touch /mark; sleep 1")
    done = cluster.clustr("plan", str(cluster.inventory))
    assert "in the way" not in done.stderr
    assert "sha256sum" in done.stderr, done.stderr  # what comes next, and these nodes have no place to take k3s from
    written = cluster.on("agent1", "find / -xdev -newer /mark -type f -not -path '/var/log/journal/*'")
    assert written.split() == []


def test_hosts_that_are_not_as_they_must_be(cluster: LabCluster) -> None:
    cluster.on("agent1", "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qqy iptables")
    server = str(cluster.lab.node("cp1").address)
    for node, breaks in HOSTS.items():
        cluster.on(node, "set -e\n" + "\n".join(script.replace("CP1", server) for script, _ in breaks))
    strict = cluster.variant("strict", lambda document: document.pop("k3s", None))
    expect(cluster, strict, hosts_broken(), Name.PORT_TAKEN)


def test_names_and_addresses_that_are_not_the_machines(cluster: LabCluster) -> None:
    fresh(cluster)
    net = str(cluster.lab.network.network_address).rpartition(".")[0]
    cluster.on("agent2", "\n".join(f"ip addr add {net}.{octet}/24 dev host0" for octet, _ in FURTHER.values()))
    cluster.on("agent2", "echo agent1 >/proc/sys/kernel/hostname; useradd --create-home weak; useradd stranger")
    cluster.on(
        "agent2", "install -d -o weak /home/weak/.ssh; install -o weak /root/.ssh/authorized_keys /home/weak/.ssh"
    )
    known = cluster.home / "known_hosts"
    lines = cluster.lab.known_hosts.read_text().splitlines()
    other = next(line for line in lines if line.split()[0] == str(cluster.lab.node("cp1").address))
    known.write_text("\n".join([*lines, f"{net}.{FURTHER['changed'][0]} {other.split(maxsplit=1)[1]}\n"]))

    def edit(document: dict[str, Any]) -> None:
        document["ssh"].update(known_hosts=str(known), host_keys="accept-new", connect_within=1)
        first, second, _ = document["nodes"]
        first["interface"] = "eth9"
        second["internal_address"] = f"{net}.200"
        document["nodes"] += [
            {"name": name, "address": f"{net}.{octet}", "roles": ["agent"], "ssh": ssh}
            for name, (octet, ssh) in FURTHER.items()
        ]
        document["nodes"].append({"name": "cp9", "address": f"{net}.250", "roles": ["server"]})

    expect(cluster, cluster.variant("names", edit), NAMES, Name.NETWORK_ADDRESS)


def test_clusters_that_are_there_already(cluster: LabCluster) -> None:
    fresh(cluster)
    listing = "\\n".join(f"{name} open True v1.99.0+k3s1" for name in ALL)
    cluster.on("cp1", k3s_of("v1.99.0+k3s1", "ours", listing))
    cluster.on("agent1", k3s_of("v1.34.1+k3s1", "theirs", ""))
    cluster.on("agent2", "printf 'ID=rhel\nVERSION_ID=9.4\nPRETTY_NAME=RHEL\n' >/etc/os-release")

    def edit(document: dict[str, Any]) -> None:
        document["k3s"].update(version="v1.36.5+k3s1")
        document["runtime"] = {"engine": "containerd"}
        for node in document["nodes"]:
            node["roles"] = ["server"]
        document["nodes"][2]["artifacts"] = {"packages": {"*": "https://mirror.example.com"}}

    expect(cluster, cluster.variant("clusters", edit), CLUSTERS, Name.CLUSTER_TWO)


def k3s_of(version: str, authority: str, listing: str) -> str:
    """What tells of a k3s at work: its program, its unit, etcd's data and a CA."""
    return f"""set -e
        rancher=/var/lib/rancher/k3s
        mkdir -p $rancher/server/db/etcd/member $rancher/server/tls $rancher/agent
        echo {authority} >$rancher/server/tls/server-ca.crt
        : >$rancher/agent/client-kubelet.crt
        cat >/usr/local/bin/k3s <<'END'
#!/bin/bash
case $1 in --version) echo "k3s version {version} (00000000)" ;; kubectl) printf '{listing}\n' ;; esac
END
        chmod 755 /usr/local/bin/k3s
        systemd-run -q --unit=k3s sleep 600"""


def fresh(cluster: LabCluster) -> None:
    for name in ALL:
        labs.reset_node(cluster.lab, name, lambda line: None)


def test_what_no_node_can_be_is_made_of_recorded_facts() -> None:
    """So that each name is made to happen: here, or there. GPUs' are all made there, and those that a lab node can have
    in test_17_gpu_doctor.py too."""
    here = {name for name, _ in hosts_broken() | NAMES | CLUSTERS}
    assert here | set(CASES) == set(Name)
    assert set(Name) - here - set(GPU_CASES) <= ({Name.OS_CGROUP_V1} if CGROUP_V2 else set())

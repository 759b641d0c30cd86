"""What k3s servers and agents share: which server is first, tokens, the program, its unit and its config.yaml.

Sources: docs.k3s.io, "Configuration Options", "High Availability Embedded etcd", "token".
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import yaml

from clustr.artifacts import K3S, artifact, site_ca
from clustr.components import proxy
from clustr.components.selinux import confines
from clustr.engine.goal import Goal, Later
from clustr.engine.makers import Reads, file, link, service, sha256, usual_umask
from clustr.inventory.model import Cluster, Node
from clustr.inventory.secrets import Secret
from clustr.remote.facts import Datastore, Seen
from clustr.templates import render, text

PROGRAM = "/usr/local/bin/k3s"
CONFIG = "/etc/rancher/k3s/config.yaml"
TOKEN = "/etc/rancher/k3s/token"  # noqa: S105 - a path
CGROUP_V1_REFUSED = (1, 35)  # KEP-5573: from here on a kubelet refuses cgroup v1
RUNTIMES = {"k3s": "", "containerd": "containerd.service", "docker": "docker.service"}
CONTAINERD = "unix:///run/containerd/containerd.sock"


@dataclass(frozen=True)
class Part:
    """What of k3s runs on a node: `k3s server` or `k3s agent`."""

    role: str
    unit: str
    uninstall: str


SERVER = Part("server", "k3s.service", "/usr/local/bin/k3s-uninstall.sh")
AGENT = Part("agent", "k3s-agent.service", "/usr/local/bin/k3s-agent-uninstall.sh")


@dataclass(frozen=True)
class Token:
    """A join token: the password, and the sha256 of the CA that vouches for the servers ("" before there is one).

    Its K10 form pins that CA, so that a joining node talks to no other cluster.
    """

    user: str
    password: str
    ca: str

    @classmethod
    def of(cls, written: Secret) -> Token:
        """Reads either form: K10CA::user:password, or the password alone."""
        found = re.fullmatch(r"K10([0-9a-f]*)::([^:]*):(.*)", written.reveal())
        return cls(found[2], found[3], found[1]) if found else cls("server", written.reveal(), "")

    @property
    def text(self) -> str:
        return f"K10{self.ca}::{self.user}:{self.password}" if self.ca else self.password

    def for_agents(self) -> Token:
        """The token that admits agents and no servers (`agent-token`).

        It comes one way from the servers' token, so that all servers have the same, none has to be kept, and a node
        that loses it gives no server away. Rotating the servers' token renews it as well.
        """
        derived = hmac.new(self.password.encode(), b"clustr: token of agents", hashlib.sha256).hexdigest()
        return replace(self, user="node", password=derived)


def first_server(cluster: Cluster, seen: Seen) -> Node | None:
    """The first server that holds cluster data; else, where all servers answered, the first of all.

    None where a server that did not answer might hold the data: nothing may be founded then.
    """
    servers = cluster.servers
    holding = next((node for node in servers if datastore(seen, node) is not Datastore.NONE), None)
    if holding or not servers:
        return holding
    return servers[0] if all(seen.answered(node.name) for node in servers) else None


def api_server(cluster: Cluster, seen: Seen) -> Node | None:
    """The server to ask about Node objects: the first whose API answers, else the first server."""
    told = (node for node in cluster.servers if seen.answered(node.name) and seen[node.name].k3s.nodes)
    return next(told, first_server(cluster, seen))


def datastore(seen: Seen, node: Node) -> Datastore:
    """What cluster data a node holds, as far as it answered."""
    return seen[node.name].k3s.datastore if seen.answered(node.name) else Datastore.NONE


def cluster_token(cluster: Cluster, seen: Seen) -> Token | None:
    """The servers' token: the running cluster's, else the one just made; None before there is any."""
    first = first_server(cluster, seen)
    ordered = sorted(cluster.servers, key=lambda node: node != first)
    told = (seen[node.name].k3s.token for node in ordered if seen.answered(node.name))
    written = next((token for token in told if token), seen.new_token)
    return Token.of(written) if written else None


def token_secrets(seen: Seen) -> list[Secret]:
    """Every form of every token that is known, to be masked wherever something is shown."""
    known = [facts.k3s.token for facts in seen.facts.values()] + [seen.new_token]
    tokens = [Token.of(written) for written in known if written]
    passwords = {each.password for token in tokens for each in (token, token.for_agents())}
    return [Secret(value) for value in sorted(passwords)]


def token_goal(name: str, path: str, token: Token | None) -> Goal:
    """A file with a token. Either form of the same password holds; a joining node is given the one that pins the CA."""
    probe = f"k3s_probe_token {path} '{token.ca if token else ''}'"
    if token is None:
        unknown = file(path, Later("First server", "join token"), mode=0o600, secret=True)
        return replace(unknown, name=name, probe=probe)
    wanted = f"0600 root:root\n{sha256(token.password)}"
    return replace(file(path, token.text, mode=0o600, secret=True), name=name, probe=probe, wanted=wanted)


def program(cluster: Cluster, node: Node, seen: Seen, part: Part) -> tuple[Goal, ...]:
    """The k3s binary, the names people call it by, and the two scripts that k3s's own installer leaves."""
    uninstall = render("k3s/k3s-uninstall.sh", unit=part.unit, script=part.uninstall)
    return (
        artifact(cluster, seen, node, K3S, cluster.k3s.version).at(PROGRAM),
        *(link(f"/usr/local/bin/{name}", "k3s") for name in ("kubectl", "crictl", "ctr")),
        file("/usr/local/bin/k3s-killall.sh", text("k3s/k3s-killall.sh"), mode=0o755),
        file(part.uninstall, uninstall, mode=0o755),
    )


def config(part: Part, settings: Mapping[str, object]) -> Goal:
    """config.yaml, refused before it is in place where it has a key that this k3s does not know."""
    body = yaml.safe_dump(dict(settings), sort_keys=False, width=120)
    return file(CONFIG, f"# Written by clustr.\n{body}", mode=0o600, check=f"k3s_check_keys {part.role}")


def unit(cluster: Cluster, node: Node, part: Part) -> tuple[Goal, ...]:
    content = render("k3s/k3s.service", unit=part.unit, role=part.role, runtime=RUNTIMES[cluster.runtime.engine])
    return file(f"/etc/systemd/system/{part.unit}", content), usual_umask(part.unit), *proxy.drop_in(part.unit, node)


def running(cluster: Cluster, node: Node, seen: Seen, part: Part, reads: Iterable[Goal]) -> tuple[Goal, ...]:
    """The unit at boot and running with this binary, these files, and the node's proxies and CA. A restart leaves the
    pods alone."""
    binary = artifact(cluster, seen, node, K3S, cluster.k3s.version)
    way_out = (*proxy.variables(cluster, node, seen), *site_ca(cluster, node))
    return service(part.unit, (*reads, *way_out, Reads(PROGRAM, binary.sum)))


def node_settings(cluster: Cluster, node: Node, seen: Seen) -> dict[str, object]:
    """The keys of config.yaml that servers and agents have alike. Labels and taints are goals of the Node object."""
    settings: dict[str, object] = {"node-name": node.name, "node-ip": node.internal_address}
    if node.interface and cluster.network.cni == "flannel":
        settings["flannel-iface"] = node.interface
    if confines(seen[node.name]):
        settings["selinux"] = True
    arguments = list(cluster.k3s.kubelet_args)
    if cluster.k3s.allow_cgroup_v1 and refuses_cgroup_v1(cluster) and seen[node.name].cgroup == 1:
        arguments.append("fail-cgroupv1=false")
    if arguments:
        settings["kubelet-arg"] = arguments
    if cluster.runtime.engine == "containerd":
        settings["container-runtime-endpoint"] = CONTAINERD
    if cluster.runtime.engine == "docker":
        settings["docker"] = True
    return settings


def refuses_cgroup_v1(cluster: Cluster) -> bool:
    return minor(cluster.k3s.version) >= CGROUP_V1_REFUSED


def minor(version: str) -> tuple[int, int]:
    """v1.36.5+k3s1 -> (1, 36); (0, 0) for what is no version."""
    found = re.match(r"v(\d+)\.(\d+)\.", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def with_further(settings: dict[str, object], further: Mapping[str, object]) -> dict[str, object]:
    """Keys of the inventory put in: a list adds to clustr's own, anything else replaces it."""
    merged = dict(settings)
    for key, value in sorted(further.items()):
        ours = merged.get(key)
        if isinstance(ours, list) and isinstance(value, list | tuple):
            merged[key] = [*ours, *(each for each in value if each not in ours)]
        else:
            merged[key] = list(value) if isinstance(value, tuple) else value
    return merged

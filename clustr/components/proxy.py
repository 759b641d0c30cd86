"""Part of package_source: the proxies of a node, in one file of variables for clustr's own downloads, k3s and the
container runtime.

k3s hands them to the pods of its helm jobs as well (https://github.com/k3s-io/helm-controller/issues/252): a login in a
proxy's URL is then readable to whoever may read pods in kube-system. Other pods get none of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import AddressValueError, IPv4Address, IPv4Network

from clustr.components.firewall import networks
from clustr.engine.goal import Goal
from clustr.engine.makers import file, step
from clustr.inventory.model import Artifacts, Cluster, Node
from clustr.inventory.places import host_of
from clustr.inventory.secrets import Secret
from clustr.remote.facts import Seen
from clustr.templates import text

ENVIRONMENT = "/etc/clustr/proxy.env"  # templates/engine/applies.sh, use_proxy, reads it too
DIRECT_GOAL = "reached without the proxy: "


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterator[Goal]:
    """The file of variables. It may hold a login, and once have held one, so its content is shown nowhere."""
    if not node.artifacts.proxied:
        return
    yield _in_force(_file(cluster, node, seen))
    # Their records tell a later run the network of a node that does not answer then (firewall.networks).
    for network in networks(cluster, node, seen, DIRECT_GOAL):
        yield step(
            f"{DIRECT_GOAL}{network}",
            probe=f"package_source_probe_past_proxy {network}",
            wanted="yes",
            apply=f'[ "$(package_source_probe_past_proxy {network})" = yes ]',
            undo=":",
        )


def _file(cluster: Cluster, node: Node, seen: Seen) -> Goal:
    return file(ENVIRONMENT, environment(cluster, node, seen), mode=0o600, secret=True)


def _in_force(written: Goal) -> Goal:
    """The rest of the apply script downloads through it too."""
    return replace(written, apply=f"{written.apply}\nuse_proxy", undo=f"{written.undo}\nuse_proxy")


def environment(cluster: Cluster, node: Node, seen: Seen) -> str:
    """Both spellings: curl knows no upper-case HTTP_PROXY (curl(1), ENVIRONMENT), others know nothing else.

    The form is that of systemd.exec(5), EnvironmentFile=, and of a shell alike.
    """
    artifacts = node.artifacts
    values = {
        "http_proxy": revealed(artifacts.http_proxy),
        "https_proxy": revealed(artifacts.https_proxy),
        "no_proxy": ",".join(no_proxy(cluster, node, seen)),
    }
    lines = [f"{name}='{value}'" for key, value in values.items() if value for name in (key, key.upper())]
    return "# Written by clustr.\n" + "\n".join(lines)


def no_proxy(cluster: Cluster, node: Node, seen: Seen) -> tuple[str, ...]:
    """What is reached without the proxy: all of the cluster's own, by network, so that one more node changes no other.

    docs.k3s.io/advanced, "Configuring an HTTP proxy", asks for the nodes' own networks. curl before 7.86 knows no
    networks here, so the mirrors in one of the inventory's are there by name too.
    """
    network, artifacts = cluster.network, node.artifacts
    domain = cluster.k3s.server_config.get("cluster-domain", "cluster.local")
    own = ["localhost", "127.0.0.1", "127.0.0.0/8", str(network.cluster_cidr), str(network.service_cidr)]
    own += [str(each) for each in networks(cluster, node, seen, DIRECT_GOAL)]
    own += [".svc", f".{domain}", cluster.registration, network.vip or "", network.api_address or ""]
    found = [*own, *artifacts.no_proxy]
    found += [host for host in mirror_hosts(artifacts) if goes_past(host, found)]
    return tuple(dict.fromkeys(each for each in found if each))


def mirror_hosts(artifacts: Artifacts) -> tuple[str, ...]:
    urls = [
        artifacts.mirror or "",
        *artifacts.packages.values(),
        *artifacts.charts.values(),
        *artifacts.images.values(),
    ]
    return tuple(sorted({host_of(url) for url in urls if url}))


def goes_past(host: str, listed: Iterable[str]) -> bool:
    """Whether a host is among what is reached without the proxy, as curl and Go read NO_PROXY."""
    for each in listed:
        name = each.removeprefix(".")
        if host == name or host.endswith(f".{name}") or ("/" in each and _within(host, each)):
            return True
    return False


def goes_direct(cluster: Cluster, node: Node, seen: Seen, urls: Iterable[str]) -> bool:
    """Whether a node that has a proxy reaches all of these without it."""
    past = no_proxy(cluster, node, seen)
    return node.artifacts.proxied and all(goes_past(host_of(url), past) for url in urls)


def _within(host: str, network: str) -> bool:
    try:
        return IPv4Address(host) in IPv4Network(network)
    except AddressValueError:
        return False


def drop_in(unit: str, node: Node) -> tuple[Goal, ...]:
    """The drop-in through which a unit reads the variables; none where the node has no proxy."""
    if not node.artifacts.proxied:
        return ()
    return (file(f"/etc/systemd/system/{unit}.d/40-proxy.conf", text("package_source/proxy.conf")),)


def variables(cluster: Cluster, node: Node, seen: Seen) -> tuple[Goal, ...]:
    """What such a unit reads at start besides its own files: it restarts where a proxy changes."""
    if not node.artifacts.proxied:
        return ()
    return (_file(cluster, node, seen),)


def revealed(proxy: str | Secret | None) -> str:
    return proxy.reveal() if isinstance(proxy, Secret) else proxy or ""

"""How a node gets its packages, where the inventory names a mirror, a proxy or an authority.

Sources that are the distribution's own are pointed at the mirror, each with its suites, components and key; they come
back on removal. Others, such as a vendor's, stay. Sources: apt.conf(5), apt_auth.conf(5), apt-transport-https(1),
sources.list(5); dnf.conf(5).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from shlex import quote

from clustr.artifacts import NODE_CA
from clustr.components import proxy
from clustr.engine.goal import Goal
from clustr.engine.makers import file, sha256, step
from clustr.families import Manager, family
from clustr.families.archives import Archive, archives
from clustr.inventory.model import Artifacts, Cluster, Node
from clustr.inventory.places import EVERY, host_of, login_of, mirror_of, without_login
from clustr.remote.facts import OperatingSystem, Seen
from clustr.templates import render

APT_CONF = "/etc/apt/apt.conf.d/95clustr"
APT_AUTH = "/etc/apt/auth.conf.d/95clustr.conf"
END = "END_BY_CLUSTR"


@dataclass(frozen=True)
class Mirrored:
    """An archive, and the mirror that stands in for it."""

    archive: Archive
    url: str


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    yield from proxy.goals(cluster, node, seen)
    if family(seen[node.name]).manager is Manager.APT:
        yield from _apt(cluster, node, seen)
    else:
        yield from _dnf(cluster, node, seen)


def mirrored(node: Node, seen: Seen) -> tuple[Mirrored, ...]:
    """The distribution's archives that the inventory has a mirror of."""
    known = archives(seen[node.name].os)
    return tuple(Mirrored(each, url) for each in known if (url := mirror_of(each.name, node.artifacts.packages)))


def cannot_be_mirrored(node: Node, system: OperatingSystem) -> bool:
    """Whether the inventory has a mirror of all packages, and the system's own come from no archive: Red Hat's."""
    return EVERY in node.artifacts.packages and not archives(system)


def pairs(found: Iterable[Mirrored]) -> str:
    """ORIGIN and URL by turns, as the shell's functions take them."""
    return " ".join(quote(word) for each in found for origin in each.archive.origins for word in (origin, each.url))


def _apt(cluster: Cluster, node: Node, seen: Seen) -> Iterator[Goal]:
    artifacts = node.artifacts
    if artifacts.proxied or (artifacts.ca and artifacts.packages):
        yield file(APT_CONF, apt_conf(cluster, node, seen))
    if logins := apt_logins(artifacts):
        yield file(APT_AUTH, logins, mode=0o600, secret=True)
    if found := mirrored(node, seen):
        codename = seen[node.name].os.codename
        own = "\n".join(each.archive.source.format(url=each.url, codename=codename) for each in found)
        yield _sources(found, "apt", f" <<'{END}'\n# Written by clustr.\n{own}{END}")


def apt_conf(cluster: Cluster, node: Node, seen: Seen) -> str:
    """Hosts that are reached without the proxy are named one by one: apt knows neither networks nor domains here.

    In CAInfo the host comes before the option (apt, methods/aptmethod.h, setPostfixForMethodNames):
    what apt-transport-https(1) says has no effect.
    """
    artifacts = node.artifacts
    both = (("http", proxy.revealed(artifacts.http_proxy)), ("https", proxy.revealed(artifacts.https_proxy)))
    proxies = [(scheme, without_login(url)) for scheme, url in both if url]
    past = proxy.no_proxy(cluster, node, seen)
    hosts = {each for each in artifacts.no_proxy if "/" not in each and not each.startswith(".")}
    hosts |= {host for host in proxy.mirror_hosts(artifacts) if proxy.goes_past(host, past)}
    with_tls = (url for url in (*artifacts.packages.values(), *(url for _, url in proxies)) if url.startswith("https"))
    return render(
        "package_source/apt.conf",
        proxies=proxies,
        direct=sorted(hosts) if artifacts.proxied else (),
        trusted=sorted({host_of(url) for url in with_tls}) if artifacts.ca else (),
        ca=NODE_CA,
    )


def apt_logins(artifacts: Artifacts) -> str:
    """apt.conf is read by everybody; logins have a file of their own for that."""
    urls = dict.fromkeys(proxy.revealed(each) for each in (artifacts.http_proxy, artifacts.https_proxy))
    lines = [
        f"machine {without_login(url)} login {login.user} password {login.password}"
        for url in urls
        if (login := login_of(url))
    ]
    return "\n".join(lines)


def _sources(found: tuple[Mirrored, ...], manager: str, given: str = "", options: str = "") -> Goal:
    words = pairs(found)
    return step(
        "package sources",
        probe=f"package_source_probe_sources {manager} {words}",
        wanted="the mirror alone",
        apply=f"package_source_apply_sources {manager}{options} {words}{given}",
        undo="package_source_undo_sources",
    )


def _dnf(cluster: Cluster, node: Node, seen: Seen) -> Iterator[Goal]:
    if block := dnf_main(node.artifacts):
        yield step(
            "proxy of dnf",
            probe="package_source_probe_dnf_proxy",
            wanted=sha256(block),
            apply=f"package_source_apply_dnf_proxy <<'{END}'\n{block}{END}",
            undo="package_source_apply_dnf_proxy </dev/null",
            secret=True,
        )
    if found := mirrored(node, seen):
        direct = goes_direct(cluster, node, seen, found)
        lines = (f"sslcacert={NODE_CA}" if node.artifacts.ca else "", "proxy=" if direct else "")
        given = "".join(f"{line}\n" for line in lines if line)
        yield _sources(found, "dnf", f" <<'{END}'\n{given}{END}")


def goes_direct(cluster: Cluster, node: Node, seen: Seen, found: Iterable[Mirrored]) -> bool:
    """Whether the mirrors are reached without the proxy that dnf has for everything else."""
    return proxy.goes_direct(cluster, node, seen, (each.url for each in found))


def dnf_main(artifacts: Artifacts) -> str:
    """Lines of [main] in dnf.conf. dnf knows one proxy for everything; its repositories have TLS."""
    if not artifacts.proxied:
        return ""
    url = proxy.revealed(artifacts.https_proxy) or proxy.revealed(artifacts.http_proxy)
    login = login_of(url)
    lines = [f"proxy={without_login(url)}"]
    if login:
        lines += [f"proxy_username={login.user}", f"proxy_password={login.password}"]
    return "".join(f"{line}\n" for line in lines)

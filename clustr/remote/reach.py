"""What a node reaches: other nodes, name servers, where its packages come from. reach_reader.py asks for it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Peer:
    """A TCP port of another node, by the address that the cluster uses."""

    node: str
    address: str
    port: int


@dataclass(frozen=True)
class DnfWay:
    """What dnf is to be told: lines of [main], how its repositories are known and their mirrors (as the shell of
    package_source takes them), and lines for each of those."""

    main: str = field(default="", repr=False)  # it may hold the login of a proxy
    pairs: str = ""
    lines: str = ""


@dataclass(frozen=True)
class Way:
    """How packages will come with the inventory's mirror, proxy and CA in place; empty: as they do now."""

    settings: str = ""  # text of an apt.conf
    logins: str = field(default="", repr=False)  # of proxies, as apt_auth.conf(5) has them
    ca: str = ""  # PEM
    mirrors: tuple[tuple[str, str], ...] = ()  # how an archive's URL ends, and the URL in its place
    urls: tuple[str, ...] = ()  # what a node without any source of these archives gets
    dnf: DnfWay | None = None
    ca_at: str = ""  # where the settings look for it; there is none yet while this is asked


@dataclass(frozen=True)
class Questions:
    """What one node is asked to reach."""

    peers: tuple[Peer, ...] = ()
    sources: bool = False
    way: Way = Way()


@dataclass(frozen=True)
class Unreached:
    """Something that does not answer, and what the node's own system says of it ("" where nothing came in time)."""

    what: str
    why: str


@dataclass(frozen=True)
class Reach:
    """What came of the questions. `error` says why they could not be asked at all, the rest is empty then."""

    peers: tuple[tuple[Peer, str], ...] = ()  # those not reached, and why
    names: tuple[str, ...] = ()  # hosts of package sources that do not resolve
    sources: tuple[Unreached, ...] = ()
    sources_asked: int | None = None  # None: nobody asked for them
    error: str = ""

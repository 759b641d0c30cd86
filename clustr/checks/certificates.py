"""Certificates of k3s: read on the node, judged here. Leaf certificates last 365 days; k3s renews them when it starts
within 90 days of their end (https://docs.k3s.io/cli/certificate)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from clustr.checks.backend import Host
from clustr.checks.check import Check, CouldNotLook, Severity, check, must
from clustr.checks.where import in_cluster
from clustr.inventory.model import Cluster, Node, Role

DUE = timedelta(days=30)
SOURCE = "https://docs.k3s.io/cli/certificate"
AGENT, SERVER = "/var/lib/rancher/k3s/agent", "/var/lib/rancher/k3s/server/tls"
RENEW = "clustr exec --limit {node} -- systemctl restart 'k3s*'"


@dataclass(frozen=True)
class Certificate:
    path: str
    begins: datetime
    ends: datetime


@check("k3s.certificates", says="no certificate has expired", on=in_cluster, fix=RENEW, source=SOURCE)
def certificates_are_valid(host: Host, node: Node, cluster: Cluster) -> str:
    now, certificates = _look(host, node)
    bad = [f"{each.path} is valid {each.begins:%F} to {each.ends:%F}" for each in certificates if not _valid(each, now)]
    must(not bad, found="\n".join(bad), wanted=f"valid on {now:%F}")
    return f"{len(certificates)} certificates are valid"


@check(
    "k3s.certificates-due",
    says="no certificate expires within 30 days",
    on=in_cluster,
    fix=RENEW,
    severity=Severity.WARNING,
    source=SOURCE,
)
def certificates_are_not_due(host: Host, node: Node, cluster: Cluster) -> str:
    now, certificates = _look(host, node)
    due = [f"{each.path} expires on {each.ends:%F}" for each in certificates if each.ends - now < DUE]
    must(not due, found="\n".join(due), wanted=f"later than {now + DUE:%F}")
    first = min(certificates, key=lambda each: each.ends)
    return f"the first of {len(certificates)} expires on {first.ends:%F}: {first.path}"


def read_certificates(lines: str) -> Iterator[Certificate]:
    """From `grep -rH ''` over certificate files; each may hold a chain."""
    from cryptography import x509

    texts: dict[str, list[str]] = {}
    for line in lines.splitlines():
        path, _, text = line.partition(":")
        texts.setdefault(path, []).append(text)
    for path, chain in texts.items():
        for each in x509.load_pem_x509_certificates("\n".join(chain).encode()):
            yield Certificate(path, each.not_valid_before_utc, each.not_valid_after_utc)


def _look(host: Host, node: Node) -> tuple[datetime, list[Certificate]]:
    """The node's time, and every certificate in k3s's folders on it."""
    now = datetime.fromtimestamp(int(host.check_output("date +%s")), UTC)
    folders = f"{AGENT} {SERVER}" if node.has(Role.SERVER) else AGENT
    skip = "--exclude-dir=containerd --exclude-dir=images --exclude-dir=etc"
    certificates = list(read_certificates(host.check_output(f"grep -rH {skip} --include='*.crt' '' {folders}")))
    if not certificates:
        raise CouldNotLook(f"no certificate in {folders}")
    return now, certificates


def _valid(certificate: Certificate, now: datetime) -> bool:
    return certificate.begins <= now < certificate.ends


CHECKS: tuple[Check, ...] = (certificates_are_valid, certificates_are_not_due)

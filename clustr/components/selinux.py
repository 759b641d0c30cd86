"""SELinux where it is not switched off: the policies that containers and k3s run under, before k3s comes.

The label of what clustr writes is set where it writes it (`relabel` in templates/engine/applies.sh). Source:
https://docs.k3s.io/advanced#selinux-support.
"""

from __future__ import annotations

from collections.abc import Iterable

from clustr.components import proxy
from clustr.engine.goal import Goal
from clustr.engine.makers import file, packages, signing_key
from clustr.families import Policy, family
from clustr.inventory.model import Cluster, Node
from clustr.inventory.places import mirror_of
from clustr.remote.facts import Facts, Seen, Selinux
from clustr.templates import render

KEY = "/etc/pki/rpm-gpg/RPM-GPG-KEY-rancher"
SWITCHED_ON = (Selinux.PERMISSIVE, Selinux.ENFORCING)


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    facts = seen[node.name]
    policy = policy_of(facts)
    if not node.in_cluster or policy is None:
        return
    manager, site = family(facts).manager, mirror_of(policy.archive, node.artifacts.packages) or policy.site
    yield signing_key(manager, KEY, url=f"{site}/{policy.key}", fingerprint=policy.fingerprint)
    direct = proxy.goes_direct(cluster, node, seen, [site])
    listing = render("selinux/rancher-k3s-common.repo", policy=policy, site=site, key=KEY, direct=direct)
    yield file(f"/etc/yum.repos.d/{policy.repository}.repo", listing)
    yield packages(manager, policy.packages, label="SELinux policies")


def policy_of(facts: Facts) -> Policy | None:
    """The policy that k3s needs on this machine; None where SELinux is off, or its family has none."""
    return family(facts).k3s_policy if facts.selinux in SWITCHED_ON else None


def confines(facts: Facts) -> bool:
    """Whether containers are to be confined (`selinux` in k3s's config.yaml)."""
    return facts.selinux is Selinux.ENFORCING and policy_of(facts) is not None

"""Every check on every node of the inventory, as `clustr doctor` runs it."""

from __future__ import annotations

import pytest

from clustr.checks.check import Check, State
from clustr.checks.run import check_node
from clustr.inventory.model import Cluster, Node
from tests.nodes.conftest import Connect


def test_check_holds(node: Node, check: Check, cluster: Cluster, connect: Connect) -> None:
    reason = check.on(cluster, node)
    if reason is not None:
        pytest.skip(reason)
    (finding,) = check_node([check], cluster, node, connect(node.name))
    if finding.state is State.SKIPPED:
        pytest.skip(finding.evidence)
    if finding.state is State.WARNING:
        pytest.xfail(f"{finding.evidence}\n{finding.fix}")
    told = "could not look" if finding.state is State.UNKNOWN else "does not hold"
    if finding.state is not State.OK:
        pytest.fail(f"{check.says}: {told}\n{finding.evidence}\n{finding.fix}", pytrace=False)

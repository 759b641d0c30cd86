"""What can be seen of a rollout from outside it: when nodes took no pods, and whether a Service answered meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.lab.cluster import LabCluster

EVERY = 0.2  # seconds between two questions

# The API's own stream of changes to Node objects, each with its revision in etcd: an order for the whole cluster.
WATCH = """
exec k3s kubectl get nodes --watch --output-watch-events -o go-template='
{{- with .object}}{{.metadata.name}} {{.metadata.resourceVersion}} {{if .spec.unschedulable}}cordoned{{else}}open{{end}}
{{- "\\n"}}{{end}}' >/root/nodes-seen
"""
# A question each EVERY, whether the one before has been answered or not.
ASK = f"""
while :; do
  {{ code=$(curl -s -m 5 -o /dev/null -w '%{{http_code}}' http://ADDRESS/ || true); echo "$code" >>/root/answers; }} &
  sleep {EVERY}
done
"""


@dataclass
class Seen:
    """`spans`: node and the revisions between which it took no pods; `answers`: HTTP status of each question."""

    spans: list[tuple[str, int, int]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    @property
    def failed(self) -> list[str]:
        return [answer for answer in self.answers if answer != "200"]

    def overlapping(self) -> list[tuple[str, str]]:
        """Pairs of nodes that took no pods at the same time."""
        ordered = sorted(self.spans, key=lambda span: span[1])
        return [
            (one[0], other[0])
            for place, one in enumerate(ordered)
            for other in ordered[place + 1 :]
            if other[1] < one[2]
        ]


@contextmanager
def watched(cluster: LabCluster, service: str) -> Iterator[Seen]:
    """While inside, cp1, which takes no part in the rollout, watches the nodes and asks the Service."""
    seen = Seen()
    address = cluster.kubectl(f"get service {service} -o jsonpath='{{.spec.clusterIP}}'").strip()
    cluster.on("cp1", "rm -f /root/nodes-seen /root/answers")
    for unit, script in (("watch-nodes", WATCH), ("ask-service", ASK.replace("ADDRESS", address))):
        cluster.on("cp1", f"cat >/root/{unit} <<'END'\n{script}\nEND")
        cluster.on("cp1", f"systemd-run --quiet --unit={unit} bash /root/{unit}")
    try:
        yield seen
    finally:
        cluster.on("cp1", "sleep 1; systemctl stop ask-service watch-nodes; sleep 6")
    seen.answers += cluster.on("cp1", "cat /root/answers").split()
    seen.spans += spans(cluster.on("cp1", "cat /root/nodes-seen"))


def spans(told: str) -> list[tuple[str, int, int]]:
    """From each revision with which a node stopped to take pods to the one with which it took them again."""
    since: dict[str, int] = {}
    found = []
    for line in told.splitlines():
        name, revision, state = line.split()
        if state == "cordoned":
            since.setdefault(name, int(revision))
        elif name in since:
            found.append((name, since.pop(name), int(revision)))
    assert not since, f"still cordoned: {since}"
    return found

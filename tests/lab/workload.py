"""A deployment with a pod on every node, each answering with its own name."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from shlex import quote

from tests.lab.cluster import LabCluster

# The stand-in for k3s carries an image of its own, since no registry can be reached where it is used.
STANDS_IN = bool(os.environ.get("CLUSTR_TEST_ARTIFACTS"))
IMAGE = "docker.io/library/busybox:lab" if STANDS_IN else "docker.io/library/busybox:1.37"
# By nc: the wget of a busybox that is linked against glibc dies where it resolves a name.
ASK = r"printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 5 spread.default.svc.cluster.local 80"
MANIFEST = (Path(__file__).parent / "spread.yaml").read_text()


def spread_deployment(cluster: LabCluster) -> list[tuple[str, str]]:
    """(node, pod) of a deployment that has one ready pod on every node."""
    text = MANIFEST.replace("IMAGE", IMAGE).replace("COUNT", str(len(cluster.nodes)))
    cluster.on("cp1", f"k3s kubectl apply -f - <<'END'\n{text}\nEND")
    cluster.kubectl("rollout status deployment/spread --timeout=180s")
    pods = json.loads(cluster.kubectl("get pods -l app=spread -o json"))["items"]
    return [
        (pod["spec"]["nodeName"], pod["metadata"]["name"])
        for pod in pods
        if not pod["metadata"].get("deletionTimestamp")
    ]


def answer_of_service(cluster: LabCluster, pod: str, *, within: float = 60) -> str:
    """What the Service's name answers to a request from this pod; DNS and routes may need a moment after Ready."""
    deadline = time.monotonic() + within
    while True:
        try:
            return cluster.kubectl(f"exec {pod} -- sh -c {quote(ASK)}").splitlines()[-1]
        except (AssertionError, IndexError):
            if time.monotonic() > deadline:
                raise
            time.sleep(2)

"""A whole cluster on a machine whose kernel is its own: RDMA's modules are really loaded, and a pod without root may
lock all the memory there is. (Where root lacks CAP_SYS_RESOURCE, no container on that machine can be allowed that.)"""

from __future__ import annotations

import os
import ssl
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from clustr import actions
from clustr.lab.mirror import Handler, Server
from clustr.session import Options
from clustr.views.view import Output, choose_view
from tests.lab.workload import IMAGE
from tests.vendor.served import certify
from tests.vm.machine import GUEST, HOST, Machine

ARTIFACTS = Path(os.environ.get("CLUSTR_TEST_ARTIFACTS", ""))
POD = f"""\
apiVersion: v1
kind: Pod
metadata: {{name: locks}}
spec:
  securityContext: {{runAsUser: 65534, runAsNonRoot: true}}
  containers:
    - name: shell
      image: {IMAGE}
      command: [sh, -c, "id -u; ulimit -l; exec sleep 3600"]
"""


@pytest.fixture
def mirror(machine: Machine) -> Iterator[dict[str, str]]:
    """What stands in k3s's place, served on this machine; the guest sees it at HOST. {} where k3s's release is had."""
    if not ARTIFACTS.parts:
        yield {}
        return
    certificate, key, ca = certify(HOST, machine.folder / "tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    handler = type("Bound", (Handler,), {"folder": ARTIFACTS})
    with Server(("127.0.0.1", 0), handler, context) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield {"mirror": f"https://{HOST}:{server.server_address[1]}", "ca": str(ca)}
        server.shutdown()


@pytest.fixture
def inventory(machine: Machine, mirror: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(machine.folder))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    versions = [folder.name for folder in (ARTIFACTS / "k3s-io/k3s/releases/download").glob("v*")]
    ssh = {"user": "root", "key": str(machine.key), "port": machine.port, "known_hosts": str(machine.folder / "hosts")}
    node = {"name": "vm1", "address": "127.0.0.1", "internal_address": GUEST, "roles": ["server"], "class": "fabric"}
    document = {
        "cluster": "vm",
        "ssh": ssh,
        "time": {"servers": [HOST]},
        "k3s": {"version": versions[0]} if versions else {},
        "artifacts": mirror,
        "monitoring": {"enabled": False},
        "classes": {"fabric": {"rdma": {"stack": "inbox"}}},
        "nodes": [node],
    }
    path = machine.folder / "cluster.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def test_a_pod_without_root_may_lock_all_memory(machine: Machine, inventory: Path) -> None:
    begun = time.monotonic()
    view = choose_view(Output.TABLE, sys.stderr, inventory)
    ended = actions.bootstrap(inventory, Options(), view, lambda *_: True)
    assert ended is not None
    assert dict(ended.report.failed) == {}
    seconds = time.monotonic() - begun

    loaded = machine.says("cut -d ' ' -f 1 /proc/modules").split()
    assert {"ib_umad", "rdma_ucm"} <= set(loaded)
    machine.says(
        f"k3s kubectl apply -f - <<'END'\n{POD}\nEND\nk3s kubectl wait pod locks --for=condition=Ready --timeout=300s"
    )
    assert machine.says("k3s kubectl logs locks").split() == ["65534", "unlimited"]
    health = actions.doctor(inventory, Options(only=("fabric.memlock", "fabric.pods-memlock")), view)
    assert [finding.state.value for finding in health.findings] == ["ok", "ok"]
    print(f"\nKubernetes on the virtual machine after {seconds:.0f} s; a pod of user 65534 reads: unlimited")

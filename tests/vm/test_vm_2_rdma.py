"""RDMA on a machine whose kernel is its own: its modules are really loaded, and a container that is not root may lock
all memory. Where root lacks CAP_SYS_RESOURCE, as on lab nodes in a container, nothing can be allowed that; the pod and
the doctor are shown there (tests/lab/test_16_gpu_fabric.py).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import SimpleNamespace
from typing import cast

from clustr import actions
from clustr.components import container_runtime, rdma
from clustr.engine.goal import Goal
from clustr.engine.makers import STARTS, file
from clustr.engine.stage import Component, Stage
from clustr.inventory.model import Cluster, Node
from clustr.remote.facts import Seen
from clustr.session import Options
from clustr.stages import everyone
from clustr.templates import text
from clustr.views.view import Output, choose_view
from tests.vm.conftest import Describe
from tests.vm.machine import Machine

KUBERNETES = "v1.34.4+k3s1"  # Debian 12's containerd is too old for a later one; k3s itself is in no stage here
FABRIC = {
    "k3s": {"version": KUBERNETES},
    "runtime": {"engine": "containerd"},
    "classes": {"vm": {"rdma": {"stack": "inbox"}}},
}
LOW = "/etc/systemd/system/containerd.service.d/zz-low.conf"
PROGRAMS = "/bin/dash /usr/bin/id /usr/bin/setpriv"
# A root file system of three programs; Debian 12's ctr knows no --user.
ROOTFS = f"""
for path in $(ldd {PROGRAMS} | grep -oE '/[^ :]+[.]so[^ :]*' | sort -u) {PROGRAMS}; do
  install -D "$path" "/srv/rootfs$path"
done
"""
NOBODY = "/usr/bin/setpriv --reuid=65534 --regid=65534 --clear-groups"
RUN = f"ctr run --rm --rootfs /srv/rootfs locks {NOBODY} /bin/dash -c '/usr/bin/id -u; ulimit -l'"


def recorder(_cluster: Cluster, _node: Node, _seen: Seen) -> Iterable[Goal]:
    """What units record their starts with; base_os brings it, and much that is of no interest here."""
    yield file(STARTS, text("engine/record-start"), mode=0o755)


RECORDER = cast(Component, SimpleNamespace(__name__="recorder", goals=recorder))
STAGES = (Stage("Prepare nodes", everyone, (RECORDER, rdma, container_runtime)),)


def test_a_container_without_root_may_lock_all_memory(machine: Machine, describe: Describe) -> None:
    inventory = describe(FABRIC)
    view = choose_view(Output.TABLE, sys.stderr, inventory)
    ended = actions.bootstrap(inventory, Options(stages=STAGES), view, lambda *_: True)
    assert ended is not None
    assert dict(ended.report.failed) == {}
    assert {"ib_umad", "rdma_ucm"} <= set(machine.says("cut -d ' ' -f 1 /proc/modules").split())

    machine.says(ROOTFS)
    assert machine.says(RUN).split() == ["65534", "unlimited"]

    restart = "systemctl daemon-reload && systemctl restart containerd"
    machine.says(f"printf '[Service]\\nLimitMEMLOCK=8M\\n' >{LOW} && {restart}")
    assert machine.says(RUN).split() == ["65534", "8192"]
    machine.says(f"rm {LOW} && {restart}")
    print("\na container of user 65534 reads from ulimit -l: unlimited; with LimitMEMLOCK=8M: 8192")

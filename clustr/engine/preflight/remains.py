"""What other systems left on a machine that is to join. Where k3s is already, nothing is looked for."""

from __future__ import annotations

from collections.abc import Iterator

from clustr.engine.preflight.findings import Finding, Name, answered
from clustr.inventory.model import Cluster
from clustr.remote.facts import Former, Seen

SHOWN = 3  # of the places where something lies

# Each the way that the system's own makers give: kubernetes.io (kubeadm reset), kubespray's reset.yml,
# docs.rke2.io (uninstall), ranchermanager.docs.rancher.com (clean cluster nodes), microk8s.io.
REMEDIES = {
    Former.CNI: "remove these files and interfaces: pods would get another network; or reboot, then remove the files",
    Former.DOCKER: "remove its containers and purge Docker, then reboot; or set runtime.engine: docker",
    Former.GPU_OPERATOR: "uninstall the operator there, rm -rf /usr/local/nvidia, then reboot",
    Former.IPTABLES: "reboot it: rules of another cluster send packets astray",
    Former.KUBEADM: "kubeadm reset -f there, then rm -rf /etc/kubernetes",
    Former.KUBELET: "systemctl disable --now kubelet there, then remove its package",
    Former.KUBESPRAY: "run kubespray's reset.yml for it",
    Former.MICROK8S: "snap remove --purge microk8s",
    Former.MOUNTS: "stop what uses them, then umount them, or reboot it",
    Former.RKE: "rke remove, or Rancher's clean-up script for nodes, then reboot",
    Former.RKE2: "rke2-uninstall.sh there",
}
NAMES = {former: Name(f"remains.{former}") for former in Former}


def remains(cluster: Cluster, seen: Seen) -> Iterator[Finding]:
    """A line for each system. kubespray works through kubeadm, so where it was its own remedy is enough.

    Rules can be read only with the tools that make them: where neither is installed, interfaces and files tell.
    """
    for node, facts in answered(cluster, seen):
        if not node.in_cluster:
            continue
        found: dict[Former, list[str]] = {}
        for each in facts.remains:
            found.setdefault(each.of, []).append(each.what)
        if Former.KUBESPRAY in found:
            found.pop(Former.KUBEADM, None)
        if cluster.runtime.engine == "docker":
            found.pop(Former.DOCKER, None)
        for former, places in found.items():
            more = f" and {len(places) - SHOWN} more" if len(places) > SHOWN else ""
            problem = f"has remains of {_called(former)}: {', '.join(places[:SHOWN])}{more}"
            yield Finding(NAMES[former], node.name, problem, REMEDIES[former])


def _called(former: Former) -> str:
    special = {
        Former.CNI: "another pod network",
        Former.IPTABLES: "another cluster's iptables rules",
        Former.MOUNTS: "pods",
        Former.KUBELET: "a kubelet",
    }
    return special.get(former, former.value)

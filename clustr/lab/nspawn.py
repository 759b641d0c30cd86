"""The command line that boots a node, pure. systemd-nspawn(1) has the options."""

from __future__ import annotations

from clustr.lab.model import Lab, LabNode, Trait

# Overlay on overlay is refused by the kernel, so whatever unpacks images gets a real file system.
REAL_FOLDERS = ("containerd", "docker", "rancher", "kubelet")
INTERNAL_LINK = "int0"
# What CIS benchmarks mount without leave to execute.
TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - folders of the node
NOEXEC = "mode=1777,nosuid,nodev,noexec"


def command(lab: Lab, node: LabNode) -> list[str]:
    root = lab.root(node)
    line = ["systemd-nspawn", "--quiet", f"--directory={root}", f"--machine={lab.name}-{node.name}"]
    line += [f"--hostname={node.name}", "--keep-unit", "--register=no", "--link-journal=no", "--resolv-conf=off"]
    line += ["--capability=all", "--system-call-filter=@keyring bpf perf_event_open"]
    line += [f"--network-bridge={lab.bridge}"]
    if lab.internal_network:
        line += [f"--network-veth-extra={internal_link(lab, node)}:{INTERNAL_LINK}"]
    line += [f"--bind={lab.node_folder(node) / 'real' / name}:/var/lib/{name}" for name in REAL_FOLDERS]
    if Trait.NOEXEC in node.traits:
        line += [f"--tmpfs={folder}:{NOEXEC}" for folder in TEMPORARY]
    return [*line, "--bind=/dev/kmsg", "--boot"]


def internal_link(lab: Lab, node: LabNode) -> str:
    """The host's end of the node's second link, at most 15 characters as the kernel wants it."""
    return f"{lab.internal_bridge}{int(node.address) & 0xFF}"

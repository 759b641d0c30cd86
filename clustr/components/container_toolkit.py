"""NVIDIA's container toolkit: its runtime, which k3s finds at start, and the CDI spec of the loaded driver.

Its four packages are one release and are held at it. The runtime takes devices from the CDI spec that the toolkit's own
nvidia-cdi-refresh writes (mode `cdi`), so what the spec says is what pods get. Sources: the container toolkit's install
guide (docs.nvidia.com/datacenter/cloud-native/container-toolkit) and its units in deployments/systemd of
https://github.com/NVIDIA/nvidia-container-toolkit; the key's fingerprint: NVIDIA/cuda-repo-management#30.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from shlex import quote

from clustr.artifacts import architecture
from clustr.components import vendor
from clustr.components.gpu_reload import USES
from clustr.engine.goal import Goal
from clustr.engine.makers import REMOVES, file, step
from clustr.families import Manager, family
from clustr.inventory.model import Cluster, Node
from clustr.nvidia.chips import gpus
from clustr.nvidia.packages import toolkit_packages
from clustr.remote.facts import Facts, Seen
from clustr.templates import text
from clustr.versions import TOOLKIT

FINGERPRINT = "C95B321B61E88C1809C4F759DDCAE044F796ECB0"
RUNTIME = "/usr/bin/nvidia-container-runtime"
# What refreshes the CDI spec, and whether it runs all the time: it watches, or it is done once at boot.
UNITS = {"nvidia-cdi-refresh.path": True, "nvidia-cdi-refresh.service": False}


def goals(cluster: Cluster, node: Node, seen: Seen) -> Iterable[Goal]:
    facts = seen[node.name]
    if not serves_gpus(node, facts):
        return
    manager = family(facts).manager
    yield from vendor.goals(cluster, node, seen, repository(facts))
    yield _packages(manager)
    for unit, runs in UNITS.items():
        apply = f"apply_enabled {unit} enabled" + (f"\nsystemctl start {unit}" if runs else "")
        yield step(f"{unit} at boot", probe=f"probe_enabled {unit}", wanted="enabled", apply=apply)
    yield from _host()


def serves_gpus(node: Node, facts: Facts) -> bool:
    """Whether pods with GPUs run there."""
    return node.in_cluster and bool(gpus(facts))


def repository(facts: Facts) -> vendor.Repository:
    """Its packages for apt and for dnf; the latter's lists are signed, as its nvidia-container-toolkit.repo says."""
    site = vendor.TOOLKIT.site
    folder = f"deb/{architecture(facts)}" if family(facts).manager is Manager.APT else f"rpm/{facts.architecture}"
    return vendor.Repository(
        vendor.TOOLKIT,
        url=f"{site}/stable/{folder}",
        key_url=f"{site}/gpgkey",
        fingerprint=FINGERPRINT,
        title="NVIDIA Container Toolkit",
        lists_signed=True,
    )


def _packages(manager: Manager) -> Goal:
    """All four at one version: the newest alone would be installed with older ones that fit its dependencies."""
    version = f"{TOOLKIT}-1"
    words = " ".join(quote(word) for word in (version, *toolkit_packages()))
    return step(
        "packages of the container toolkit",
        probe=f"container_toolkit_probe_{manager} {words}",
        wanted=f"{version}, held",
        apply=f"container_toolkit_apply_{manager} {words}",
        undo=f"# stays: {REMOVES[manager]} {' '.join(toolkit_packages())}",
        manager=manager,
    )


def _host() -> Iterator[Goal]:
    yield step(
        "mode of nvidia-container-runtime",
        probe="container_toolkit_probe_mode",
        wanted="cdi",
        apply="nvidia-ctk --quiet config --in-place --set nvidia-container-runtime.mode=cdi",
    )
    # Loading the module makes none of these, and CUDA finds no GPU without uvm.
    yield step(
        "device files of the driver",
        probe="container_toolkit_probe_devices",
        wanted="nvidiactl, nvidia-uvm",
        apply="container_toolkit_make_devices",
    )
    yield step(
        "CDI spec",
        probe="container_toolkit_probe_cdi",
        wanted="of the loaded driver",
        apply="container_toolkit_refresh_cdi",
        uses=USES,
    )
    yield step(
        "CDI specs in /etc/cdi that nvidia-ctk once wrote",
        probe="container_toolkit_probe_other_specs",
        wanted="none",
        apply="container_toolkit_set_specs_aside",
        undo="container_toolkit_restore_specs",
    )


def before(node: Node, facts: Facts, unit: str) -> tuple[Goal, ...]:
    """The drop-in by which a unit that starts containers waits for GPUs at boot; none where there are none."""
    if not serves_gpus(node, facts):
        return ()
    return (file(f"/etc/systemd/system/{unit}.d/40-clustr-gpu.conf", text("container_toolkit/after-gpus.conf")),)


def known_to_k3s(cluster: Cluster, node: Node, facts: Facts, unit: str) -> Iterator[Goal]:
    """k3s looks for NVIDIA's runtime at its start, and only then (k3s-io/docs#252): one that came later takes another.

    /usr/local/nvidia/toolkit is searched first: what a removed GPU Operator left there is another runtime (k3s#4391).
    """
    if cluster.runtime.engine == "k3s" and serves_gpus(node, facts):
        yield step(
            "NVIDIA's runtime in k3s",
            probe=f"k3s_probe_nvidia {quote(unit)}",
            wanted=RUNTIME,
            apply=f"k3s_find_nvidia {quote(unit)} {RUNTIME}",
        )

"""The life of a lab, and of a node in it. Each function here is one thing a person or a test asks for.

Order matters twice: state.json names a thing before it is made, and `down` removes state.json last.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace

from clustr.errors import LabError, UsageError
from clustr.inventory.model import Role
from clustr.lab import (
    cgroups,
    gpu_node,
    host,
    image,
    inventory,
    machine,
    mounts,
    network,
    plan,
    programs,
    services,
    source,
    store,
)
from clustr.lab.model import LABS, Lab, LabNode, NodeSpec, Spec

Say = Callable[[str], None]


def up(spec: Spec, say: Say) -> Lab:
    """Make the lab and wait until its nodes are up; raises ClustrError with what stands in the way."""
    plan.check(spec)
    gpu_node.check(spec.gpus)
    programs.check()
    host.check()
    lab = _reserve(spec)
    with store.held(lab):
        try:
            return _make(lab, say)
        except LabError as error:
            error.remedy = error.remedy or f"To start over: clustr lab down {lab.name}"
            raise


def down(name: str, say: Say) -> bool:
    """Remove the lab, also one that is half made or half gone; says whether there was any of it."""
    programs.check()
    plan.check_name(name)
    if not (LABS / name / "state.json").exists():
        return _sweep(name)
    lab = store.load(name)
    with store.held(lab):
        say(f"ending {len(lab.nodes)} nodes of lab {name}")
        cgroups.kill(lab.branch)
        cgroups.remove(lab.branch)
        mounts.unmount_below(lab.folder)
        network.down(lab)
        services.stop(lab)
        say("removing its files")
        for path in lab.folder.iterdir():
            if path.name != "state.json":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        return _sweep(name)


def add_node(lab: Lab, roles: tuple[Role, ...], say: Say) -> LabNode:
    """One more node in a running lab, named and addressed as `up` would have done; the inventory then has it too."""
    return add_nodes(lab, [NodeSpec(roles)], say)[0]


def add_nodes(lab: Lab, specs: Sequence[NodeSpec], say: Say) -> list[LabNode]:
    """Several more at once, each of its own kind; the image of a release that the lab had not is built first."""
    with store.held(lab):
        lab = store.load(lab.name)
        before = len(lab.nodes)
        for spec in specs:
            gpu_node.check(spec.gpus)
            release = spec.release or lab.release
            own = release is lab.release and not spec.gpus
            lab = plan.with_node(lab, spec, lab.image if own else image.folder(release, gpus=spec.gpus is not None))
        with store.all_labs_held():
            store.save(lab)
        image.build(lab, say)
        added = lab.nodes[before:]
        _boot_fresh(lab, added, say)
        return list(added)


def remove_node(lab: Lab, name: str) -> None:
    """Take a node away for good, as if it had been carried out of the rack."""
    with store.held(lab):
        lab = store.load(lab.name)
        node = find(lab, name)
        machine.crash(lab, node)
        machine.discard(lab, node)
        lab = replace(lab, nodes=tuple(other for other in lab.nodes if other != node))
        _tell(lab)
        store.save(lab)


def stop_node(lab: Lab, name: str) -> None:
    """Shut a node down; its disk stays."""
    with store.held(lab):
        machine.stop(lab, find(lab, name))


def crash_node(lab: Lab, name: str) -> None:
    """Cut a node's power; its disk stays."""
    with store.held(lab):
        machine.crash(lab, find(lab, name))


def start_node(lab: Lab, name: str, say: Say) -> None:
    """Switch a node on again and wait until it is up."""
    with store.held(lab):
        node = find(lab, name)
        if machine.leader(lab, node) is None:
            machine.crash(lab, node)
            machine.start(lab, node)
        machine.wait(lab, [node], say)


def reset_node(lab: Lab, name: str, say: Say) -> None:
    """A fresh machine in a node's place: same name and address, empty disk, new host key."""
    with store.held(lab):
        node = find(lab, name)
        machine.crash(lab, node)
        machine.discard(lab, node)
        _boot_fresh(lab, [node], say)


def find(lab: Lab, name: str) -> LabNode:
    """The node of this name; raises UsageError when the lab has none."""
    for node in lab.nodes:
        if node.name == name:
            return node
    names = ", ".join(node.name for node in lab.nodes)
    raise UsageError(f"Lab {lab.name} has no node {name}.", f"It has {names}.")


def find_anywhere(name: str) -> tuple[Lab, LabNode]:
    """The node called `NODE` or `LAB/NODE`; raises UsageError when no lab has it, or several have."""
    lab_name, slash, node_name = name.rpartition("/")
    labs: Sequence[Lab] = [store.load(lab_name)] if slash else store.all_labs()
    found = [(lab, node) for lab in labs for node in lab.nodes if node.name == node_name]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(f"No lab has a node {node_name}.", "See what there is: clustr lab status")
    names = ", ".join(f"{lab.name}/{node.name}" for lab, node in found)
    raise UsageError(f"Several labs have a node {node_name}.", f"Say which: {names}")


def _reserve(spec: Spec) -> Lab:
    """Choose a free subnet and write the lab down; from here on `down` can undo whatever happens."""
    origin = source.choose(spec)
    base = image.folder(spec.release)
    gpu_image = image.folder(spec.release, gpus=True) if spec.gpus else None
    with store.all_labs_held():
        if (LABS / spec.name).exists():
            raise UsageError(
                f"There is a lab {spec.name} already.",
                f"Look at it: clustr lab status {spec.name}; remove it: clustr lab down {spec.name}",
            )
        number = plan.free_number(network.in_use(), (lab.number for lab in store.all_labs()))
        lab = plan.plan(spec, number, base, origin, gpu_image)
        host.note()
        store.save(lab)
        host.prepare()
        cgroups.make(f"{lab.branch}/host")
    return lab


def _make(lab: Lab, say: Say) -> Lab:
    image.build(lab, say)
    with store.all_labs_held():
        image.remove_unused({used for other in store.all_labs() for used in other.images})
    _prepare_folder(lab)
    network.up(lab)
    services.start(lab)
    _boot_fresh(lab, lab.nodes, say)
    lab = replace(lab, ready=True)
    store.save(lab)
    return lab


def _prepare_folder(lab: Lab) -> None:
    (lab.folder / "logs").mkdir()
    programs.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"clustr lab {lab.name}", "-f", lab.key)


def _boot_fresh(lab: Lab, nodes: Sequence[LabNode], say: Say) -> None:
    for node in nodes:
        say(f"starting {node.name}")
        with programs.usual_umask():
            machine.prepare(lab, node)
        machine.start(lab, node)
    _tell(lab)
    machine.wait(lab, nodes, say)


def _tell(lab: Lab) -> None:
    """Write down what the outside needs to know: host keys and the inventory."""
    machine.write_known_hosts(lab)
    store.write(lab.inventory, inventory.render(lab, cgroup_v1=cgroups.has_v1()))


def _sweep(name: str) -> bool:
    """Remove the lab's folder, with nothing but the state in it; after the last lab, put this machine back."""
    with store.all_labs_held():
        found = (LABS / name).is_dir()
        if found:
            shutil.rmtree(LABS / name)
        if not store.all_labs():
            cgroups.remove("clustr-lab")
            host.put_back()
        return found

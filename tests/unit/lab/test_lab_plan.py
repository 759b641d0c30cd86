"""Names, addresses and subnets of labs, and what nodes are started with."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

import pytest
import yaml

from clustr.errors import ClustrError, UsageError
from clustr.inventory.model import Role
from clustr.lab import inventory, network, nspawn, plan, store
from clustr.lab.model import Lab, LabImage, Login, NodeSpec, Origin, Release, Source, Spec, Trait
from clustr.templates import text

NOWHERE = Source(Origin.NOTHING)


def lab(**traits: object) -> Lab:
    spec = Spec(**{"name": "demo", **traits})  # type: ignore[arg-type]
    return plan.plan(spec, 7, Path("/image"), NOWHERE)


def test_nodes_have_names_addresses_and_one_monitor() -> None:
    assert [(node.name, str(node.address), [*node.roles]) for node in lab().nodes] == [
        ("cp1", "10.77.7.11", ["server"]),
        ("cp2", "10.77.7.12", ["server"]),
        ("cp3", "10.77.7.13", ["server"]),
        ("agent1", "10.77.7.14", ["agent"]),
        ("agent2", "10.77.7.15", ["agent", "monitor"]),
    ]


def test_a_lone_server_is_the_monitor_and_a_monitor_of_its_own_is_the_only_one() -> None:
    assert [*lab(servers=1, agents=0).nodes[0].roles] == ["server", "monitor"]
    own = lab(servers=1, agents=1, monitors=1)
    assert [(node.name, [*node.roles]) for node in own.nodes] == [
        ("cp1", ["server"]),
        ("agent1", ["agent"]),
        ("monitor1", ["monitor"]),
    ]


def test_a_new_node_takes_the_first_free_name_and_address() -> None:
    full = lab()
    gap = replace(full, nodes=tuple(node for node in full.nodes if node.name != "cp2"))
    added = plan.with_node(gap, NodeSpec((Role.SERVER,)), gap.image).nodes[-1]
    assert (added.name, str(added.address)) == ("cp2", "10.77.7.12")
    assert plan.with_node(full, NodeSpec((Role.AGENT,)), full.image).nodes[-1].name == "agent3"


def test_a_new_node_is_as_the_lab_where_nothing_else_was_asked() -> None:
    base = lab(login=Login.PASSWORD, traits=(Trait.UMASK,))
    assert {node.traits for node in base.nodes} == {(Trait.UMASK,)}
    plain = plan.with_node(base, NodeSpec((Role.AGENT,)), base.image).nodes[-1]
    assert (plain.release, plain.login, plain.traits) == (Release.BOOKWORM, Login.PASSWORD, ())
    other = NodeSpec((Role.AGENT,), (Trait.PORT, Trait.PORT), Release.TRIXIE, Login.ROOT)
    grown = plan.with_node(base, other, Path("/trixie"))
    node = grown.nodes[-1]
    assert (node.release, node.login, node.traits, node.port) == (Release.TRIXIE, Login.ROOT, (Trait.PORT,), 2222)
    assert grown.images == {
        Path("/image"): LabImage(Release.BOOKWORM, gpus=False),
        Path("/trixie"): LabImage(Release.TRIXIE, gpus=False),
    }


@pytest.mark.parametrize(
    ("traits", "login", "problem"),
    [
        ((Trait.FISH, Trait.ZSH), Login.PASSWORD, "one shell, not fish and zsh"),
        ((Trait.REQUIRETTY, Trait.NO_TIMESTAMP), Login.ROOT, "no-timestamp, requiretty: root needs no sudo"),
    ],
)
def test_traits_that_cannot_be(traits: tuple[Trait, ...], login: Login, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        plan.check(Spec(traits=traits, login=login))
    with pytest.raises(UsageError, match=problem):
        plan.with_node(lab(), NodeSpec((Role.AGENT,), traits, login=login), Path("/image"))


def test_every_trait_is_made_and_its_script_passes_shellcheck() -> None:
    script = text("lab/traits.sh")
    assert set(re.findall(r"^trait_([a-z-]+)\(\)", script, re.MULTILINE)) == set(Trait)
    checked = subprocess.run(["shellcheck", "-"], input=script, capture_output=True, text=True)
    assert (checked.returncode, checked.stdout) == (0, "")


def test_what_a_lab_is_survives_being_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clustr.lab.model.LABS", tmp_path)
    monkeypatch.setattr("clustr.lab.store.LABS", tmp_path)
    spec = NodeSpec((Role.AGENT,), (Trait.GERMAN, Trait.PORT), Release.TRIXIE, Login.NOPASSWD)
    grown = plan.with_node(lab(), spec, Path("/trixie"))
    store.save(grown)
    assert store.load("demo") == grown


def test_a_lab_of_a_time_when_all_nodes_were_alike_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clustr.lab.model.LABS", tmp_path)
    monkeypatch.setattr("clustr.lab.store.LABS", tmp_path)
    made = lab(login=Login.PASSWORD)
    store.save(made)
    document = json.loads((tmp_path / "demo/state.json").read_text())
    for node in document["nodes"]:
        for field in ("release", "image", "login", "traits"):
            del node[field]
    (tmp_path / "demo/state.json").write_text(json.dumps(document))
    assert store.load("demo") == made


def test_temporary_folders_without_leave_to_execute_are_mounted_so() -> None:
    hard, plain = lab(traits=(Trait.NOEXEC,)), lab()
    mounted = [word for word in nspawn.command(hard, hard.nodes[0]) if word.startswith("--tmpfs=")]
    assert [word.split(":")[0] for word in mounted] == ["--tmpfs=/tmp", "--tmpfs=/var/tmp", "--tmpfs=/dev/shm"]
    assert all(word.endswith("nosuid,nodev,noexec") for word in mounted)
    assert not any("tmpfs" in word for word in nspawn.command(plain, plain.nodes[0]))


@pytest.mark.parametrize("name", ["", "Demo", "-a", "a-", "a/b", "../x", "1a", "a" * 21, "a b", "a\n"])
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(UsageError):
        plan.check(Spec(name=name))


@pytest.mark.parametrize("counts", [(0, 0, 0), (-1, 2, 0), (200, 1, 0)])
def test_numbers_of_nodes_that_cannot_be(counts: tuple[int, int, int]) -> None:
    with pytest.raises(UsageError):
        plan.check(Spec(servers=counts[0], agents=counts[1], monitors=counts[2]))


def test_a_subnet_is_free_when_neither_of_its_networks_is_in_use() -> None:
    used = [IPv4Network("10.77.1.0/24"), IPv4Network("10.76.2.5/32"), IPv4Network("192.168.0.0/16")]
    assert plan.free_number(used, taken=[3]) == 4
    with pytest.raises(ClustrError, match="No subnet"):
        plan.free_number([IPv4Network("10.0.0.0/8")], taken=[])


def test_links_fit_into_what_the_kernel_takes() -> None:
    widest = replace(plan.plan(Spec(internal_network=True, servers=99, agents=101), 254, Path("/image"), NOWHERE))
    names = {widest.bridge, widest.internal_bridge, *(nspawn.internal_link(widest, node) for node in widest.nodes)}
    assert len(names) == 202
    assert max(map(len, names)) <= 15  # IFNAMSIZ - 1


def test_a_second_network_is_another_link() -> None:
    one = lab(internal_network=True)
    assert f"--network-veth-extra={nspawn.internal_link(one, one.nodes[0])}:int0" in nspawn.command(one, one.nodes[0])
    assert not any("veth-extra" in word for word in nspawn.command(lab(), lab().nodes[0]))


def test_only_what_leaves_the_bridge_is_masqueraded() -> None:
    assert 'ip saddr 10.77.7.0/24 ip daddr != 10.77.7.0/24 oifname != "clab7" masquerade' in network.way_out(lab())


def test_the_inventory_says_what_differs_from_the_defaults() -> None:
    mirrored = replace(
        lab(servers=1, agents=0, login=Login.PASSWORD, internal_network=True),
        source=Source(Origin.FOLDER, folder=Path("/mirror"), k3s_version="v1.36.3+lab1"),
    )
    assert yaml.safe_load(inventory.render(mirrored, cgroup_v1=True)) == {
        "cluster": "demo",
        "ssh": {
            "user": "lab",
            "key": "/var/lib/clustr/labs/demo/id_ed25519",
            "known_hosts": "/var/lib/clustr/labs/demo/known_hosts",
            "host_keys": "strict",
        },
        "sudo": {"password": {"file": "/var/lib/clustr/labs/demo/sudo-password"}},
        "k3s": {"version": "v1.36.3+lab1", "allow_cgroup_v1": True},
        "time": {"servers": ["10.77.7.1"]},
        "artifacts": {"mirror": "https://10.77.7.1:8443", "ca": "/var/lib/clustr/labs/demo/mirror-ca.pem"},
        "nodes": [
            {
                "name": "cp1",
                "address": "10.77.7.11",
                "internal_address": "10.76.7.11",
                "roles": ["server", "monitor"],
            }
        ],
    }
    mixed = lab(servers=1, agents=0, login=Login.PASSWORD)
    for spec in (
        NodeSpec((Role.AGENT,), login=Login.ROOT),
        NodeSpec((Role.AGENT,), (Trait.PORT,), login=Login.NOPASSWD),
    ):
        mixed = plan.with_node(mixed, spec, mixed.image)
    document = yaml.safe_load(inventory.render(mixed, cgroup_v1=False))
    assert "sudo" not in document
    own = [{field: node[field] for field in ("ssh", "sudo") if field in node} for node in document["nodes"]]
    password = {"password": {"file": "/var/lib/clustr/labs/demo/sudo-password"}}
    assert own == [{"sudo": password}, {"ssh": {"user": "root"}}, {"ssh": {"port": 2222}}]
    plain = yaml.safe_load(inventory.render(lab(), cgroup_v1=False))
    assert plain.keys() == {"cluster", "ssh", "time", "nodes"}

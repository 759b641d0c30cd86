"""The inventories that are shown: they load, they say everything, and the schema agrees with them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from clustr.inventory.document import Document, schema
from clustr.inventory.load import load, read
from clustr.inventory.model import Role
from clustr.inventory.resolved import resolved_yaml
from tests.unit.inventory.tools import make_keys

SAMPLES = Path(__file__).parents[3] / "inventories"
GOLDEN = Path(__file__).parent / "golden"
NAMES = ["example.yaml", "single.yaml", "lab.yaml", "vagrant.yaml", "ha-8xh100.yaml"]


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """example.yaml with all that it names: files, variables, secrets in sops and age."""
    for folder in ("keys", "secrets"):
        (tmp_path / folder).mkdir()
    keys = make_keys(tmp_path / "keys")
    for name in ("keys/id_ed25519", "keys/jump", "registries.yaml"):
        (tmp_path / name).touch()
    (tmp_path / "site-ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    (tmp_path / "site-key.asc").write_text("-----BEGIN PGP PUBLIC KEY BLOCK-----\n")
    login = tmp_path / "secrets/login"
    login.write_text("login\n")
    login.chmod(0o600)
    keys.age(tmp_path / "secrets/gpu.age", "of the class\n")
    keys.sops(tmp_path / "secrets/sudo.sops.yaml", "sudo: {password: of all}\n")
    for name, value in keys.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CLUSTR_SUDO", "of the servers")
    monkeypatch.setenv("CLUSTR_KEY", "passphrase")
    monkeypatch.setenv("CLUSTR_PROXY", "http://clustr:of%40proxy@proxy.example.com:3128")
    shutil.copy(SAMPLES / "example.yaml", tmp_path)
    return tmp_path / "example.yaml"


def test_example_loads_with_its_secrets(example: Path) -> None:
    cluster = load(example)
    assert read(example).warnings == ()
    passwords = {node.name: node.sudo.password.reveal() for node in cluster.nodes if node.sudo.password}
    assert (passwords["cp1"], passwords["gpu01"], passwords["mon1"]) == ("of the servers", "of the class", "of all")
    assert len(cluster.nodes) == 20
    assert cluster.nodes[0].ssh.passphrase is not None
    assert cluster.nodes[0].ssh.passphrase.reveal() == "passphrase"


def test_samples_are_all_here() -> None:
    assert sorted(path.name for path in SAMPLES.glob("*.yaml")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_samples_load(name: str) -> None:
    found = read(SAMPLES / name)
    assert found.cluster.servers
    assert found.cluster.monitors
    # All that may be missing is what no repository holds: keys and secrets.
    assert [line for line in found.warnings if "there is no file" not in line and "environment" not in line] == []


def test_single_is_everything() -> None:
    assert [node.roles for node in load(SAMPLES / "single.yaml").nodes] == [{Role.SERVER, Role.MONITOR}]


def names(part: Any, definitions: dict[str, Any]) -> Iterator[str]:
    """Every field that the schema knows."""
    if isinstance(part, dict):
        for field, value in part.get("properties", {}).items():
            yield field
            yield from names(value, definitions)
        if "$ref" in part:
            yield from names(definitions[part["$ref"].rpartition("/")[2]], definitions)
        for word in ("anyOf", "items", "prefixItems", "additionalProperties"):
            yield from names(part.get(word), definitions)
    if isinstance(part, list):
        for each in part:
            yield from names(each, definitions)


def test_example_holds_every_field_with_a_comment() -> None:
    text = (SAMPLES / "example.yaml").read_text()
    wanted = set(names(schema(), schema()["$defs"]))
    assert {"vip", "taints", "identity", "interface", "allow_cgroup_v1", "local-storage"} <= wanted
    live = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    assert {field for field in wanted if not any(re.search(rf"\b{field}:", line) for line in live)} == set()
    explained = [line for line in live if re.match(r" +\w[\w-]*: .*#", line)]
    assert len(explained) > 35


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_accepts_the_samples(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(yaml.safe_load((SAMPLES / name).read_text()), schema())


@pytest.mark.parametrize(
    "name",
    ["typos", "missing", "kinds", "plain-secrets", "choices", "roles", "no-nodes", "nodes-empty", "nodes-no-list"],
)
def test_the_schema_refuses_what_clustr_refuses(name: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load((GOLDEN / f"{name}.yaml").read_text()), schema())


def test_every_field_of_the_schema_is_described() -> None:
    definitions = schema()["$defs"]
    bare = [
        f"{name}.{field}"
        for name, definition in {"Document": schema(), **definitions}.items()
        for field, part in definition.get("properties", {}).items()
        if "description" not in part and "$ref" not in part and part.get("default") != {}
    ]
    assert bare == []
    assert schema()["required"] == [name for name, field in Document.model_fields.items() if field.is_required()]


def test_resolved_hides_secrets_and_says_the_rest(example: Path) -> None:
    cluster = load(example)
    text = resolved_yaml(cluster)
    assert not any(secret in text for secret in ("of all", "of the", "passphrase: p"))
    assert text.count("***") >= 20
    assert "value" not in text


def test_resolved_is_the_same_inventory(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yaml"
    path.write_text("""
ssh: {user: u, bastion: jump.example.com, known_hosts: known}
monitoring: {retention: 7d}
k3s: {server_config: {debug: true, tls-san: [a, "1.30"]}}
system: {sysctls: {kernel.x: 010}}
addons: {metrics-server: false}
classes: {h100: {gpus: 8, labels: {a: "1.30"}, taints: ['x=true:NoSchedule']}}
nodes:
- {name: '0[1-3]', address: '10.0.0.[1-3]', internal_address: '172.16.0.[1-3]', class: h100}
""")
    cluster = load(path)
    again = tmp_path / "again.yaml"
    again.write_text(resolved_yaml(cluster))
    assert load(again).model_copy(update={"source": path}) == cluster

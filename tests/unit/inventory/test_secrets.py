"""Secrets are found where they are kept, by the real programs, and are shown nowhere."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
from pathlib import Path

import pytest

from clustr.errors import InventoryError
from clustr.inventory.load import load, read
from clustr.inventory.model import Ssh, Sudo
from clustr.inventory.secrets import Secret
from tests.unit.inventory.tools import Keys, make_keys

SECRET = "p4ss word'\"$(x)"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return make_keys(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def folder(tmp_path: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", keys.path)
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(keys.identity))
    monkeypatch.delenv("CLUSTR_TEST", raising=False)
    return tmp_path


def inventory(folder: Path, password: str) -> Path:
    path = folder / "inventory.yaml"
    path.write_text(f"sudo: {{password: {password}}}\nnodes: [{{name: a, address: 10.0.0.1}}]\n")
    return path


def password(folder: Path, written: str) -> str:
    found = load(inventory(folder, written)).nodes[0].sudo.password
    assert found is not None
    return found.reveal()


def refusal(folder: Path, written: str) -> str:
    """What is said of the password; the same by `validate`, as a warning."""
    path = inventory(folder, written)
    with pytest.raises(InventoryError) as caught:
        load(path)
    (mistake,) = caught.value.mistakes
    assert read(path).warnings == (mistake,)
    return mistake.partition("sudo.password   ")[2]


def test_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLUSTR_TEST", SECRET)
    assert password(folder, "{env: CLUSTR_TEST}") == SECRET
    monkeypatch.setenv("CLUSTR_TEST", "")
    assert refusal(folder, "{env: CLUSTR_TEST}").startswith("CLUSTR_TEST is not in the environment")


def test_file(folder: Path) -> None:
    kept = folder / "kept"
    kept.write_text(SECRET + "\n")
    kept.chmod(0o600)
    assert password(folder, "{file: kept}") == SECRET
    assert password(folder, f"{{file: {kept}}}") == SECRET
    kept.chmod(0o644)
    assert refusal(folder, "{file: kept}") == "everybody can read kept: chmod 600 kept"
    kept.chmod(0o600)
    kept.write_text("\n")
    assert refusal(folder, "{file: kept}").startswith("kept is empty")
    kept.write_bytes(b"\xff\xfe")
    assert refusal(folder, "{file: kept}").startswith("kept cannot be read: it is no text")
    kept.unlink()
    assert refusal(folder, "{file: kept}").startswith("there is no file kept")
    kept.mkdir(0o700)
    assert refusal(folder, "{file: kept}").startswith("kept cannot be read: Is a directory")


def test_age(folder: Path, keys: Keys) -> None:
    keys.age(folder / "kept.age", SECRET + "\n")
    written = f"{{age: kept.age, identity: {keys.identity}}}"
    assert password(folder, written) == SECRET
    stranger = make_keys(folder)
    assert refusal(folder, f"{{age: kept.age, identity: {stranger.identity}}}").startswith("age cannot open kept.age: ")


def test_sops(folder: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    keys.sops(
        folder / "kept.yaml", f"sudo:\n  password: {json.dumps(SECRET)}\n  number: 12\ntop: {json.dumps(SECRET)}\n"
    )
    assert SECRET not in (folder / "kept.yaml").read_text()
    assert password(folder, "{sops: kept.yaml, key: sudo.password}") == SECRET
    assert password(folder, "{sops: kept.yaml, key: top}") == SECRET
    assert refusal(folder, "{sops: kept.yaml, key: sudo.pass}").startswith("kept.yaml has no key sudo.pass")
    assert refusal(folder, "{sops: kept.yaml, key: sudo.number}").startswith("sudo.number is no text in kept.yaml")
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(make_keys(folder).identity))
    assert refusal(folder, "{sops: kept.yaml, key: top}").startswith("sops cannot open kept.yaml: ")


def test_programs_that_are_missing(folder: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "kept").touch()
    monkeypatch.setenv("PATH", "/nowhere")
    assert refusal(folder, "{sops: kept, key: a}").startswith("sops is not installed")
    assert refusal(folder, f"{{age: kept, identity: {keys.identity}}}").startswith("age is not installed")
    (folder / "sops").write_text("of another machine")  # or one that nobody may run
    (folder / "sops").chmod(0o644)
    monkeypatch.setenv("PATH", str(folder))
    assert refusal(folder, "{sops: kept, key: a}").startswith("sops cannot be run: Permission denied: type -a sops")


def test_a_secret_is_on_no_command_line_and_is_fetched_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = folder / "calls"
    for name in ("sops", "age"):
        program = folder / name
        program.write_text(
            f"#!/bin/bash\ntr '\\0' ' ' </proc/$$/cmdline >>{log}\necho >>{log}\n"
            """echo '{"a": "hidden", "b": "too"}'\n"""
        )
        program.chmod(0o755)
    (folder / "kept").touch()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    path = folder / "inventory.yaml"
    path.write_text(
        "ssh: {password: {sops: kept, key: b}, passphrase: {age: kept, identity: kept}}\n"
        "sudo: {password: {sops: kept, key: a}}\n"
        "nodes: [{name: 'a[1-9]', address: '10.0.0.[1-9]', ssh: {passphrase: {age: kept, identity: kept}}}]\n"
    )
    assert {each.sudo.password for each in load(path).nodes} == {Secret("hidden")}
    calls = [call.strip().partition(f"{folder}/")[2] for call in log.read_text().splitlines()]
    assert sorted(calls) == [f"age -d -i {folder}/kept {folder}/kept", f"sops -d --output-type json {folder}/kept"]


def test_it_prints_as_stars_everywhere() -> None:
    secret = Secret("hidden")

    @dataclasses.dataclass(frozen=True)
    class Holder:
        secret: Secret

    ssh = Ssh(password=secret, passphrase=secret)
    shown = [
        str(secret), repr(secret), f"{secret}", f"{secret!r:>5}", str([secret]), str(Holder(secret)), repr(ssh),
        str(dataclasses.asdict(Holder(secret))), str(ssh.model_dump()), ssh.model_dump_json(),
        json.dumps(Sudo(password=secret).model_dump(mode="json")),
    ]  # fmt: skip
    assert [text for text in shown if "hidden" in text or "***" not in text] == []


def test_it_is_a_value() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1
    assert copy.deepcopy(Secret("a")).reveal() == pickle.loads(pickle.dumps(Secret("a"))).reveal() == "a"
    assert Sudo(password=Secret("a")).model_copy().password == Secret("a")

"""Values that are never shown, and the places they come from."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_core import CoreSchema, core_schema

from clustr.errors import InventoryError
from clustr.inventory.paths import is_file, whole

if TYPE_CHECKING:
    from clustr.inventory.document import SecretSource

MASK = "***"
PATIENCE = 120  # seconds for sops or age; a key service far away, or a person at a prompt
LONGEST = 65_536  # bytes of a secret


class Secret:
    """Prints as ***; `reveal()` is called only where the value leaves for the machine it belongs to."""

    # Not a dataclass: dataclasses.asdict would spell the value out.
    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        masked = core_schema.plain_serializer_function_ser_schema(repr, return_schema=core_schema.str_schema())
        return core_schema.is_instance_schema(cls, serialization=masked)


class AbsentSecret(Secret):
    """One that could not be had: `validate` warns of it, and nothing can use it by mistake."""

    __slots__ = ()

    def reveal(self) -> str:
        raise InventoryError(f"a secret of the inventory {self._value}")


class SecretError(Exception):
    """Why a secret cannot be had, and what to do about it: one clause that follows the field's name."""


class Vault:
    """Fetches the secrets of one inventory, each once. `folder` is what its paths are relative to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._secrets: dict[SecretSource, Secret | SecretError] = {}
        self._opened: dict[str, object] = {}

    def get(self, source: SecretSource) -> Secret:
        """The secret; raises SecretError where it is not to be had on this machine now."""
        if source not in self._secrets:
            try:
                self._secrets[source] = Secret(self._fetch(source))
            except SecretError as error:
                self._secrets[source] = error
        found = self._secrets[source]
        if isinstance(found, SecretError):
            raise found
        return found

    def _fetch(self, source: SecretSource) -> str:
        if source.env is not None:
            return _from_environment(source.env)
        if source.file is not None:
            return _from_file(self._path(source.file), source.file)
        if source.sops is not None:
            return self._from_sops(source.sops, source.key or "")
        return self._from_age(source.age or "", source.identity or "")

    def _path(self, written: str) -> Path:
        return whole(self._folder, written)

    def _from_sops(self, file: str, key: str) -> str:
        if file not in self._opened:
            self._exists(file)
            # As JSON, so that one decryption serves every key and no key has to be quoted for --extract.
            text = _output(["sops", "-d", "--output-type", "json", str(self._path(file))], file)
            self._opened[file] = _json(text, file)
        value = self._opened[file]
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is None:
            raise SecretError(f"{file} has no key {key}: sops {file} shows what it has")
        if not isinstance(value, str):
            raise SecretError(f"{key} is no text in {file}: put it in quotes there")
        return value

    def _from_age(self, file: str, identity: str) -> str:
        self._exists(file)
        self._exists(identity)
        return _one_line(_output(["age", "-d", "-i", str(self._path(identity)), str(self._path(file))], file), file)

    def _exists(self, written: str) -> None:
        if not is_file(self._path(written)):
            raise SecretError(f"there is no file {written}: make it, or write another path")


def _from_environment(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise SecretError(f"{name} is not in the environment: export it, then run clustr again")
    return value


def _from_file(path: Path, written: str) -> str:
    try:
        mode = path.stat().st_mode
        with path.open("rb") as file:
            text = file.read(LONGEST + 1).decode()
    except FileNotFoundError:
        raise SecretError(f"there is no file {written}: make it with mode 0600") from None
    except (OSError, UnicodeError) as error:
        raise SecretError(f"{written} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}") from None
    if len(text) > LONGEST:
        raise SecretError(f"{written} holds more than {LONGEST} bytes: write a file that holds the secret alone")
    if mode & stat.S_IROTH:
        raise SecretError(f"everybody can read {written}: chmod 600 {written}")
    return _one_line(text, written)


def _json(text: str, written: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise SecretError(f"what sops makes of {written} is no JSON: sops -d {written} shows it") from None


def _one_line(text: str, written: str) -> str:
    value = text.rstrip("\r\n")
    if not value:
        raise SecretError(f"{written} is empty: write the secret into it")
    return value


def _output(command: Sequence[str], written: str) -> str:
    """What a decrypting program prints; only file names go on its command line."""
    program = command[0]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except FileNotFoundError:
        raise SecretError(f"{program} is not installed: install it, then run clustr again") from None
    except OSError as error:  # it may not be executed, or is for another kind of machine
        raise SecretError(f"{program} cannot be run: {error.strerror}: type -a {program} shows which") from None
    except UnicodeError:
        raise SecretError(f"{written} holds no text: write one into it") from None
    except subprocess.TimeoutExpired:
        raise SecretError(f"{program} -d {written} did not end in {PATIENCE} s: run it by hand") from None
    if done.returncode != 0:
        said = next((line for line in done.stderr.splitlines() if line.strip()), f"status {done.returncode}")
        raise SecretError(f"{program} cannot open {written}: {said.strip()}")
    return done.stdout

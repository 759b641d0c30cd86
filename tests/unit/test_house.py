"""The rules of the house that lint cannot hold: who imports what, how long things may be."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
SOURCES = sorted((HOUSE / "clustr").rglob("*.py"))
OWNERS: dict[str, str | tuple[str, ...]] = {
    "rich": "clustr/views/",
    "typer": "clustr/cli/",
    "fabric": "clustr/remote/ssh/",
    "paramiko": "clustr/remote/ssh/",
    "testinfra": "clustr/checks/",
    "threading": (
        "clustr/engine/",
        "clustr/remote/",
        "clustr/views/",
        "clustr/lab/mirror.py",
        "clustr/checks/learning.py",
    ),
}
PURE = (
    "inventory/model.py",
    "engine/goal.py",
    "engine/makers.py",
    "engine/plan.py",
    "engine/script.py",
    *(f"engine/preflight/{path.name}" for path in sorted((HOUSE / "clustr/engine/preflight").glob("*.py"))),
    *(f"nvidia/{path.name}" for path in sorted((HOUSE / "clustr/nvidia").glob("*.py"))),
)


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("library", OWNERS)
def test_each_library_has_one_owner(library: str) -> None:
    users = [
        str(path.relative_to(HOUSE)) for path in SOURCES if any(name.split(".")[0] == library for name in imports(path))
    ]
    assert users, f"nobody imports {library}: the rule has nothing to hold"
    assert [user for user in users if not user.startswith(OWNERS[library])] == []


def test_the_core_opens_nothing() -> None:
    doors = {"subprocess", "socket", "urllib.request", "fabric", "paramiko", "threading", "clustr.remote.ssh"}
    found = {name: sorted(doors & set(imports(HOUSE / "clustr" / name))) for name in PURE}
    assert found == {name: [] for name in PURE}


def test_components_are_pure() -> None:
    doors = {"subprocess", "socket", "urllib.request", "threading", "os", "time", "random", "datetime"}
    found = {
        path.name: sorted(doors & set(imports(path)))
        for path in SOURCES
        if path.parent.name in ("components", "families") and doors & set(imports(path))
    }
    assert found == {}


def test_no_file_is_two_things() -> None:
    everything = [*SOURCES, *sorted((HOUSE / "tests").rglob("*.py")), *sorted((HOUSE / "tests/kube").rglob("*.go"))]
    long = {
        str(path.relative_to(HOUSE)): count
        for path in everything
        if (count := len(path.read_text().splitlines())) > 400
    }
    assert long == {}


def test_no_function_is_two_things() -> None:
    long = {
        f"{path.relative_to(HOUSE)}:{node.name}": node.end_lineno - node.lineno + 1
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.end_lineno and node.end_lineno - node.lineno + 1 > 45
    }
    assert long == {}


def test_names_say_something() -> None:
    empty = {"utils", "util", "helpers", "helper", "manager", "base", "common", "misc"}
    assert [str(path) for path in SOURCES if path.stem in empty] == []

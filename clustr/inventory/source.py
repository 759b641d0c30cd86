"""The YAML text, and where in it everything was written.

Values come out as text, lists and mappings: what a scalar means is the model's business. Places are looked up only
when there is a mistake to report. A value that `<<` or an alias brings has the place where it was written.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import yaml

from clustr.errors import InventoryError

Steps = tuple[str | int, ...]

_CORE = "tag:yaml.org,2002:"
_MERGE = _CORE + "merge"
_NULL = _CORE + "null"
LARGEST = 16 << 20  # bytes; 10,000 nodes one by one are a tenth of it
# libyaml is ten times faster; wheels of PyYAML bring it, a build without it works as well.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class At(Enum):
    """Which part of a field a mistake is about."""

    VALUE = "value"
    KEY = "key"


@dataclass(frozen=True, order=True)
class Mistake:
    """One thing that is wrong, at its place (both from 1): `text` says what, and what to write."""

    line: int
    column: int
    field: str
    text: str


def field_name(steps: Steps) -> str:
    """`nodes[2].ssh.port`"""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")


class Source:
    """One parsed file. `values` is what it says, `mistakes` what is wrong with it as YAML."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.mistakes: list[Mistake] = []
        self._root = self._parsed(text)
        self._made: dict[int, object] = {}
        self._open: set[int] = set()
        self.values = self._plain(self._root, ()) if self._root else None

    def mistake(self, steps: Steps, text: str, at: At = At.VALUE) -> Mistake:
        mark = self._mark(steps, at)
        return Mistake(mark.line + 1, mark.column + 1, field_name(steps), text)

    def _parsed(self, text: str) -> yaml.Node | None:
        loader = _LOADER(text)
        try:
            root: yaml.Node | None = loader.get_single_node()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            said = ", ".join(part for part in (error.context, error.problem) if part)
            tab = mark is not None and text.splitlines()[mark.line : mark.line + 1][:1]
            hint = ": indent with spaces, not with tabs" if tab and tab[0][: where[1]].endswith("\t") else ""
            self.mistakes.append(Mistake(*where, "", f"is no YAML: {said}{hint}"))
            return None
        except yaml.reader.ReaderError as error:
            before = text[: error.position]
            place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
            said = (
                f"U+{error.character:04X} is no character of YAML" if isinstance(error.character, int) else str(error)
            )
            self.mistakes.append(Mistake(*place, "", f"is no YAML: {said}: take it out"))
            return None
        except (yaml.YAMLError, RecursionError) as error:
            said = "it is nested too deep" if isinstance(error, RecursionError) else str(error).splitlines()[0]
            self.mistakes.append(Mistake(1, 1, "", f"is no YAML: {said}"))
            return None
        finally:
            loader.dispose()
        return root

    def _plain(self, node: yaml.Node, steps: Steps) -> object:
        """The node's value; one that is shared by aliases is made once, so that aliases cannot blow it up."""
        if id(node) in self._made:
            return self._made[id(node)]
        if id(node) in self._open:
            self._wrong(node, steps, "holds itself by its alias: write it out")
            return None
        self._open.add(id(node))
        if not node.tag.startswith(_CORE):
            self._wrong(node, steps, f"the tag {node.tag} has no meaning here: leave it out")
        if isinstance(node, yaml.MappingNode):
            made: object = self._mapping(node, steps)
        elif isinstance(node, yaml.SequenceNode):
            made = [self._plain(item, (*steps, index)) for index, item in enumerate(node.value)]
        else:
            made = None if node.tag == _NULL else node.value
        self._open.discard(id(node))
        self._made[id(node)] = made
        return made

    def _mapping(self, node: yaml.MappingNode, steps: Steps) -> dict[str, object]:
        own: dict[str, object] = {}
        lines: dict[str, int] = {}
        merged: dict[str, object] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._wrong(key, steps, "has a list or a mapping as a key: write a name")
            elif key.tag == _MERGE:
                for parent in self._merged(value, steps):
                    merged = {**parent, **merged}
            elif key.value in own:
                first = lines[key.value]
                self._wrong(key, (*steps, key.value), f"is written twice, first on line {first}: keep one of the two")
            else:
                own[key.value] = self._plain(value, (*steps, key.value))
                lines[key.value] = key.start_mark.line + 1
        return {**merged, **own}

    def _merged(self, node: yaml.Node, steps: Steps) -> list[dict[str, object]]:
        parents = node.value if isinstance(node, yaml.SequenceNode) else [node]
        values = [self._plain(parent, steps) for parent in parents]
        found = [value for value in values if isinstance(value, dict)]
        if len(found) < len(values):
            self._wrong(node, (*steps, "<<"), "takes mappings alone: write <<: *name of one")
        return found

    def _wrong(self, node: yaml.Node, steps: Steps, text: str) -> None:
        mark = node.start_mark
        self.mistakes.append(Mistake(mark.line + 1, mark.column + 1, field_name(steps), text))

    def _mark(self, steps: Steps, at: At) -> yaml.Mark:
        """The mark of a value or key; where it was not written, of what it is missing in."""
        if self._root is None:
            raise ValueError("an empty file has no places")
        node, mark = self._root, self._root.start_mark
        for index, step in enumerate(steps):
            pair = _child(node, step, set())
            if pair is None:
                break
            key, node = pair
            last = index == len(steps) - 1
            mark = key.start_mark if last and at is At.KEY else node.start_mark
        return mark


def _child(node: yaml.Node, step: str | int, seen: set[int]) -> tuple[yaml.Node, yaml.Node] | None:
    """The key and the value behind one step (an item is its own key); what `<<` brings comes last.

    `seen` are the mappings that were looked into: aliases make one of few lines be there a billion times, or in itself.
    """
    if isinstance(node, yaml.SequenceNode):
        inside = isinstance(step, int) and step < len(node.value)
        return (node.value[step], node.value[step]) if inside else None
    if not isinstance(node, yaml.MappingNode) or id(node) in seen:
        return None
    seen.add(id(node))
    merged: list[yaml.Node] = []
    for key, value in node.value:
        if key.tag == _MERGE:
            merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
        elif key.value == step:
            return key, value
    return next((pair for pair in (_child(parent, step, seen) for parent in merged) if pair), None)


def read_source(path: Path) -> Source:
    """Reads and parses the file; raises InventoryError where it cannot be read at all."""
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1).decode("utf-8-sig")
    except FileNotFoundError:
        raise InventoryError(
            f"There is no {path}.", "clustr init writes one; -i FILE names another.", mistakes=()
        ) from None
    except OSError as error:
        raise InventoryError(f"{path} cannot be read: {error.strerror}.", "Name a file with -i FILE.") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InventoryError(f"{path} is no UTF-8 text (line {line}).", "Save it as UTF-8.") from None
    if len(text) > LARGEST:
        remedy = "Write ranges such as gpu[01-16], and what nodes share in classes."
        raise InventoryError(f"{path} is larger than {LARGEST >> 20} MB.", remedy)
    return Source(str(path), text)

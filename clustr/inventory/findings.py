"""What reading an inventory finds: mistakes, warnings, and things that are not on this machine now."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from types import GenericAlias
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from clustr.errors import InventoryError
from clustr.inventory.document import Document
from clustr.inventory.frozen import written_names
from clustr.inventory.source import At, Mistake, Source, Steps

WIDEST = 40  # columns that a place or a field may take before the text is pushed aside
LONGEST = 600  # characters of what is said about one mistake, which may repeat what was written

_NOUNS = {"roles": "role", "engine": "engine", "cni": "network that clustr sets up", "host_keys": "way with host keys"}


class Findings:
    """Collected while one file is read, so that all mistakes are told at once."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.mistakes = list(source.mistakes)
        self.warnings: list[Mistake] = []
        self.absent: list[Mistake] = []  # secrets and files; a mistake for all commands but validate

    def mistake(self, steps: Steps, text: str, at: At = At.VALUE) -> None:
        self.mistakes.append(self.source.mistake(steps, text, at))

    def warning(self, steps: Steps, text: str) -> None:
        self.warnings.append(self.source.mistake(steps, text))

    def missing(self, steps: Steps, text: str) -> None:
        self.absent.append(self.source.mistake(steps, text))

    def sound(self, *fields: str) -> bool:
        """Whether nothing under these fields of the top level is wrong so far."""
        return not any(each.field.startswith(fields) for each in self.mistakes)

    def refuse(self) -> None:
        """Raises InventoryError where there is a mistake."""
        lines = self.lines(self.mistakes)
        if lines:
            count = "1 mistake" if len(lines) == 1 else f"{len(lines)} mistakes"
            raise InventoryError(f"{count} in {self.source.name}. No node was contacted.", mistakes=lines)

    def lines(self, found: Iterable[Mistake]) -> tuple[str, ...]:
        """`file:line:column   field   text`, in the order of the file, aligned; what `<<` repeats is said once."""
        once = {(each.line, each.column, each.text): each for each in sorted(found, reverse=True)}
        rows = [
            (f"{self.source.name}:{each.line}:{each.column}", _short(each.field), _short(each.text))
            for each in sorted(once.values())
        ]
        places = _width(place for place, _, _ in rows)
        names = _width(name for _, name, _ in rows)
        return tuple(f"{place:<{places}}  {name:<{names}}   {text}" for place, name, text in rows)


def _short(text: str) -> str:
    """Without its middle where it is long: what is wrong stands at its begin, what to write at its end."""
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]} ... {text[-half:]}"


def _width(texts: Iterable[str]) -> int:
    return max((len(text) for text in texts if len(text) <= WIDEST), default=0)


def mistake_of(source: Source, error: ErrorDetails, steps: Steps) -> Mistake:
    """One error of pydantic as a person should read it, at the place it is about."""
    kind = error["type"]
    if steps[-1:] == ("[key]",):
        return source.mistake(steps[:-1], _words(error, steps), At.KEY)
    if kind == "missing":
        field = _field_at(steps)
        return source.mistake(steps, f"is missing: write {field.description if field else 'it'}")
    if kind == "extra_forbidden":
        return source.mistake(steps, f"no such field: {did_you_mean(str(steps[-1]), _known(steps))}", At.KEY)
    return source.mistake(steps, _words(error, steps))


def did_you_mean(wrong: str, known: Sequence[str]) -> str:
    """The nearest known name, or all of them."""
    close = difflib.get_close_matches(wrong, known, n=1)
    return f"did you mean `{close[0]}`?" if close else f"known here: {', '.join(known) or 'none'}"


def nearest(steps: Steps) -> str | None:
    """The field that an unknown one was probably meant to be."""
    close = difflib.get_close_matches(str(steps[-1]), _known(steps), n=1)
    return close[0] if close else None


def _known(steps: Steps) -> list[str]:
    return list(written_names(_model_at(steps[:-1])))


def _words(error: ErrorDetails, steps: Steps) -> str:
    """What is wrong and what to write, one clause."""
    given, context, kind = error["input"], error.get("ctx", {}), error["type"]
    if kind == "value_error":
        return str(context["error"])
    if kind in ("enum", "literal_error") and isinstance(given, str):
        noun = _NOUNS.get(next(step for step in reversed(steps) if isinstance(step, str)), "choice")
        return f'"{given}" is no {noun}: write {context["expected"].replace(chr(39), "")}'
    bounds = {"greater_than_equal": ("small", "ge", "more"), "less_than_equal": ("large", "le", "less")}
    if kind in bounds:
        size, bound, direction = bounds[kind]
        return f"{given} is too {size}: write {context[bound]} or {direction}"
    if kind == "too_short":
        return "is empty: write at least one"
    return f"is {_kind(given)}: write {_wanted(kind, given, steps)}"


def _wanted(kind: str, given: object, steps: Steps) -> str:
    if kind in ("model_type", "model_attributes_type"):
        fields = written_names(_model_at(steps))
        return f"its fields ({', '.join(sorted(fields, key=lambda name: not fields[name].is_required()))})"
    if kind in ("list_type", "tuple_type"):
        return f"a list, [{given}]" if isinstance(given, str) else "a list"
    return "names with values, {name: value}" if kind == "dict_type" else "one text"


def _kind(given: object) -> str:
    names = {dict: "a mapping", list: "a list", tuple: "a list", type(None): "empty"}
    return names.get(type(given), "one text")


def _walk(steps: Steps) -> Iterator[tuple[FieldInfo, type[BaseModel] | None]]:
    """The fields on the way, each with the model inside it."""
    model: type[BaseModel] | None = Document
    names = iter(step for step in steps if isinstance(step, str))
    for step in names:
        field = written_names(model).get(step) if model else None
        if field is None:
            return
        model = _model_in(field.annotation)
        yield field, model
        if get_origin(field.annotation) is dict:
            next(names, None)  # a name of the user's own, such as a class


def _field_at(steps: Steps) -> FieldInfo | None:
    return next((field for field, _ in reversed(list(_walk(steps)))), None)


def _model_at(steps: Steps) -> type[BaseModel]:
    models = [model for _, model in _walk(steps)]
    return (models[-1] if models else None) or Document


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation holds, within Optional, Annotated, tuple or dict."""
    if isinstance(annotation, type) and not isinstance(annotation, GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    return next((model for model in map(_model_in, get_args(annotation)) if model), None)

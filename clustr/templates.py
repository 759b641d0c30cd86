"""The files of templates/, read and filled in.

They lie at the top of a checkout and travel inside the wheel as clustr/_templates (pyproject.toml, force-include).
"""

import re
import shlex
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined


@cache
def text(name: str) -> str:
    """The file as it lies in templates/, such as `base_os/journald.conf`; raises FileNotFoundError."""
    return (folder() / name).read_text(encoding="utf-8")


def render(name: str, **values: object) -> str:
    """The template with the values put in; a value that is missing raises jinja2.UndefinedError."""
    return _environment().get_template(name).render(**values)


@cache
def folder() -> Path:
    """Where the templates are: beside the package in a checkout, inside it in a wheel."""
    package = Path(__file__).resolve().parent
    packed = package / "_templates"
    return packed if packed.is_dir() else package.parent / "templates"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folder()),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - shell and configuration files, not HTML; `quote` is their escape
    )
    environment.filters["quote"] = _quote
    environment.filters["comment"] = _comment
    return environment


def _quote(value: object) -> str:
    return shlex.quote(str(value))


def _comment(value: object) -> str:
    """Text that may stand behind a # in a script: one line, no control characters."""
    return re.sub(r"[^\x20-\x7e]+", " ", str(value))

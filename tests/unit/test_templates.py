from __future__ import annotations

import subprocess

import pytest
from jinja2 import UndefinedError

from clustr import templates


def test_text_and_render_read_the_same_files() -> None:
    assert "{{ cluster }}" in templates.text("inventory/inventory.yaml")
    with pytest.raises(UndefinedError, match="'cluster' is undefined"):
        templates.render("inventory/inventory.yaml")
    with pytest.raises(FileNotFoundError):
        templates.text("no/such")


@pytest.mark.parametrize("value", ["a b", "$(touch /x)", "it's", "", "-n", "a\nb", 7])
def test_quote_is_a_shell_word(value: object) -> None:
    script = templates._environment().from_string("printf %s {{ value | quote }}\n").render(value=value)
    assert script.endswith("\n")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == str(value)

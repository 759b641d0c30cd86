"""The JSON documents hold to their schemas."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout

import jsonschema
import pytest

from clustr.results import Said
from clustr.views import documents
from clustr.views.report_view import Ending
from tests.unit.views.things import blind_plan, plan, run


def schema(name: str) -> dict[str, object]:
    out = io.StringIO()
    with redirect_stdout(out):
        documents.write_schema(name)
    loaded: dict[str, object] = json.loads(out.getvalue())
    return loaded


def holds(name: str, document: object) -> None:
    jsonschema.Draft202012Validator(schema(name)).validate(json.loads(json.dumps(document)))


def ending() -> Ending:
    found = Ending()
    for event in run():
        found.see(event)
    return found


@pytest.mark.parametrize("name", ["plan", "bootstrap", "exec", "doctor"])
def test_the_schemas_are_schemas_and_closed(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(name))
    with pytest.raises(jsonschema.ValidationError):
        holds(name, {"something": "else"})


def test_plan() -> None:
    document = documents.plan_document(plan(), ending().failed[:1])
    holds("plan", document)
    holds("plan", documents.plan_document(blind_plan()))
    shown = [each for stage in document["stages"] for each in stage["changes"]]  # type: ignore[attr-defined]
    assert [(each["node"], each["component"], each["goal"]) for each in shown] == [c.key for c in plan().changes]


def test_bootstrap() -> None:
    document = documents.bootstrap_document(plan(), ending(), "", stopped=False)
    holds("bootstrap", document)
    holds("bootstrap", documents.bootstrap_document(plan(), Ending(), "/home/ana/.kube/config", stopped=True))
    assert document["done"] == ["gpu03"]


def test_exec() -> None:
    said = [Said(("cp1", "cp2"), 0, "6.1.0"), Said(("cp3",), -1, "does not answer")]
    document = documents.exec_document(said)
    holds("exec", document)
    assert [each["status"] for each in document["answers"]] == [0, None]  # type: ignore[attr-defined]

"""The doctor's JSON document, against its schema."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from clustr.checks.check import Finding, Severity, State
from clustr.checks.document import doctor_json

FINDINGS = [
    Finding("os.clock", "the clock is right", "cp1", State.OK, "Normal", "", Severity.FAILURE, "chronyc(1)", 0.1234),
    Finding("k3s.disk", "there is room", "cp1", State.FAILED, "1 %", "make room", Severity.FAILURE, "", 0.5),
    Finding("drift.os", "one system", "cp2", State.WARNING, "debian 13", "reinstall cp2", Severity.WARNING, ""),
]


def schema() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((files("clustr") / "schemas" / "doctor.json").read_text())
    return document


def test_the_document_holds_its_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    document = json.loads(json.dumps(doctor_json("lab", FINDINGS, 1.23456)))
    jsonschema.validate(document, schema())
    assert document["cluster"] == "lab"
    assert document["seconds"] == 1.235
    assert document["summary"] == {"ok": 1, "failed": 1, "warning": 1, "unknown": 0, "skipped": 0}
    assert document["findings"][1] == {
        "check": "k3s.disk",
        "says": "there is room",
        "severity": "failure",
        "node": "cp1",
        "state": "failed",
        "evidence": "1 %",
        "fix": "make room",
        "source": "",
        "seconds": 0.5,
    }


def test_no_findings_are_a_document_too() -> None:
    jsonschema.validate(doctor_json("lab", [], 0.0), schema())


@pytest.mark.parametrize("broken", [{"state": "fine"}, {"check": "clock"}, {"extra": 1}, {"seconds": "1"}])
def test_the_schema_refuses_what_is_none(broken: dict[str, object]) -> None:
    document: Any = doctor_json("lab", FINDINGS, 1.0)
    document["findings"][0].update(broken)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema())

"""The doctor's findings as a JSON document; its schema is clustr/schemas/doctor.json."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypedDict

from clustr.checks.check import Finding, State


class FindingDocument(TypedDict):
    check: str
    says: str
    severity: str
    node: str
    state: str
    evidence: str
    fix: str
    source: str
    seconds: float


class DoctorDocument(TypedDict):
    cluster: str
    seconds: float
    findings: list[FindingDocument]
    summary: dict[str, int]


def finding_json(finding: Finding) -> FindingDocument:
    return FindingDocument(
        check=finding.check,
        says=finding.says,
        severity=finding.severity.value,
        node=finding.node,
        state=finding.state.value,
        evidence=finding.evidence,
        fix=finding.fix,
        source=finding.source,
        seconds=round(finding.seconds, 3),
    )


def doctor_json(cluster: str, findings: Sequence[Finding], seconds: float) -> DoctorDocument:
    """`summary` counts the findings of each state, those of none too."""
    states = Counter(finding.state for finding in findings)
    return DoctorDocument(
        cluster=cluster,
        seconds=round(seconds, 3),
        findings=[finding_json(finding) for finding in findings],
        summary={state.value: states[state] for state in State},
    )

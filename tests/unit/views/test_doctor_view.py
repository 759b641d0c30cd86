"""What the checks came to, as a person reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from clustr.checks.check import Finding, State
from clustr.results import Health, Said
from clustr.views.doctor_view import doctor_lines
from clustr.views.exec_view import exec_lines
from clustr.views.screen import UNLIMITED
from tests.conftest import Golden
from tests.unit.views.things import GPUS, finding

HERE = Path(__file__).parent / "golden"
INVENTORY = Path("inventory.yaml")


def health(*findings: Finding) -> Health:
    return Health("h100-lab", findings, 20, 61, 6.1)


def findings() -> list[Finding]:
    hot = "84 °C, 17 above the median of class h100"
    look = "look at the airflow; clustr doctor --only gpu.fans"
    lost = "could not look: perfquery: command not found\nasked: perfquery -x"
    return [
        finding("os.clock", "gpu01", State.OK, "0.1 ms"),
        finding("gpu.temperature-outlier", "gpu02", State.WARNING, hot, look),
        finding("gpu.temperature-outlier", "gpu09", State.WARNING, hot, look),
        finding("gpu.count", "cp1", State.SKIPPED, "no GPU"),
        finding("gpu.count", "mon1", State.SKIPPED, "no GPU"),
        finding("network.ib-errors", "gpu12", State.UNKNOWN, lost, "clustr bootstrap --limit gpu12"),
        finding("network.ib-errors", "gpu13", State.UNKNOWN, lost, "clustr bootstrap --limit gpu13"),
        finding(
            "gpu.row-remap-pending",
            "gpu07",
            State.FAILED,
            "GPU 3 (0000:4b:00.0) waits for a reset to remap 1 row",
            "clustr node drain gpu07, then nvidia-smi -r -i 3",
        ),
    ]


@pytest.mark.parametrize("width", [80, UNLIMITED])
def test_an_unhealthy_cluster(golden: Golden, width: int) -> None:
    lines = doctor_lines(health(*findings()), INVENTORY, width)
    golden(HERE / f"doctor-{'narrow' if width == 80 else 'wide'}.txt", "\n".join(lines) + "\n")
    assert all(len(line) <= width for line in lines)


def test_a_healthy_cluster() -> None:
    lines = doctor_lines(health(finding("os.clock", "gpu01", State.OK, "0.1 ms")), INVENTORY, 80)
    assert lines[-1] == "healthy."
    assert "✓ 1 check holds" in lines


def test_a_check_that_fails_somewhere_does_not_hold() -> None:
    each = [finding("os.clock", node, State.OK, "0.1 ms") for node in GPUS[1:]]
    lines = doctor_lines(health(finding("os.clock", "gpu01", State.FAILED, "3 s off"), *each), INVENTORY, 80)
    assert "✓ 0 checks hold" in lines
    assert lines[-1] == "unhealthy: 1 failure."


def test_what_could_not_look_is_never_called_healthy() -> None:
    lines = doctor_lines(health(finding("os.clock", "gpu01", State.UNKNOWN, "timed out")), INVENTORY, 80)
    assert lines[-1] == "not known to be healthy: 1 unknown."
    assert any("could not look: timed out" in line for line in lines)


def test_no_finding_at_all_is_not_healthy() -> None:
    assert doctor_lines(health(), INVENTORY, 80)[-1] == "not known to be healthy: nothing was checked."


def test_equal_answers_are_shown_once_and_bad_ones_last() -> None:
    said = [
        Said(("gpu12",), -1, "does not answer"),
        Said(("gpu03",), 2, "no"),
        Said(GPUS[:2], 0, "6.1.0\n"),
        Said(("cp1",), 0, "6.8"),
    ]
    assert exec_lines(said, 80) == [
        "✓ gpu[01-02]",
        "    6.1.0",
        "✓ cp1",
        "    6.8",
        "✗ gpu03   status 2",
        "    no",
        "? gpu12   could not be asked",
        "    does not answer",
    ]

"""The fabric's checks where the runtime is the distribution's."""

from __future__ import annotations

import pytest

from clustr.checks.check import State
from clustr.checks.questions import Answer
from clustr.inventory.model import Runtime
from tests.unit.checks.recorded import recorded_cluster
from tests.unit.checks.test_judgement import finding

SHOW = "systemctl show --property=LimitMEMLOCK --property=LimitMEMLOCKSoft "
LOW, HIGH = (f"LimitMEMLOCK={limit}\nLimitMEMLOCKSoft={limit}\n" for limit in ("8388608", "infinity"))


@pytest.mark.parametrize(
    ("engine", "docker", "containerd", "state", "evidence"),
    [
        ("docker", HIGH, HIGH, State.OK, "docker.service, containerd.service: infinity"),
        ("docker", HIGH, LOW, State.FAILED, "containerd.service has LimitMEMLOCK=8388608"),
        ("containerd", LOW, HIGH, State.OK, "containerd.service: infinity"),
    ],
)
def test_what_starts_the_containers_tells_what_they_may_lock(
    engine: str, docker: str, containerd: str, state: State, evidence: str
) -> None:
    cluster = recorded_cluster().model_copy(update={"runtime": Runtime.model_validate({"engine": engine})})
    answers = {
        f"{SHOW}{unit}": Answer(0, said, "")
        for unit, said in (("docker.service", docker), ("containerd.service", containerd))
    }
    found = finding("fabric.memlock", "gpu1", answers, cluster)
    assert found.state is state
    assert found.evidence.startswith(evidence)

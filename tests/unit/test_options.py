"""What a person chose on the command line, checked before anything is contacted."""

from __future__ import annotations

import pytest

from clustr.engine.preflight import Name
from clustr.errors import UsageError
from clustr.session import Options
from tests.unit.engine.things import cluster_of


def test_a_finding_that_there_is_can_be_ignored() -> None:
    assert Options(ignore=frozenset({"time.clock"})).ignored() == {Name.TIME_CLOCK}


def test_a_finding_that_there_is_not_is_told_with_those_that_there_are() -> None:
    with pytest.raises(UsageError) as refused:
        Options(ignore=frozenset({"time.clok"})).ignored()
    assert "--ignore time.clok" in refused.value.problem
    assert "time.clock" in refused.value.remedy


def test_limit_takes_globs_and_refuses_those_that_name_no_node() -> None:
    cluster = cluster_of("cp1", "gpu1", "gpu2")
    assert Options(limit=("gpu*",)).chosen(cluster) == frozenset({"gpu1", "gpu2"})
    assert Options().chosen(cluster) is None
    with pytest.raises(UsageError) as refused:
        Options(limit=("cpu*",)).chosen(cluster)
    assert "cp1, gpu1, gpu2" in refused.value.remedy

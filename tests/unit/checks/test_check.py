"""What a check comes to: each state, and that nothing but an answer is ok."""

from __future__ import annotations

from itertools import pairwise

import pytest

from clustr.checks.backend import Host
from clustr.checks.catalogue import all_checks, gate_checks, only
from clustr.checks.check import Check, CheckFailed, CouldNotLook, DoesNotApply, Finding, Severity, State, check, must
from clustr.checks.run import check_node, not_reached
from clustr.errors import UnreachableError, UsageError
from clustr.inventory.model import Cluster, Node
from tests.unit.checks.recorded import Spoken, recorded_cluster


def a_check(look: object, severity: Severity = Severity.FAILURE) -> Check:
    def looking(host: Host, node: Node, cluster: Cluster) -> str:
        if isinstance(look, BaseException):
            raise look
        return str(look)

    return check("test.one", says="it holds", fix="mend {node}", severity=severity, source="a test")(looking)


def run(*checks: Check) -> list[Finding]:
    cluster = recorded_cluster()
    return check_node(checks, cluster, cluster.nodes[0], Spoken({}))


@pytest.mark.parametrize(
    ("look", "severity", "state", "evidence"),
    [
        ("all well", Severity.FAILURE, State.OK, "all well"),
        (CheckFailed("found this"), Severity.FAILURE, State.FAILED, "found this"),
        (CheckFailed("found this"), Severity.WARNING, State.WARNING, "found this"),
        (DoesNotApply("it has no GPU"), Severity.FAILURE, State.SKIPPED, "it has no GPU"),
        (CouldNotLook("no curl"), Severity.WARNING, State.UNKNOWN, "no curl"),
        (UnreachableError("cut"), Severity.FAILURE, State.UNKNOWN, "cut"),
        (AssertionError(), Severity.FAILURE, State.UNKNOWN, "AssertionError: "),
        (RuntimeError("testinfra's own"), Severity.FAILURE, State.UNKNOWN, "RuntimeError: testinfra's own"),
        (NotImplementedError("no ss"), Severity.FAILURE, State.UNKNOWN, "NotImplementedError: no ss"),
        (KeyError("Ready"), Severity.FAILURE, State.UNKNOWN, "KeyError: 'Ready'"),
        (ValueError("no JSON"), Severity.FAILURE, State.UNKNOWN, "ValueError: no JSON"),
    ],
)
def test_a_state_for_each_end(look: object, severity: Severity, state: State, evidence: str) -> None:
    (finding,) = run(a_check(look, severity))
    assert (finding.state, finding.evidence, finding.severity) == (state, evidence, severity)
    assert (finding.check, finding.says, finding.source) == ("test.one", "it holds", "a test")
    assert finding.fix == f"mend {finding.node}"


def test_what_does_not_apply_is_skipped_with_the_reason() -> None:
    one = check("test.one", says="it holds", fix="", on=lambda cluster, node: "it has no GPU")(lambda *given: "looked")
    (finding,) = run(one)
    assert (finding.state, finding.evidence) == (State.SKIPPED, "it has no GPU")


def test_findings_are_in_the_order_of_the_checks() -> None:
    findings = run(a_check("one"), a_check(CheckFailed("two")), a_check("three"))
    assert [finding.evidence for finding in findings] == ["one", "two", "three"]


def test_once_the_line_is_cut_nothing_more_is_asked() -> None:
    cluster = recorded_cluster()
    connection = Spoken({})
    connection.cut = True
    findings = check_node(all_checks(), cluster, cluster.nodes[0], connection)
    looked = [finding for finding in findings if finding.state is not State.SKIPPED]
    assert {finding.state for finding in looked} == {State.UNKNOWN}
    assert {finding.evidence for finding in looked} == {"the connection was cut"}
    assert len(connection.asked) == 1


def test_a_node_that_does_not_answer_is_one_unknown() -> None:
    node = recorded_cluster().nodes[0]
    finding = not_reached(node, UnreachableError("no route", "check the cable", detail="10.0.0.1:22"))
    assert (finding.state, finding.node, finding.fix) == (State.UNKNOWN, node.name, "check the cable")
    assert finding.evidence == "no route\n10.0.0.1:22"


def test_must_says_what_was_found_and_what_was_wanted() -> None:
    must(True, found="a", wanted="a")
    with pytest.raises(CheckFailed, match=r"^b; wanted: a\nthe log$"):
        must(False, found="b", wanted="a", evidence="the log\n")


def test_ids_are_unique_and_every_check_has_words() -> None:
    checks = all_checks()
    assert len({each.id for each in checks}) == len(checks)
    for each in checks:
        assert each.id.count(".") == 1
        assert each.says
        assert each.fix


def test_fixes_name_checks_that_exist() -> None:
    for each in all_checks():
        words = each.fix.replace(";", " ").split()
        for before, pattern in pairwise(words):
            if before == "--only":
                assert only([pattern.strip("'")])


def test_each_component_that_exists_is_known_to_gates() -> None:
    gates = {gate for each in all_checks() for gate in each.gates}
    known = {"base_os", "container_runtime", "node_exporter", "k3s_server", "k3s_agent", "prometheus", "alertmanager"}
    known |= {"nvidia_driver", "fabric_manager", "container_toolkit", "dcgm"}
    assert gates == known
    for gate in gates:
        assert all(gate in each.gates for each in gate_checks(frozenset({gate})))
        assert gate_checks(frozenset({gate}))
    assert gate_checks(frozenset()) == ()
    assert all(each.returns for each in gate_checks(frozenset(), returns=True))


def test_what_a_drained_node_has_to_show_before_it_takes_pods_again() -> None:
    returns = {each.id for each in all_checks() if each.returns}
    assert returns >= {"gpu.driver-loaded", "gpu.device-files", "gpu.cdi", "gpu.allocatable", "gpu.pod-answers"}
    assert returns >= {"fabric.manager", "fabric.registered", "gpu.libraries", "gpu.runtime", "gpu.answers"}
    asked = {each.id for each in gate_checks(frozenset(), returns=True)}
    assert asked == returns


def test_checks_are_chosen_by_globs() -> None:
    assert [each.id for each in only(["os.clock", "os.sw*"])] == ["os.clock", "os.swap-off"]
    assert only([]) == all_checks()
    with pytest.raises(UsageError, match=r"no check is called room\.fans") as unknown:
        only(["os.clock", "room.fans"])
    assert unknown.value.remedy.startswith("groups of checks are os.*, network.*, ")
    with pytest.raises(UsageError) as typo:
        only(["k3s.node-redy"])
    assert typo.value.remedy == "did you mean k3s.node-ready?"

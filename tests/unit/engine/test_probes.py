"""Probes on a real disk: files are told to the last byte, and what one call tells of all is told of the right one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clustr.engine.goal import Goal
from clustr.engine.makers import file, service, step
from clustr.engine.script import Answer, probe_script, read_answers
from tests.fakes import LocalConnection

# Told of units in the order in which they are named; one of the two runs, the other is not there.
SYSTEMCTL = r"""
echo "$*" >>/asked
all=$*
while [ "$1" != -- ]; do shift; done
shift
first=yes
for unit; do
  if [ "$unit" = one.service ]; then active=active enabled=enabled; else active=inactive enabled=; fi
  [ "$first" = yes ] || echo
  first=no
  case $all in
    *"ActiveState --value"*) echo "$active" ;;
    *"UnitFileState --value"*) echo "$enabled" ;;
    *) printf 'UnitFileState=%s\nActiveState=%s\n' "$enabled" "$active" ;;
  esac
done
"""


@pytest.fixture
def node() -> Iterator[LocalConnection]:
    with LocalConnection() as connection:
        yield connection


def ask(node: LocalConnection, *goals: Goal) -> list[Answer]:
    result = node.run(probe_script(goals, "mark"))
    assert (result.status, result.stderr) == (0, "")
    return read_answers(result.stdout, "mark", len(goals))


def test_files_are_told_to_the_last_byte(node: LocalConnection) -> None:
    contents = {"/etc/a b": "one\ntwo\n", "/etc/it's": "no end of line", "/etc/empty": "", "/etc/lines": "\n\n\n"}
    for path, content in contents.items():
        node.write(path, content, 0o600)
    found = ask(node, *(file(path, "x") for path in (*contents, "/etc/absent")))
    told = [f"0600 root:root\n{content}" for content in contents.values()]
    assert [answer.text for answer in found] == [*told, "absent\n"]


def test_a_byte_that_bash_cannot_hold_is_not_lost(node: LocalConnection) -> None:
    """Else a file that has the wanted text and more behind it would pass for the wanted one."""
    node.path("/etc/nul").parent.mkdir(parents=True, exist_ok=True)
    node.path("/etc/nul").write_bytes(b"wanted\n\0more\n")
    assert ask(node, file("/etc/nul", "wanted"))[0].text == "0644 root:root\nwanted\n\0more\n"


def test_what_is_no_plain_file_is_told(node: LocalConnection) -> None:
    node.write("/etc/real", "x\n")
    node.path("/etc/link").symlink_to("real")
    node.path("/etc/folder").mkdir()
    found = ask(node, file("/etc/link", "x"), file("/etc/folder", "x"), file("/etc/real", "x", secret=True))
    assert [answer.text.splitlines()[0] for answer in found] == [
        "not a plain file",
        "not a plain file",
        "0644 root:root",
    ]


def test_a_node_without_room_is_left_as_it_is(node: LocalConnection) -> None:
    node.command("mktemp", "echo 'No space left on device' >&2; exit 1")
    result = node.run(probe_script([file("/etc/absent", "x").of("test")], "mark"))
    assert (result.status, result.stdout, result.stderr) == (1, "", "No space left on device\n")
    assert not node.path("/answers").exists()


def test_all_units_are_asked_for_at_once(node: LocalConnection) -> None:
    node.command("systemctl", SYSTEMCTL)
    node.write("/var/lib/clustr/started/one.service", "another-sum\n")
    goals = [goal for unit in ("one.service", "two.service") for goal in service(unit)[1:]]
    found = [answer.text.strip() for answer in ask(node, *goals)]
    assert found == ["enabled", "runs with other files", "absent", "inactive"]
    assert len(node.path("/asked").read_text().splitlines()) == 1


def test_a_systemctl_that_tells_of_fewer_units_is_asked_for_each(node: LocalConnection) -> None:
    node.command(
        "systemctl", f'case "$*" in *one.service*two.service*) set -- show -- one.service ;; esac\n{SYSTEMCTL}'
    )
    goals = [service(unit)[1] for unit in ("one.service", "two.service")]
    assert [answer.text.strip() for answer in ask(node, *goals)] == ["enabled", "absent"]
    assert node.path("/asked").read_text().count("\n") == 3


def test_a_probe_of_a_component_looks_for_itself(node: LocalConnection) -> None:
    node.write("/etc/seen", "x\n", 0o640)
    goal = step("seen", probe="probe_absent /etc; probe_file /etc/seen", wanted="", apply="true")
    assert ask(node, goal)[0].text.splitlines()[-2:] == ["0640 root:root", "x"]

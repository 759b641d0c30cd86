"""What goals' applies call, on a real disk: who holds a lock, and package sources that are set aside."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clustr.remote.connection import Result
from clustr.templates import text
from tests.fakes import LocalConnection

FUNCTIONS = "\n".join(text(f"engine/{name}.sh") for name in ("probes", "applies", "apt"))
LOCKED = (
    "import fcntl, subprocess; lock = open('/one/lock', 'w'); fcntl.lockf(lock, fcntl.LOCK_EX); "
    "subprocess.run(['bash', '/holders'])"
)
OURS = "/etc/apt/sources.list.d/ours.sources"


@pytest.fixture
def node() -> Iterator[LocalConnection]:
    with LocalConnection() as connection:
        connection.path("/var/lib/clustr").mkdir(parents=True)
        yield connection


def run(node: LocalConnection, script: str) -> Result:
    done = node.run(f"set -Eeuo pipefail\n{FUNCTIONS}\nmain() {{\n{script}\n}}\nmain\n")
    assert done.status == 0, done.stderr
    return done


def test_the_same_inode_of_another_file_system_is_another_lock(node: LocalConnection) -> None:
    node.write("/holders", f"{FUNCTIONS}\nfor each in one two; do echo $each: $(lock_holder /$each/lock); done\n")
    made = "mkdir /$each; mount -t tmpfs $each /$each; : >/$each/lock; stat -c %i /$each/lock"
    found = run(node, f'for each in one two; do {made}; done\npython3 -c "{LOCKED}"').stdout.split("\n")
    assert found[0] == found[1]
    assert found[2].startswith("one: python3, pid ")
    assert found[3] == "two:"


def test_what_was_set_aside_for_one_vendor_comes_back_with_that_vendor_alone(node: LocalConnection) -> None:
    lists = {name: f"/etc/apt/sources.list.d/{name}.list" for name in ("one", "two")}
    for name, path in lists.items():
        node.write(path, f"deb https://{name}.example.com/apt stable main\n")
        run(node, f"apply_only_source {name}.example.com/apt {OURS}")
    there = " ".join(lists.values())
    assert run(node, f"ls {there} || true").stdout == ""
    run(node, "undo_only_source two.example.com/apt")
    assert run(node, f"ls {there} || true").stdout == f"{lists['two']}\n"
    run(node, "undo_only_source one.example.com/apt")
    assert run(node, f"cat {there}").stdout == (
        "deb https://one.example.com/apt stable main\ndeb https://two.example.com/apt stable main\n"
    )

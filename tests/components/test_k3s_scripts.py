"""The shell of k3s's goals, run for real on a copy-on-write view of this machine; a small program stands for k3s."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from shlex import quote

import pytest

from clustr.components.k3s import SERVER, Token, config, token_goal
from clustr.engine.goal import Goal
from clustr.engine.script import probe_script, read_answers
from clustr.inventory.secrets import Secret
from clustr.remote.connection import Result
from clustr.templates import text
from tests.components.k3s_nodes import CA
from tests.fakes import LocalConnection

TOKEN = "/etc/rancher/k3s/token"
CONFIG = "/etc/rancher/k3s/config.yaml"
FOUNDING = "/etc/rancher/k3s/config.yaml.d/00-clustr-founding.yaml"
MEMBER = "/var/lib/rancher/k3s/server/db/etcd/member"

# As k3s v1.36 prints them: names beside short names, values, categories.
HELP = """NAME:
   k3s server - Run management server

OPTIONS:
   --config FILE, -c FILE                     (config) Load configuration from FILE (default: "/etc/rancher/k3s") [$K3S]
   --debug                                    (logging) Turn on debug logs
   --token value, -t value                    (cluster) Shared secret, see --not-a-flag
   --token-file value                         (cluster) File containing the token
   --tls-san value [ --tls-san value ]        (listener) Additional hostnames
   --node-ip value, -i value                  (agent/networking) IPv4/IPv6 addresses to advertise
"""


@pytest.fixture
def machine() -> Iterator[LocalConnection]:
    with LocalConnection() as found:
        found.write("/usr/local/bin/k3s", f"#!/bin/bash\ncat <<'END'\n{HELP}END\n", 0o755)
        yield found


def bash(machine: LocalConnection, script: str, component: str = "k3s") -> Result:
    functions = "\n".join(text(name) for name in ("engine/probes.sh", "engine/applies.sh", f"{component}/functions.sh"))
    return machine.run(f"set -Eeuo pipefail\n{functions}\nmain() {{\n{script}\n}}\nmain\n")


def ask(machine: LocalConnection, *goals: Goal) -> list[str]:
    """The goals' answers, as the engine reads them."""
    answers = read_answers(machine.run(probe_script(goals, "m4rk")).stdout, "m4rk", len(goals))
    assert not [answer.error for answer in answers if answer.error]
    return [answer.text.strip() for answer in answers]


def apply(machine: LocalConnection, goal: Goal) -> Result:
    return bash(machine, goal.apply)


def test_the_token_file_holds_in_either_form_and_no_other_password_does(machine: LocalConnection) -> None:
    short = token_goal("join token", TOKEN, Token("server", "secret", "")).of("k3s_server")
    pinned = token_goal("join token", TOKEN, Token("server", "secret", CA)).of("k3s_server")
    other = token_goal("join token", TOKEN, Token("server", "another", CA)).of("k3s_server")
    assert ask(machine, short) == ["absent"]
    for goal in (short, pinned):
        assert apply(machine, goal).status == 0
        assert ask(machine, short, pinned) == [short.wanted, pinned.wanted]
        assert ask(machine, other) != [other.wanted]
    assert machine.path(TOKEN).read_text() == f"K10{CA}::server:secret\n"
    machine.path(TOKEN).chmod(0o644)
    assert ask(machine, short) == [str(short.wanted).replace("0600", "0644")]


def test_a_token_that_pins_another_ca_does_not_hold(machine: LocalConnection) -> None:
    old = token_goal("join token", TOKEN, Token("server", "secret", "d" * 64)).of("k3s_server")
    now = token_goal("join token", TOKEN, Token("server", "secret", CA)).of("k3s_server")
    apply(machine, old)
    assert ask(machine, now) == ["pins another CA"]
    apply(machine, now)
    assert ask(machine, now) == [now.wanted]


def test_a_password_with_colons_is_one_password(machine: LocalConnection) -> None:
    token = Token.of(Secret(f"K10{CA}::server:a::b:c"))
    goal = token_goal("join token", TOKEN, token).of("k3s_server")
    apply(machine, goal)
    assert hashlib.sha256(b"a::b:c").hexdigest() in ask(machine, goal)[0]


def test_keys_that_k3s_knows_are_taken(machine: LocalConnection) -> None:
    done = apply(machine, config(SERVER, {"debug": True, "tls-san": ["a", "b"], "tls-san+": ["c"], "token-file": "x"}))
    assert done.status == 0, done.stderr
    assert "debug: true" in machine.path(CONFIG).read_text()


def test_keys_that_k3s_does_not_know_are_refused_and_the_old_file_stays(machine: LocalConnection) -> None:
    apply(machine, config(SERVER, {"debug": True}))
    done = apply(machine, config(SERVER, {"debug": False, "tls-sans": ["a"], "not-a-flag": 1, "node-ip": "10.0.0.1"}))
    assert done.status != 0
    assert "k3s server has no such flag: --tls-sans --not-a-flag;" in done.stderr
    assert "debug: true" in machine.path(CONFIG).read_text()
    assert [path.name for path in machine.path("/etc/rancher/k3s").iterdir()] == ["config.yaml"]


def test_a_k3s_that_tells_no_flags_is_no_consent(machine: LocalConnection) -> None:
    machine.write("/usr/local/bin/k3s", "#!/bin/bash\nexit 1\n", 0o755)
    assert apply(machine, config(SERVER, {"debug": True})).status != 0
    assert not machine.path(CONFIG).exists()


def systemctl(machine: LocalConnection, on_restart: str = "true") -> None:
    machine.command("systemctl", f'if [ "$1" = restart ]; then echo restart >>/calls; {on_restart}; fi')
    machine.write("/usr/local/bin/k3s", "#!/bin/bash\nprintf ok\n", 0o755)


def test_founding_is_in_force_for_one_start_only(machine: LocalConnection) -> None:
    systemctl(machine, f"cat {FOUNDING} >/seen; stat -c %a {FOUNDING} >>/seen; mkdir -p {MEMBER}")
    assert bash(machine, f"k3s_probe_founded {FOUNDING}").stdout == "absent\n"
    assert bash(machine, f"k3s_found {FOUNDING} new").status == 0
    assert machine.path("/seen").read_text() == 'cluster-init: true\nserver: ""\n600\n'
    assert not machine.path(FOUNDING).exists()
    assert bash(machine, f"k3s_probe_founded {FOUNDING}").stdout == "founded\n"


def test_a_founding_that_was_cut_is_seen_and_gone_through_again(machine: LocalConnection) -> None:
    systemctl(machine, f"mkdir -p {MEMBER}; false")
    assert bash(machine, f"k3s_found {FOUNDING} new").status != 0
    assert bash(machine, f"k3s_probe_founded {FOUNDING}").stdout == "half founded\n"
    systemctl(machine)
    assert bash(machine, f"k3s_found {FOUNDING} finish").status == 0
    assert bash(machine, f"k3s_probe_founded {FOUNDING}").stdout == "founded\n"


def test_finishing_founds_nothing_where_the_data_is_gone(machine: LocalConnection) -> None:
    systemctl(machine)
    done = bash(machine, f"k3s_found {FOUNDING} finish")
    assert done.status != 0
    assert "is gone" in done.stderr
    assert not machine.path("/calls").exists()
    assert not machine.path(FOUNDING).exists()


LISTING = [
    ("gpu1", "label", "kubernetes.io/os", "linux"),
    ("gpu1", "label", "tier", "training"),
    ("gpu1", "label", "empty", ""),
    ("gpu1", "annotation", "label.clustr.io/0011", '"tier"'),
    ("gpu1", "annotation", "label.clustr.io/0022", '"old/key"'),
    ("gpu1", "annotation", "taint.clustr.io/0033", '"gpu:NoSchedule"'),
    ("gpu1", "annotation", "note", r'"two\nlines and a \"quote\""'),
    ("gpu1", "taint", "gpu:NoSchedule", "h100"),
    ("gpu1", "taint", "gone:NoExecute", ""),
    ("gpu2", "annotation", "clustr.io/cordoned", '"4f1c"'),
]


@pytest.fixture
def cluster(machine: LocalConnection) -> LocalConnection:
    machine.write("/listing", "".join("\t".join(words) + "\n" for words in LISTING))
    machine.write(
        "/usr/local/bin/k3s",
        '#!/bin/bash\necho "${*:4}" | head -1 >>/calls\n'
        'if [ -e /refuses ]; then echo "connection refused" >&2; exit 1; fi\n'
        'case "$*" in *"get nodes"*) cat /listing ;; esac\n',
        0o755,
    )
    machine.path("/var/lib/rancher/k3s/server/db").mkdir(parents=True)
    return machine


def node_probe(probe: str) -> Goal:
    return Goal(probe, probe, "", "", component="node_object")


@pytest.mark.parametrize(
    ("probe", "answer"),
    [
        ("node_object_probe gpu1 label tier", '"training"'),
        ("node_object_probe gpu1 label empty", '""'),
        ("node_object_probe gpu1 label tie", "absent"),
        ("node_object_probe gpu2 label tier", "absent"),
        ("node_object_probe gpu9 label tier", "absent"),
        ("node_object_probe gpu1 taint gpu:NoSchedule", '"h100"'),
        ("node_object_probe gpu1 taint gone:NoExecute", '""'),
        ("node_object_probe_left gpu1 label tier", "old/key"),
        ("node_object_probe_left gpu1 label", "tier old/key"),
        ("node_object_probe_left gpu1 label tier old/key other", "none"),
        ("node_object_probe_left gpu1 taint", "gpu:NoSchedule"),
        ("node_object_probe_left gpu2 label", "none"),
        ("node_object_probe_cordon gpu2", "by run 4f1c"),
        ("node_object_probe_cordon gpu1", "none"),
    ],
)
def test_node_objects_are_read(cluster: LocalConnection, probe: str, answer: str) -> None:
    assert ask(cluster, node_probe(probe)) == [answer]


def test_all_nodes_are_read_in_one_call(cluster: LocalConnection) -> None:
    ask(cluster, *(node_probe(f"node_object_probe gpu{number} label tier") for number in range(20)))
    assert len(cluster.path("/calls").read_text().splitlines()) == 1


def test_a_server_that_does_not_answer_is_no_answer_and_is_asked_once(cluster: LocalConnection) -> None:
    cluster.write("/refuses", "")
    goals = [node_probe("node_object_probe gpu1 label tier"), node_probe("node_object_probe_left gpu1 label")]
    answers = read_answers(cluster.run(probe_script(goals, "m4rk")).stdout, "m4rk", 2)
    assert all("connection refused" in answer.error for answer in answers)
    assert len(cluster.path("/calls").read_text().splitlines()) == 1


def test_a_bare_server_has_no_nodes(machine: LocalConnection) -> None:
    assert ask(machine, node_probe("node_object_probe gpu1 label tier")) == ["absent"]


def test_what_left_the_inventory_is_taken_away_and_then_its_mark(cluster: LocalConnection) -> None:
    done = bash(cluster, "node_object_remove_left gpu1 label other", "node_object")
    assert done.status == 0, done.stderr
    mark = hashlib.sha256(b"old/key").hexdigest()[:16]
    calls = cluster.path("/calls").read_text().splitlines()[1:]
    assert calls[0] == "label node gpu1 tier-"
    # old/key is marked, and somebody else took the label itself away.
    assert calls[2:] == [f"annotate node gpu1 label.clustr.io/{mark}-"]


def test_marks_are_set_before_what_they_mark(cluster: LocalConnection) -> None:
    name, whole = "a.b/c:NoSchedule", "a.b/c=v:NoSchedule"
    bash(cluster, f"node_object_set_taint gpu1 {quote(name)} {quote(whole)}", "node_object")
    mark = hashlib.sha256(name.encode()).hexdigest()[:16]
    assert cluster.path("/calls").read_text().splitlines() == [
        f"annotate --overwrite node gpu1 taint.clustr.io/{mark}={name}",
        f"taint --overwrite node gpu1 {whole}",
    ]

"""k3s: facts in, goals out."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from clustr.components import base_os, k3s_agent, k3s_server, node_object
from clustr.components.k3s import Token, api_server, first_server
from clustr.engine.goal import Goal, Later
from clustr.engine.script import apply_script, apply_work, probe_script
from clustr.engine.stage import Component, name_of
from clustr.inventory.model import Addons, Artifacts, Cluster, K3s, Network, Runtime
from clustr.inventory.secrets import Secret
from clustr.remote.facts import Datastore, Seen
from tests.components.k3s_nodes import (
    CA,
    PASSWORD,
    VERSION,
    bare,
    cluster_of,
    facts,
    running,
    server_of,
    with_facts,
)
from tests.conftest import Golden

GOLDEN = Path(__file__).parent / "golden"
THREE = cluster_of("cp1", "cp2", "cp3", "gpu1", "gpu2")
ONE = cluster_of("cp1", "gpu1")
MADE = Secret(PASSWORD)


def goals(component: Component, cluster: Cluster, name: str, seen: Seen) -> dict[str, Goal]:
    return {
        f"{goal.about} {goal.name}".strip(): goal.of(name_of(component))
        for goal in component.goals(cluster, cluster.node(name), seen)
    }


def config(cluster: Cluster, name: str, seen: Seen) -> str:
    component = k3s_server if name.startswith("cp") else k3s_agent
    wanted = goals(component, cluster, name, seen)["/etc/rancher/k3s/config.yaml"].wanted
    assert isinstance(wanted, str)
    return wanted


CASES: dict[str, tuple[Component, Cluster, str, Seen]] = {
    "k3s_server/founds": (k3s_server, THREE, "cp1", replace(bare(THREE), new_token=MADE)),
    "k3s_server/joins": (k3s_server, THREE, "cp2", running(THREE, "cp2")),
    "k3s_server/alone": (k3s_server, ONE, "cp1", replace(bare(ONE), new_token=MADE)),
    "k3s_agent/joins": (k3s_agent, THREE, "gpu1", running(THREE)),
    "node_object/running": (node_object, ONE, "cp1", running(ONE)),
}


@pytest.mark.parametrize("case", CASES)
def test_scripts_are_as_they_were(case: str, golden: Golden) -> None:
    found = list(goals(*CASES[case]).values())
    texts = {
        "probe": "\n".join(f"# {goal.name}: {_shown(goal.wanted)}\n{goal.probe}\n" for goal in found),
        "apply": "\n".join(apply_work(place, goal).script + "\n" for place, goal in enumerate(found)),
    }
    for kind, text in texts.items():
        golden(GOLDEN / f"{case}.{kind}.sh", text)


def _shown(wanted: str | Later) -> str:
    return " | ".join(wanted.splitlines()[:2]) if isinstance(wanted, str) else f"known after {wanted.stage}"


@pytest.mark.parametrize("case", CASES)
def test_rendered_scripts_pass_shellcheck(case: str, tmp_path: Path) -> None:
    found = list(goals(*CASES[case]).values())
    works = [apply_work(place, goal) for place, goal in enumerate(found)]
    apply = apply_script(works, stage="s", node="n", run_id="r", reboots=False)
    for text in (probe_script(found, "n0nce"), apply):
        script = tmp_path / "script.sh"
        script.write_text(text)
        # SC2317, SC2329: functions that this script does not call; SC2034: variables that only some of them use.
        checked = subprocess.run(
            ["shellcheck", "-s", "bash", "-e", "SC2317,SC2329,SC2034", script], capture_output=True, text=True
        )
        assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("name", ["k3s-killall.sh", "k3s-uninstall.sh", "k3s-agent-uninstall.sh"])
def test_the_scripts_for_people_pass_shellcheck(name: str) -> None:
    component, node_name = (k3s_agent, "gpu1") if "agent" in name else (k3s_server, "cp1")
    wanted = goals(component, THREE, node_name, running(THREE))[f"/usr/local/bin/{name}"].wanted
    assert isinstance(wanted, str)
    access, _, script = wanted.partition("\n")
    assert access == "0755 root:root"
    checked = subprocess.run(["shellcheck", "-s", "bash", "-"], input=script, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("case", CASES)
def test_the_same_facts_give_the_same_goals(case: str) -> None:
    assert goals(*CASES[case]) == goals(*CASES[case])


def test_the_first_server_is_the_one_that_holds_data() -> None:
    assert first_server(THREE, bare(THREE)) == THREE.node("cp1")
    assert first_server(THREE, running(THREE)) == THREE.node("cp1")
    assert first_server(THREE, running(THREE, "cp1")) == THREE.node("cp2")


def test_nothing_is_first_where_a_silent_server_might_hold_the_data() -> None:
    assert first_server(THREE, bare(THREE, "cp3")) is None
    assert first_server(THREE, bare(THREE, "gpu1")) == THREE.node("cp1")


def test_the_api_is_asked_of_a_server_that_answers() -> None:
    assert api_server(THREE, bare(THREE)) == THREE.node("cp1")
    stopped = with_facts(running(THREE), "cp1", k3s=replace(server_of(THREE), nodes=()))
    assert api_server(THREE, stopped) == THREE.node("cp2")


@pytest.mark.parametrize("name", ["cp2", "cp3"])
def test_only_the_first_server_founds_and_only_where_none_holds_data(name: str) -> None:
    seen = replace(bare(THREE), new_token=MADE)
    founding = "/etc/rancher/k3s/config.yaml.d/00-clustr-founding.yaml"
    assert goals(k3s_server, THREE, "cp1", seen)["cluster founded"].apply == f"k3s_found {k3s_server.FOUNDING} new"
    assert goals(k3s_server, THREE, name, seen)[founding].wanted == "absent"
    emptied = running(THREE, "cp1")
    assert founding in goals(k3s_server, THREE, "cp1", emptied)
    assert (
        goals(k3s_server, THREE, "cp2", emptied)["cluster founded"].apply == f"k3s_found {k3s_server.FOUNDING} finish"
    )
    for look in (seen, emptied, bare(THREE, "cp3")):
        for each in ("cp1", "cp2"):
            assert "cluster-init" not in config(THREE, each, look)


def test_no_server_finds_itself_under_the_name_by_which_it_joins() -> None:
    def registered(cluster: Cluster, name: str) -> list[str]:
        hosts = goals(base_os, cluster, name, bare(cluster))["/etc/hosts"].wanted
        assert isinstance(hosts, str)
        return [line.split()[0] for line in hosts.splitlines() if line.endswith(cluster.registration)]

    assert registered(THREE, "cp1") == ["10.0.0.2", "10.0.0.3"]
    assert registered(THREE, "gpu1") == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
    assert registered(ONE, "cp1") == ["10.0.0.1"]


def test_a_server_alone_founds_nothing_and_joins_nothing() -> None:
    seen = replace(bare(ONE), new_token=MADE)
    assert not [name for name in goals(k3s_server, ONE, "cp1", seen) if "found" in name]
    assert "server:" not in config(ONE, "cp1", seen)


def test_a_sqlite_cluster_that_grows_is_taken_into_etcd() -> None:
    sqlite = server_of(ONE, Datastore.SQLITE)
    seen = with_facts(bare(THREE), "cp1", k3s=sqlite)
    assert goals(k3s_server, THREE, "cp1", seen)["cluster founded"].apply == f"k3s_found {k3s_server.FOUNDING} new"


def test_config_is_the_same_before_and_after_founding() -> None:
    for name in ("cp1", "cp2", "gpu1"):
        assert config(THREE, name, bare(THREE)) == config(THREE, name, running(THREE))
        assert config(THREE, name, running(THREE)) == config(THREE, name, running(THREE, "cp1"))


def test_no_token_is_known_before_bootstrap_makes_one() -> None:
    for name, component in (("cp1", k3s_server), ("cp2", k3s_server), ("gpu1", k3s_agent)):
        wanted = goals(component, THREE, name, bare(THREE))["join token"].wanted
        assert wanted == Later("First server", "join token")


def test_who_joins_waits_for_the_ca_that_it_pins() -> None:
    seen = replace(bare(THREE), new_token=MADE)
    assert not isinstance(goals(k3s_server, THREE, "cp1", seen)["join token"].wanted, Later)
    assert isinstance(goals(k3s_server, THREE, "cp2", seen)["join token"].wanted, Later)
    assert isinstance(goals(k3s_agent, THREE, "gpu1", seen)["join token"].wanted, Later)
    founded = with_facts(seen, "cp1", k3s=server_of(THREE))
    assert f"K10{CA}::server:{PASSWORD}" in goals(k3s_server, THREE, "cp2", founded)["join token"].apply


def test_agents_get_a_token_that_admits_no_server() -> None:
    apply = goals(k3s_agent, THREE, "gpu1", running(THREE))["join token"].apply
    assert f"K10{CA}::node:" in apply
    assert PASSWORD not in apply
    on_server = goals(k3s_server, THREE, "cp1", running(THREE))["agents' token"]
    assert "K10" not in on_server.apply
    assert on_server.wanted == goals(k3s_agent, THREE, "gpu1", running(THREE))["join token"].wanted


def test_both_forms_of_a_token_are_the_same_token() -> None:
    short, long = Token.of(Secret("p:w")), Token.of(Secret(f"K10{CA}::server:p:w"))
    assert (short.password, long.password) == ("p:w", "p:w")
    assert (short.text, long.text) == ("p:w", f"K10{CA}::server:p:w")
    assert short.for_agents().password == long.for_agents().password


def test_tokens_are_secret_goals_and_in_no_config() -> None:
    for name, component in (("cp1", k3s_server), ("gpu1", k3s_agent)):
        found = goals(component, THREE, name, running(THREE))
        assert all(goal.secret for title, goal in found.items() if "token" in title)
        assert [title for title, goal in found.items() if PASSWORD in goal.apply and not goal.secret] == []


def test_one_more_agent_changes_no_goal_of_any_other_node() -> None:
    more = cluster_of("cp1", "cp2", "cp3", "gpu1", "gpu2", "gpu3")
    for name, component in (("cp1", k3s_server), ("cp2", k3s_server), ("gpu1", k3s_agent)):
        assert goals(component, THREE, name, running(THREE)) == goals(component, more, name, running(more, "gpu3"))


@pytest.mark.parametrize(
    ("allowed", "version", "cgroup", "passed"),
    [
        (True, VERSION, 1, True),
        (True, VERSION, 2, False),
        (False, VERSION, 1, False),
        (True, "v1.34.9+k3s1", 1, False),
        (True, "v1.35.0+k3s1", 1, True),
    ],
)
def test_the_kubelet_is_told_of_cgroup_v1_only_where_it_has_it(
    allowed: bool, version: str, cgroup: int, passed: bool
) -> None:
    cluster = cluster_of("cp1", k3s=K3s(version=version, allow_cgroup_v1=allowed))
    seen = Seen(
        {"cp1": replace(facts(cluster, "cp1"), cgroup=cgroup)},
        sums={f"k3s-io/k3s/releases/download/{version}/k3s": "5" * 64},
    )
    assert ("fail-cgroupv1=false" in config(cluster, "cp1", seen)) is passed


def test_config_says_what_the_inventory_says() -> None:
    cluster = cluster_of(
        "cp1",
        network=Network(cni="none", vip="10.0.0.100", api_address="api.example.com"),
        addons=Addons(traefik=False, servicelb=False),
        runtime=Runtime(engine="containerd"),
        k3s=K3s(
            version=VERSION,
            kubelet_args=("max-pods=200",),
            server_config={
                "tls-san": ["more.example.com"],
                "secrets-encryption": True,
                "write-kubeconfig-mode": "0640",
            },
        ),
    )
    text = config(cluster, "cp1", bare(cluster))
    lines = text.splitlines()
    for line in (
        "flannel-backend: none",
        "disable-network-policy: true",
        "- 10.0.0.100",
        "- api.example.com",
        "- more.example.com",
        "- servicelb",
        "- traefik",
        "- max-pods=200",
        "container-runtime-endpoint: unix:///run/containerd/containerd.sock",
        "secrets-encryption: true",
        "write-kubeconfig-mode: '0640'",
    ):
        assert line in lines, line
    assert lines[0] == "0600 root:root"


def test_registries_are_secret_and_restart_k3s_when_they_change() -> None:
    path = Path("registries.yaml")
    cluster = cluster_of("cp1", "gpu1", k3s=K3s(version=VERSION, registries=path))
    for name, component in (("cp1", k3s_server), ("gpu1", k3s_agent)):
        looks = []
        for text in ("mirrors: {}\n", "configs: {r: {auth: {password: hidden}}}\n"):
            said = cluster.model_copy(update={"files": {path: text}})
            looks.append(goals(component, said, name, running(cluster)))
        different = [title for title in looks[0] if looks[0][title] != looks[1][title]]
        assert different[0] == "/etc/rancher/k3s/registries.yaml"
        assert different[1].endswith(".service runs")
        assert len(different) == 2
        assert looks[1][different[0]].secret
        assert "hidden" not in str(looks[1][different[0]].wanted)
    assert "/etc/rancher/k3s/registries.yaml" not in goals(k3s_server, ONE, "cp1", running(ONE))


def test_a_kubelet_argument_restarts_k3s_and_disrupts_nothing() -> None:
    changed = THREE.model_copy(update={"k3s": K3s(version=VERSION, kubelet_args=("max-pods=99",))})
    before, after = (goals(k3s_server, each, "cp2", running(THREE)) for each in (THREE, changed))
    different = [name for name in before if before[name] != after[name]]
    assert different == ["/etc/rancher/k3s/config.yaml", "k3s.service runs"]
    assert {after[name].disrupts for name in different} == {0}


def test_node_objects_are_left_alone_while_no_api_answers() -> None:
    stopped = with_facts(running(ONE), "cp1", k3s=replace(server_of(ONE), nodes=(), api_ready=False))
    assert goals(node_object, ONE, "cp1", stopped) == {}
    assert "gpu1 label tier" in goals(node_object, ONE, "cp1", bare(ONE))


@pytest.mark.parametrize(("name", "component", "unit"), [("cp1", k3s_server, "k3s"), ("gpu1", k3s_agent, "k3s-agent")])
def test_k3s_has_the_usual_umask_whatever_drop_in_all_services_have(name: str, component: Component, unit: str) -> None:
    found = goals(component, THREE, name, bare(THREE))
    folder = f"/etc/systemd/system/{unit}.service.d/"
    (umask,) = [goal for path, goal in found.items() if path.startswith(folder) and "\nUMask=0022" in str(goal.wanted)]
    assert umask.name.removeprefix(folder) > "umask.conf"  # drop-ins apply in the order of their names
    assert umask.name in str(found[f"{folder}50-clustr.conf"].wanted)


PROXIED = Artifacts(http_proxy="http://proxy.example.com:3128", https_proxy="http://proxy.example.com:3128")


@pytest.mark.parametrize(("name", "component", "unit"), [("cp1", k3s_server, "k3s"), ("gpu1", k3s_agent, "k3s-agent")])
def test_a_proxy_is_read_by_k3s_which_restarts_where_it_changes(name: str, component: Component, unit: str) -> None:
    other = PROXIED.model_copy(update={"no_proxy": (".example.com",)})
    plain, proxied, changed = (
        goals(component, cluster_of("cp1", "gpu1", artifacts=each), name, running(ONE))
        for each in (Artifacts(), PROXIED, other)
    )
    drop_in = f"/etc/systemd/system/{unit}.service.d/40-proxy.conf"
    assert "EnvironmentFile=-/etc/clustr/proxy.env" in str(proxied[drop_in].wanted)
    assert drop_in not in plain
    assert [title for title in changed if changed[title] != proxied[title]] == [f"{unit}.service runs"]
    assert plain[f"{unit}.service runs"].probe != proxied[f"{unit}.service runs"].probe


def test_another_ca_restarts_k3s() -> None:
    path = Path("ca.pem")
    cluster = cluster_of("cp1", "gpu1", artifacts=Artifacts(ca=path))
    looks = []
    for text in ("one", "two"):
        said = cluster.model_copy(update={"files": {path: text}})
        looks.append(goals(k3s_agent, said, "gpu1", running(ONE)))
    assert [title for title in looks[0] if looks[0][title] != looks[1][title]] == ["k3s-agent.service runs"]


def registries(artifacts: Artifacts, own: str = "") -> dict[str, Any]:
    """What of the file containerd is told by k3s."""
    path = Path("own.yaml")
    k3s = K3s(version=VERSION, registries=path if own else None)
    cluster = cluster_of("cp1", "gpu1", artifacts=artifacts, k3s=k3s, files={path: own, Path("ca.pem"): "PEM"})
    apply = goals(k3s_agent, cluster, "gpu1", running(ONE))["/etc/rancher/k3s/registries.yaml"].apply
    written: dict[str, Any] = yaml.safe_load(apply.partition("\n")[2].rpartition("\n")[0])
    return written


IMAGES = {"*": "https://r.example.com:5000", "docker.io": "https://h.example.com/hub/library"}


def test_mirrors_of_images_are_k3s_registries() -> None:
    assert registries(Artifacts(images=IMAGES)) == {
        "mirrors": {
            "*": {"endpoint": ["https://r.example.com:5000"]},
            "docker.io": {"endpoint": ["https://h.example.com"], "rewrite": {"^(.*)$": "hub/library/$1"}},
        }
    }


def test_the_users_own_registries_stay_and_keep_their_logins() -> None:
    own = (
        "mirrors: {quay.io: {endpoint: ['https://q.example.com']}}\n"
        "configs:\n  h.example.com: {auth: {username: u, password: hidden}}\n"
        "  'r.example.com:5000': {tls: {ca_file: /own.pem}}\n"
    )
    found = registries(Artifacts(images=IMAGES, ca=Path("ca.pem")), own)
    assert set(found["mirrors"]) == {"*", "docker.io", "quay.io"}
    assert found["configs"] == {
        "h.example.com": {
            "auth": {"username": "u", "password": "hidden"},
            "tls": {"ca_file": "/etc/clustr/artifacts-ca.pem"},
        },
        "r.example.com:5000": {"tls": {"ca_file": "/own.pem"}},
    }

"""The shell of what gives pods their GPUs, run for real on a copy-on-write view of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from clustr.remote.connection import Result
from clustr.templates import text
from tests.components.test_dnf import build
from tests.fakes import LocalConnection

K3S_CONFIG = "/var/lib/rancher/k3s/agent/etc/containerd/config.toml"
ENGINE = ("engine/probes.sh", "engine/applies.sh", "engine/gpu_reload.sh")
TOOLKIT_CONFIG = "/etc/nvidia-container-runtime/config.toml"
# As k3s writes it for containerd 2, and wrote it for containerd 1.7.
NEW = """
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  SystemdCgroup = true

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.'nvidia']
  runtime_type = "io.containerd.runc.v2"

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.'nvidia'.options]
  BinaryName = "{program}"
  SystemdCgroup = true

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.'nvidia-cdi'.options]
  BinaryName = "/usr/bin/nvidia-container-runtime.cdi"
"""
OLD = """
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes."nvidia"]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes."nvidia".options]
  BinaryName = "{program}"
"""
WITHOUT = "[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]\n  SystemdCgroup = true\n"
RUNTIME = "/usr/bin/nvidia-container-runtime"
LEFT = "/usr/local/nvidia/toolkit/nvidia-container-runtime"
# nvidia-ctk config, 1.20.1.
TOOLKIT = """#accept-nvidia-visible-devices-envvar-when-unprivileged = true
disable-require = false

[nvidia-container-cli]
environment = []

[nvidia-container-runtime]
#debug = "/var/log/nvidia-container-runtime.log"
log-level = "info"
mode = "{mode}"
runtimes = ["runc", "crun"]

[nvidia-container-runtime.modes.cdi]
default-kind = "nvidia.com/gpu"
"""
# NVIDIA's MIG user guide, "List GPU instance profiles", of an A100.
PROFILES = """+-----------------------------------------------------------------------------+
| GPU instance profiles:                                                      |
| GPU   Name             ID    Instances   Memory     P2P    SM    DEC   ENC  |
|                              Free/Total   GiB              CE    JPEG  OFA  |
|=============================================================================|
|   0  MIG 1g.5gb        19     0/7        4.75       No     14     0     0   |
|                                                             1     0     0   |
+-----------------------------------------------------------------------------+
|   0  MIG 1g.5gb+me     20     0/1        4.75       No     14     1     0   |
|                                                             1     1     1   |
+-----------------------------------------------------------------------------+
|   0  MIG 2g.10gb       14     0/3        9.75       No     28     1     0   |
+-----------------------------------------------------------------------------+
"""


@pytest.fixture
def machine() -> Iterator[LocalConnection]:
    with LocalConnection() as found:
        yield found


def bash(machine: LocalConnection, component: str, script: str, *uses: str) -> Result:
    """`uses`: what the goal names besides its component's own functions."""
    functions = "\n".join(text(name) for name in (*ENGINE, f"{component}/functions.sh", *uses))
    return machine.run(f"set -Eeuo pipefail\n{functions}\nmain() {{\n{script}\n}}\nmain\n")


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (NEW.format(program=RUNTIME), RUNTIME),
        (OLD.format(program=RUNTIME), RUNTIME),
        (NEW.format(program=LEFT), LEFT),
        (WITHOUT, "unknown to it"),
    ],
)
def test_the_runtime_that_k3s_found_is_read_from_what_it_wrote(
    machine: LocalConnection, config: str, told: str
) -> None:
    machine.write(K3S_CONFIG, config)
    probe = "k3s_probe_nvidia k3s.service"
    assert bash(machine, "k3s", f"systemctl() {{ :; }}\n{probe}").stdout.strip() == told
    assert bash(machine, "k3s", f"systemctl() {{ return 3; }}\n{probe}").stdout.strip() == "k3s does not run"


@pytest.mark.parametrize(("before", "restarts"), [(RUNTIME, ""), (LEFT, "restart")])
def test_k3s_is_restarted_only_where_it_does_not_know_the_runtime(
    machine: LocalConnection, before: str, restarts: str
) -> None:
    machine.write(K3S_CONFIG, NEW.format(program=before))
    known = f"cat >{K3S_CONFIG} <<'END'\n{NEW.format(program=RUNTIME)}END"
    units = f"timeout() {{ echo restart; {known}\n}}\nsystemctl() {{ :; }}"
    found = bash(machine, "k3s", f"{units}\nk3s_find_nvidia k3s.service {RUNTIME}")
    assert (found.status, [line for line in found.stdout.split() if line == "restart"]) == (0, restarts.split())


def test_a_runtime_that_a_gpu_operator_left_is_named_with_the_way_out(machine: LocalConnection) -> None:
    machine.write(K3S_CONFIG, NEW.format(program=LEFT))
    units = "timeout() { :; }\nsystemctl() { :; }"
    found = bash(machine, "k3s", f"{units}\nk3s_find_nvidia k3s.service {RUNTIME}")
    assert found.status != 0
    assert f"k3s takes {LEFT} for NVIDIA's runtime" in found.stderr
    assert "remove what a GPU Operator left in /usr/local/nvidia/toolkit" in found.stderr


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ("", "absent"),
        ("a 1.20.1-1 held\nb 1.20.1-1 held\n", "1.20.1-1, held"),
        ("a 1.20.1-1 held\n", "a 1.20.1-1 held"),
        ("a 1.20.1-1 held\nb 1.19.0-1 held\n", "a 1.20.1-1 held, b 1.19.0-1 held"),
        ("a 1.20.1-1 held\nb 1.20.1-1\n", "a 1.20.1-1 held, b 1.20.1-1"),
    ],
)
def test_all_packages_are_held_at_one_version_or_told_one_by_one(
    machine: LocalConnection, listed: str, told: str
) -> None:
    script = f"container_toolkit_sum_up 1.20.1-1 2 <<'END'\n{listed}END"
    assert bash(machine, "container_toolkit", script).stdout.strip() == told


def test_the_mode_is_that_of_the_runtime(machine: LocalConnection) -> None:
    probe = "container_toolkit_probe_mode"
    assert bash(machine, "container_toolkit", probe).stdout.strip() == "absent"
    for mode in ("auto", "cdi"):
        machine.write(TOOLKIT_CONFIG, TOOLKIT.format(mode=mode))
        assert bash(machine, "container_toolkit", probe).stdout.strip() == mode


def test_where_no_driver_is_loaded_no_cdi_spec_is_right(machine: LocalConnection) -> None:
    assert bash(machine, "container_toolkit", "container_toolkit_probe_cdi").stdout.strip() == "no driver is loaded"


def test_a_spec_that_was_written_by_hand_goes_and_comes_back(machine: LocalConnection) -> None:
    """Specs of other devices, or of NVIDIA's without a driver's libraries, are no copies of a driver's."""
    copied = "kind: nvidia.com/gpu\nhooks: /usr/bin/nvidia-cdi-hook\nhostPath: /usr/lib/libcuda.so.575.64.03\n"
    machine.write("/etc/cdi/nvidia.yaml", copied)
    machine.write("/etc/cdi/other.yaml", "kind: example.com/nic\n")
    machine.write("/etc/cdi/nvidia-pinned.json", '{"kind": "nvidia.com/pinned", "args": ["nvidia-cdi-hook"]}')
    machine.path("/var/lib/clustr").mkdir(parents=True)
    probe, apply, undo = (
        f"container_toolkit_{act}" for act in ("probe_other_specs", "set_specs_aside", "restore_specs")
    )
    assert bash(machine, "container_toolkit", probe).stdout.strip() == "/etc/cdi/nvidia.yaml"
    for _ in range(2):
        assert bash(machine, "container_toolkit", apply).status == 0
        assert bash(machine, "container_toolkit", probe).stdout.strip() == "none"
    assert {path.name for path in machine.path("/etc/cdi").iterdir()} == {"other.yaml", "nvidia-pinned.json"}
    assert bash(machine, "container_toolkit", undo).status == 0
    assert machine.path("/etc/cdi/nvidia.yaml").read_text() == copied


@pytest.mark.parametrize(("profile", "total"), [("1g.5gb", "7"), ("1g.5gb+me", "1"), ("2g.10gb", "3"), ("9g.9gb", "")])
def test_how_many_mig_devices_a_gpu_has_room_for_is_nvidia_smis_to_say(
    machine: LocalConnection, profile: str, total: str
) -> None:
    script = f"nvidia-smi() {{ cat <<'END'\n{PROFILES}END\n}}\nmig_total 0 {profile}"
    assert bash(machine, "mig", script).stdout.strip() == total


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (["1g.5gb"] * 7, "1g.5gb on every GPU"),
        (["1g.5gb"] * 3, "GPU 0: 3 x 1g.5gb"),
        (["1g.5gb", "2g.10gb"], "GPU 0: 1 x 1g.5gb, 1 x 2g.10gb"),
        ([], "GPU 0: whole"),
    ],
)
def test_a_gpu_is_divided_wholly_by_one_profile_or_shown_as_it_is(
    machine: LocalConnection, made: list[str], told: str
) -> None:
    lines = [f"  MIG {name}     Device  {place}: (UUID: MIG-{place})" for place, name in enumerate(made)]
    listed = "\n".join(["GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-1)", *lines])
    stand_in = (
        "nvidia-smi() {\n  case $* in\n"
        f"    *-lgip*) cat <<'END'\n{PROFILES}END\n    ;;\n"
        "    *index*) echo 0 ;;\n"
        f"    *-L*) cat <<'END'\n{listed}\nEND\n    ;;\n  esac\n}}"
    )
    assert bash(machine, "mig", f"{stand_in}\nmig_probe 1g.5gb").stdout.strip() == told


# A GPU in files: whether it is in MIG mode, and its instances. Like a real one it lists profiles in that mode alone.
A100 = """
mkdir -p /tmp/gpu; : >>/tmp/gpu/made
nvidia-smi() {
  case $* in
    *index*) echo 0 ;;
    *mig.mode*) if [ -e /tmp/gpu/mode ]; then echo Enabled; else echo Disabled; fi ;;
    *"-mig 1") touch /tmp/gpu/mode ;;
    *"-mig 0") rm -f /tmp/gpu/mode ;;
    *-lgip) if [ ! -e /tmp/gpu/mode ]; then return 6; fi; cat /tmp/gpu/profiles ;;
    *-dgi) : >/tmp/gpu/made ;;
    *-cgi*) tr , '\n' <<<"$5" >>/tmp/gpu/made ;;
    *-L*) sed 's/^/  MIG /' /tmp/gpu/made ;;
  esac
}
"""


@pytest.mark.parametrize("made", [[], ["2g.10gb"] * 3])
def test_a_profile_that_a_gpu_does_not_have_changes_nothing_of_it(machine: LocalConnection, made: list[str]) -> None:
    machine.write("/tmp/gpu/profiles", PROFILES)
    machine.write("/tmp/gpu/made", "".join(f"{each}\n" for each in made))
    if made:
        machine.write("/tmp/gpu/mode", "")
    done = bash(machine, "mig", f"{A100}\nmig_divide 1g.20gb")
    assert done.status == 1
    assert "GPU 0 has no MIG profile 1g.20gb; it has: 1g.5gb, 1g.5gb+me, 2g.10gb" in done.stderr
    assert machine.path("/tmp/gpu/made").read_text().split() == made
    assert machine.path("/tmp/gpu/mode").exists() is bool(made)


@pytest.mark.parametrize("made", [[], ["2g.10gb"] * 3])
def test_a_gpu_is_divided_anew_and_made_whole_again(machine: LocalConnection, made: list[str]) -> None:
    machine.write("/tmp/gpu/profiles", PROFILES)
    machine.write("/tmp/gpu/made", "".join(f"{each}\n" for each in made))
    if made:
        machine.write("/tmp/gpu/mode", "")
    assert bash(machine, "mig", f"{A100}\nmig_divide 1g.5gb").status == 0
    assert machine.path("/tmp/gpu/made").read_text().split() == ["1g.5gb"] * 7
    assert bash(machine, "mig", f"{A100}\nmig_divide off").status == 0
    assert machine.path("/tmp/gpu/made").read_text() == ""
    assert not machine.path("/tmp/gpu/mode").exists()


def test_a_driver_that_does_not_answer_divides_nothing(machine: LocalConnection) -> None:
    assert bash(machine, "mig", "nvidia-smi() { return 9; }\nmig_probe 1g.5gb").stdout.strip() == "no driver answers"


def test_rpm_packages_come_at_one_version_older_or_newer_than_what_is_there(
    machine: LocalConnection, tmp_path: Path
) -> None:
    """Both versions are offered, as NVIDIA's repository has them: the one that clustr names is installed and locked."""
    for number, version in enumerate(("1.0", "2.0")):
        folder = tmp_path / version
        folder.mkdir()
        build(folder, [("tool", version, "", ""), ("library", version, "", "")])
        entry = f"[tests{number}]\nname=tests\nbaseurl=file://{folder}\ngpgcheck=0\n"
        machine.write(f"/etc/yum.repos.d/tests{number}.repo", entry)
    build(tmp_path / "1.0", [("locking", "4.3", "Provides: dnf-command(versionlock) /bin/sh", "")])
    machine.write("/etc/dnf/vars/releasever", "9\n")
    machine.write("/etc/dnf/plugins/local.conf", "[main]\nenabled = false\n")
    machine.path("/var/lib/clustr").mkdir(parents=True)
    functions = ("engine/probes.sh", "engine/applies.sh", "engine/dnf.sh", "container_toolkit/functions.sh")
    prelude = "set -Eeuo pipefail\nclustr=/var/lib/clustr\n" + "\n".join(text(name) for name in functions)

    def run(script: str) -> str:
        done = machine.run(f"{prelude}\nmain() {{\n{script}\n}}\nmain\n")
        assert done.status == 0, done.stdout + done.stderr
        return done.stdout.strip()

    for version in ("1.0-1", "2.0-1", "1.0-1"):
        before = run(f"container_toolkit_probe_dnf {version} tool library")
        assert before != f"{version}, held"
        run(f"container_toolkit_apply_dnf {version} tool library")
        assert run(f"container_toolkit_probe_dnf {version} tool library") == f"{version}, held"

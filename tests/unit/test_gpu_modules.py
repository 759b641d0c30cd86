"""Which of the kernel's modules are loaded, where the list of them is longer than what a pipe takes at once."""

from __future__ import annotations

import subprocess
from pathlib import Path

from clustr.templates import text

TRIES = 20  # whether lsmod is still writing when its reader has found the line is a matter of chance
OURS = ("nvidia_uvm", "nvidia_drm", "nvidia_modeset", "nvidia")


def run(folder: Path, act: str) -> list[str]:
    """What shell says among a reload's functions, on a machine that has loaded NVIDIA's four modules and 400 others."""
    others = [f"another_module_{number:03}      16384  0" for number in range(400)]
    listed = ["Module                  Size  Used by", *(f"{name}      16384  0" for name in OURS), *others]
    (folder / "modules").write_text("".join(f"{line}\n" for line in listed))
    # A line each, as kmod writes them where it does not write all of them at once.
    lsmod = f"lsmod() {{ while IFS= read -r line; do echo \"$line\"; done <'{folder}/modules'; }}"
    parts = ["set -Eeuo pipefail", text("engine/gpu_holders.sh"), text("engine/gpu_reload.sh"), lsmod, act]
    done = subprocess.run(["bash", "-c", "\n".join(parts)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_module_that_is_loaded_is_found_however_long_the_list_is(tmp_path: Path) -> None:
    look = f"for try in {{1..{TRIES}}}; do if module_is_loaded nvidia; then echo yes; else echo no; fi; done"
    assert run(tmp_path, look) == ["yes"] * TRIES
    assert run(tmp_path, "if module_is_loaded nvidia_peermem; then echo yes; else echo no; fi") == ["no"]


def test_a_change_of_the_driver_unloads_what_is_loaded_its_users_first(tmp_path: Path) -> None:
    stand_ins = 'rmmod() { echo "rmmod $1"; }; modprobe() { echo "modprobe $1"; }; refuse_busy_modules() { :; }'
    versions = "gpu_version_on_disk() { echo 1; }; loaded_gpu_version() { echo 1; }; systemctl() { false; }"
    said = run(tmp_path, f"nvidia-modprobe() {{ :; }}; {stand_ins}; {versions}; change_gpu_driver 6.1.0")
    assert [line.split()[1] for line in said if line.startswith("rmmod")] == list(OURS)
    assert [line.split()[1] for line in said if line.startswith("modprobe")] == [
        "nvidia", "nvidia_uvm", "nvidia_modeset", "nvidia_drm",
    ]  # fmt: skip

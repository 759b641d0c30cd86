"""Units that a change of the driver stops: what is noted to start again, by the state that systemd has them in."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from clustr.templates import text

PATH, SERVICE, DAEMON = "nvidia-cdi-refresh.path", "nvidia-cdi-refresh.service", "nvidia-persistenced.service"
# A systemd of files: each holds the state of the unit of its name.
SYSTEMCTL = """
systemctl() {
  case $1 in
    show)
      case $* in
        *--value*) cat "$states/${@: -1}" 2>/dev/null || echo inactive ;;
        *) echo "ActiveState=$(cat "$states/${@: -1}")"; echo ConditionTimestampMonotonic=1 ;;
      esac ;;
    stop) echo inactive >"$states/${@: -1}" ;;
    start) echo active >"$states/${@: -1}" ;;
    reset-failed) ;;
  esac
}
timeout() { shift; "$@"; }
"""


def stopped(folder: Path, states: dict[str, str]) -> tuple[list[str], str]:
    """What is noted after all units were stopped, and what has not started again after they were brought back."""
    (folder / "states").mkdir()
    for unit, state in states.items():
        (folder / "states" / unit).write_text(f"{state}\n")
    parts = [text("engine/gpu_holders.sh"), text("engine/gpu_reload.sh"), SYSTEMCTL]
    settings = f"gpu_stands_still={folder}/still states={folder}/states; : >{folder}/still"
    act = (
        'for unit in "${gpu_units[@]}"; do rest_gpu_unit "$unit"; done; cp "$gpu_stands_still" "$gpu_stands_still.then"'
    )
    script = "\n".join(["set -Eeuo pipefail", *parts, settings, act, "bring_gpu_users_back", "gpu_units_at_rest"])
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    left = done.stdout.splitlines()
    return (folder / "still.then").read_text().split(), left[-1] if not left[-1].startswith("::") else ""


@pytest.mark.parametrize(
    ("states", "noted"),
    [
        ({DAEMON: "active", SERVICE: "inactive"}, [DAEMON]),
        ({DAEMON: "active", SERVICE: "activating"}, [DAEMON]),  # between two of its own tries: it ends by itself
        ({DAEMON: "failed", SERVICE: "failed", PATH: "active"}, [PATH]),
        ({SERVICE: "failed", PATH: "failed"}, [PATH]),  # too many tries: the watcher has to watch again
    ],
)
def test_what_starts_again(tmp_path: Path, states: dict[str, str], noted: list[str]) -> None:
    assert stopped(tmp_path, states) == (noted, "")
    assert (tmp_path / "states" / SERVICE).read_text().strip() in ("inactive", "failed")

"""What is kept of a run on the laptop: its events, a log for each node, its plan. For people; clustr never reads it."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from types import TracebackType

from clustr.engine import events
from clustr.engine.events import Event
from clustr.engine.plan import Plan
from clustr.views.documents import as_json, plan_document


def state_home() -> Path:
    """Where clustr keeps its runs (XDG Base Directory Specification: $XDG_STATE_HOME, default ~/.local/state)."""
    home = os.environ.get("XDG_STATE_HOME", "")
    return (Path(home) if Path(home).is_absolute() else Path.home() / ".local/state") / "clustr"


def write_private(path: Path, text: str) -> None:
    """A file that only its owner reads, from its first byte on."""
    file = _private(path, os.O_TRUNC)
    try:
        _put(file, text)
    finally:
        os.close(file)


class Journal:
    """The folder of one run, named by its start, readable by its owner alone. Safe to use from any thread."""

    def __init__(self, cluster: str, command: str, now: datetime | None = None) -> None:
        self.folder = _new_folder(state_home() / cluster, now or datetime.now())
        self._events = _private(self.folder / "events.jsonl", os.O_APPEND)
        self._open = True
        self._lock = threading.RLock()
        self._write({"event": "Command", "command": command, "cluster": cluster})

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def emit(self, event: Event) -> None:
        with self._lock:
            self._write({"event": type(event).__name__, **asdict(event)})
            node, line = _log_line(event)
            if node:
                log = _private(self.log(node), os.O_APPEND)
                _put(log, f"{datetime.now():%H:%M:%S}  {line}\n")
                os.close(log)

    def plan(self, plan: Plan) -> None:
        write_private(self.folder / "plan.json", as_json(plan_document(plan)))

    def log(self, node: str) -> Path:
        return self.folder / f"{node}.log"

    def close(self) -> None:
        with self._lock:
            if self._open:
                os.close(self._events)
            self._open = False

    def _write(self, record: dict[str, object]) -> None:
        """Each line is there at once, so that a run that is killed leaves all that it told; after `close`, nothing."""
        if self._open:
            stamped = {"time": datetime.now().astimezone().isoformat(timespec="milliseconds"), **record}
            _put(self._events, json.dumps(stamped, ensure_ascii=False) + "\n")


def _new_folder(cluster: Path, now: datetime) -> Path:
    """Named by the second; a second run in the same one gets a number behind it."""
    state = cluster.parent
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    cluster.mkdir(exist_ok=True, mode=0o700)
    stamp = f"{now:%Y-%m-%dT%H-%M-%S}"
    for name in (stamp, *(f"{stamp}-{number}" for number in range(2, 100))):
        try:
            (cluster / name).mkdir(mode=0o700)
        except FileExistsError:
            continue
        return cluster / name
    raise FileExistsError(f"{cluster / stamp} and 98 more are there already")


def _private(path: Path, how: int) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o600)


def _put(file: int, text: str) -> None:
    """Past Python's buffers, which a signal handler must not enter twice."""
    left = text.encode("utf-8", "replace")
    while left:
        left = left[os.write(file, left) :]


def _log_line(event: Event) -> tuple[str, str]:
    """The node whose log an event goes to, and its line there; no node where it goes to none."""
    match event:
        case events.Output(node, line):
            return node, line
        case events.GoalStarted(_, about, on, component, goal):
            return on, f"== {component}, {goal}" + (f" of {about}" if about != on else "")
        case events.GoalDone(_, _, on, component, goal, seconds):
            return on, f"== {component}, {goal}: done in {seconds:.1f} s"
        case events.NodeStatus(node, doing):
            return node, f"== {doing}"
        case events.NodeFailed(stage, node, _, _, _, problem, detail, remedy, _):
            return node, "\n".join(part for part in (f"== failed in {stage}: {problem}", detail, remedy) if part)
        case events.NodeSkipped(stage, node, reason):
            return node, f"== not done in {stage}: {reason}"
        case events.NodeSilent(node, problem, remedy, detail):
            return node, "\n".join(part for part in (f"== {problem}", detail, remedy) if part)
        case _:
            return "", ""

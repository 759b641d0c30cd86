"""The makers of goals. A component says what it wants in these words; the shell they use is in templates/engine/.

Every maker returns goals whose probe changes nothing and whose apply can run twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from shlex import quote

from clustr.engine.goal import Disrupts, Goal, Later, Show
from clustr.families.model import Manager
from clustr.templates import render, text

STARTS = "/usr/local/sbin/clustr-record-start"  # base_os puts it there; where SELinux lets systemd run what it finds
TARBALLS = "/usr/local/lib/clustr"  # which tarball a program came from, and its own sum
HEREDOC = "END_OF_FILE_BY_CLUSTR"
REMOVES = {Manager.APT: "apt-get remove", Manager.DNF: "dnf remove"}


def file(
    path: str,
    content: str | Later,
    *,
    mode: int = 0o644,
    owner: str = "root:root",
    secret: bool = False,
    disrupts: Disrupts = Disrupts.NOTHING,
    check: str = "",
) -> Goal:
    """A file with exactly this content, mode and owner; what was there before clustr comes back on removal.

    `check` is a command that is given the new file's path, not yet in place, and must succeed: `promtool check config`.
    """
    where, access = quote(path), _access(mode, owner)
    undo = f"restore_file {where}"
    if isinstance(content, Later):
        return Goal(path, f"probe_file {where}", content, "false", disrupts, secret=secret, undo=undo, show=Show.HIDDEN)
    if not content.endswith("\n"):
        content += "\n"
    wanted = f"{access}\n{sha256(content)}\n" if secret else f"{access}\n{content}"
    check = f" {quote(check)}" if check else ""
    apply = f"apply_file {where} {access}{check} <<'{HEREDOC}'\n{content}{HEREDOC}"
    probe = f"probe_secret_file {where}" if secret else f"probe_file {where}"
    show = Show.HIDDEN if secret else Show.DIFF
    return Goal(path, probe, wanted, apply, disrupts, secret=secret, show=show, undo=undo)


def manifest(name: str, content: str) -> Goal:
    """Kubernetes objects that k3s applies by itself, on one server: docs.k3s.io/installation/packaged-components.

    k3s deletes what leaves the file, and nothing when the file itself is gone: that is the removal's to do.
    """
    path = f"/var/lib/rancher/k3s/server/manifests/{name}.yaml"
    return replace(file(path, content, mode=0o600), undo=f"undo_manifest {quote(path)}")


def absent(path: str) -> Goal:
    """No such file."""
    where = quote(path)
    return Goal(path, f"probe_absent {where}", "absent", f"rm -f -- {where}")


def link(path: str, target: str) -> Goal:
    where = quote(path)
    apply = f'mkdir -p -- "$(dirname -- {where})"\nln -sfn -- {quote(target)} {where}'
    return Goal(path, f"probe_link {where}", f"-> {target}", apply, undo=f"rm -f -- {where}")


def packages(
    manager: Manager,
    names: Sequence[str],
    *,
    hold: bool = False,
    disrupts: Disrupts = Disrupts.NOTHING,
    label: str = "packages",
) -> Goal:
    """These packages installed (and held at their version). What no goal wants any more stays and is named."""
    words = " ".join(quote(name) for name in names)
    state = "held" if hold else "installed"
    flag = "--hold " if hold else ""
    wanted = state if len(names) == 1 else "".join(f"{name} {state}\n" for name in names)
    undo = f"# stays: {REMOVES[manager]} {words}"
    probe, apply = f"probe_packages {flag}{words}", f"apply_packages {flag}{words}"
    return Goal(label, probe, wanted, apply, disrupts, undo=undo, manager=manager)


def signing_key(manager: Manager, path: str, *, url: str, fingerprint: str) -> Goal:
    """A key that packages are signed with. The node downloads it and refuses any but the one with this fingerprint."""
    where = quote(path)
    apply = f"apply_key {where} {quote(url)} {fingerprint}"
    return Goal(path, f"probe_key {where}", fingerprint, apply, undo=f"rm -f -- {where}", manager=manager)


@dataclass(frozen=True)
class Reads:
    """A file that a unit reads at start, by the sum it should have then."""

    path: str
    sum: str

    @classmethod
    def of(cls, goal: Goal, content: str) -> Reads:
        return cls(goal.name, sha256(content if content.endswith("\n") else content + "\n"))


def service(
    unit: str, reads: Iterable[Goal | Reads] = (), *, enabled: bool = True, disrupts: Disrupts = Disrupts.NOTHING
) -> tuple[Goal, Goal, Goal]:
    """A unit that starts at boot and runs now with the files as they are wanted.

    A drop-in records at each start, whoever starts it, the sum of the files that the unit reads; a restart is due
    while that sum is not the wanted one, so a run that is cut between file and restart cannot lose the restart.
    """
    known = tuple(read if isinstance(read, Reads) else _reads_file(read) for read in reads)
    drop_in_path = f"/etc/systemd/system/{unit}.d/50-clustr.conf"
    listed = (drop_in_path, *(read.path for read in known))
    drop_in_text = render("engine/record-start.conf", recorder=STARTS, unit=unit, files=listed)
    drop_in = file(drop_in_path, drop_in_text)
    total = sums(Reads.of(drop_in, drop_in_text), *known)
    return drop_in, _enabled(unit, enabled), _restart(unit, total, disrupts)


def usual_umask(unit: str) -> Goal:
    """For a unit whose files and folders the users of pods read, on machines that give every service umask 027.

    Pods that are not root cannot even enter their own / there: https://github.com/kubernetes/kubernetes/issues/96342.
    Drop-ins apply in the order of their names, those of service.d among them (systemd.unit(5)), so it is the last.
    """
    return file(f"/etc/systemd/system/{unit}.d/zz-clustr-umask.conf", text("engine/umask.conf"))


def _reads_file(goal: Goal) -> Reads:
    """A file goal as a unit reads it: its wanted answer is its access, then its content (or, secret, its sum)."""
    if isinstance(goal.wanted, Later):
        raise TypeError(f"{goal.name} is not known yet: no unit can wait for it to be read")
    body = goal.wanted.split("\n", 1)[1]
    return Reads(goal.name, body.strip() if goal.secret else sha256(body))


def _enabled(unit: str, enabled: bool) -> Goal:
    name, wanted = quote(unit), "enabled" if enabled else "disabled"
    apply = f"apply_enabled {name} {wanted}"
    return Goal(f"{unit} at boot", f"probe_enabled {name}", wanted, apply, undo=f"undo_enabled {name}")


def _restart(unit: str, total: str, disrupts: Disrupts) -> Goal:
    name = quote(unit)
    probe, wanted = f"probe_started {name} {total}", "runs with its present files"
    return Goal(f"{unit} runs", probe, wanted, f"apply_started {name} {total}", disrupts, undo=f"undo_started {name}")


def sums(*reads: Reads) -> str:
    """What record-start writes for these files: the sum of the lines that sha256sum prints for them, in this order."""
    return sha256("".join(f"{read.sum}  {read.path}\n" for read in reads))


def kernel_module(name: str, effect: str) -> Goal:
    """A module that works, by its effect: a path that exists then, or `filesystem:NAME`; built in counts as well."""
    words = f"{quote(name)} {quote(effect)}"
    return Goal(f"module {name}", f"probe_module {words}", "works", f"apply_module {words}")


def sysctl(key: str, value: str) -> Goal:
    """A kernel setting that holds now; a file under /etc/sysctl.d keeps it over a boot."""
    words = quote(key)
    return Goal(f"sysctl {key}", f"probe_sysctl {words}", value, f"apply_sysctl {words} {quote(value)}")


def binary(path: str, *, url: str, sum: str, version: str, mode: int = 0o755) -> Goal:
    """A downloaded program. The node downloads it, checks its sha256 and puts it in place whole."""
    where = quote(path)
    probe = f"probe_binary {where} {sum} {quote(version)}"
    apply = f"apply_binary {where} {sum} {quote(url)} {mode:04o}"
    return Goal(path, probe, version, apply, undo=f"rm -f -- {where}")


def tarball(name: str, programs: Sequence[str], *, url: str, sum: str, version: str) -> tuple[Goal, Reads]:
    """Programs of a released tarball in /usr/local/bin, and what a unit that runs one of them reads.

    The tarball's sha256 is checked before it is opened; the programs' own sums are kept, so that a changed one is seen.
    """
    words = " ".join(quote(program) for program in programs)
    probe = f"probe_tarball {quote(name)} {sum} {quote(version)}"
    apply = f"apply_tarball {quote(name)} {sum} {quote(url)} {words}"
    goal = Goal(f"release {name}", probe, version, apply, undo=f"undo_tarball {quote(name)} {words}")
    return goal, Reads(f"{TARBALLS}/{name}.release", sha256(f"{sum}\n"))


def step(
    name: str,
    *,
    probe: str,
    wanted: str | Later,
    apply: str,
    undo: str = "",
    disrupts: Disrupts = Disrupts.NOTHING,
    about: str = "",
    secret: bool = False,
    manager: Manager | None = None,
    uses: tuple[str, ...] = (),
    note: str = "",
) -> Goal:
    """A goal in shell of its own, for what no other maker can say."""
    show = Show.HIDDEN if secret else Show.VALUE
    return Goal(
        name, probe, wanted, apply, disrupts, undo=undo, about=about, secret=secret, show=show, manager=manager,
        uses=uses, note=note,
    )  # fmt: skip


def _access(mode: int, owner: str) -> str:
    return f"0{mode:o} {owner}"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

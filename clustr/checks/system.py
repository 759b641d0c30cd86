"""The operating system: what every node must be before anything runs on it."""

from __future__ import annotations

from clustr.checks.backend import Host
from clustr.checks.check import Check, CouldNotLook, Severity, check, must
from clustr.checks.units import units
from clustr.inventory.model import Cluster, Node

CLOCK_OFFSET = 0.1  # seconds
TIME_SERVICES = ("chrony.service", "chronyd.service")
OTHER_TIME_SERVICES = ("systemd-timesyncd.service", "ntp.service", "ntpsec.service", "openntpd.service")
FOLDERS = ("/", "/var/lib", "/var/log")
AGAIN = "clustr bootstrap --limit {node}"


@check(
    "os.systemd-running",
    says="systemd runs and no unit has failed",
    fix="clustr exec --limit {node} -- systemctl --failed; mend the unit, then systemctl reset-failed",
    source="systemctl(1), is-system-running",
)
def systemd_runs(host: Host, node: Node, cluster: Cluster) -> str:
    state = host.check_output("systemctl show --property=SystemState").partition("=")[2]
    failed = host.check_output("systemctl list-units --state=failed --plain --no-legend --no-pager")
    names = ", ".join(line.split()[0] for line in failed.splitlines())
    must(state == "running" and not names, found=f"{state}: {names}" if names else state, wanted="running")
    return state


@check(
    "os.hostname",
    says="the host name is the node's name",
    fix=AGAIN,
    gates=("base_os",),
    source="https://docs.k3s.io/installation/requirements#prerequisites",
)
def hostname_is_the_nodes(host: Host, node: Node, cluster: Cluster) -> str:
    name = host.check_output("uname -n")
    must(name == node.name, found=name, wanted=node.name)
    return name


@check(
    "os.time-service",
    says="chrony runs, and nothing else steers the clock",
    fix=AGAIN,
    gates=("base_os",),
    source="https://chrony-project.org/faq.html",
)
def one_time_service(host: Host, node: Node, cluster: Cluster) -> str:
    seen = units(host, *TIME_SERVICES, *OTHER_TIME_SERVICES)
    ours = [each for each in seen if each.name in TIME_SERVICES]
    others = [each for each in seen if each.name in OTHER_TIME_SERVICES and each.active == "active"]
    running = next((each for each in ours if each.runs), None)
    must(running is not None, found=", ".join(each.state for each in ours), wanted="one of them active (running)")
    must(not others, found=", ".join(each.state for each in others), wanted="chrony alone")
    return running.state if running else ""


@check(
    "os.clock",
    says=f"the clock follows its time source within {CLOCK_OFFSET:g} s",
    fix="clustr exec --limit {node} -- chronyc -n sources; set time.servers to ones that {node} reaches",
    gates=("base_os",),
    source="chronyc(1), tracking",
)
def clock_is_right(host: Host, node: Node, cluster: Cluster) -> str:
    fields = host.check_output("chronyc -n -c tracking").split(",")
    source, stratum, offset, leap = fields[1], fields[2], float(fields[4]), fields[13]
    found = f"{leap}, {offset * 1000:+.3f} ms from {source or 'no source'} (stratum {stratum})"
    must(leap != "Not synchronised" and stratum != "0", found=found, wanted="synchronised")
    must(abs(offset) <= CLOCK_OFFSET, found=found, wanted=f"at most {CLOCK_OFFSET:g} s apart")
    return found


@check(
    "os.swap-off",
    says="swap is off",
    fix=AGAIN,
    gates=("base_os",),
    source="https://kubernetes.io/docs/concepts/cluster-administration/swap-memory-management/",
)
def swap_is_off(host: Host, node: Node, cluster: Cluster) -> str:
    swaps = host.check_output("swapon --noheadings --raw --show=NAME,SIZE")
    must(not swaps, found=swaps.replace("\n", ", "), wanted="none")
    return "no swap"


@check(
    "os.disk",
    says="file systems have 5 % of space and inodes left",
    fix="clustr exec --limit {node} -- du -xh --max-depth=2 /var | sort -h | tail; make room",
    source="https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/ (k3s evicts at 5 %)",
)
def disk_has_room(host: Host, node: Node, cluster: Cluster) -> str:
    return room(host, " ".join(FOLDERS), 5)


@check(
    "os.disk-filling",
    says="file systems have 15 % of space and inodes left",
    fix="clustr exec --limit {node} -- du -xh --max-depth=2 /var | sort -h | tail; make room before pods are evicted",
    severity=Severity.WARNING,
    source="https://kubernetes.io/docs/concepts/architecture/garbage-collection/ (images are removed above 85 %)",
)
def disk_is_not_filling(host: Host, node: Node, cluster: Cluster) -> str:
    return room(host, " ".join(FOLDERS), 15)


@check(
    "os.memory",
    says="100 MiB of memory are available",
    fix="clustr exec --limit {node} -- ps -eo rss,comm --sort=-rss | head; stop what does not belong there",
    source="https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#default-hard-eviction-thresholds",
)
def memory_is_available(host: Host, node: Node, cluster: Cluster) -> str:
    lines = host.check_output("cat /proc/meminfo").splitlines()
    kilobytes = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    available, total = kilobytes["MemAvailable"] // 1024, kilobytes["MemTotal"] // 1024
    found = f"{available} of {total} MiB available"
    must(available >= 100, found=found, wanted="100 MiB")
    return found


@check(
    "os.readonly-root",
    says="the root file system and /var can be written to",
    fix="clustr exec --limit {node} -- dmesg | grep -i 'read-only'; check the disk, then reboot {node}",
    source="https://github.com/kubernetes/node-problem-detector (ReadonlyFilesystem)",
)
def disks_are_writable(host: Host, node: Node, cluster: Cluster) -> str:
    table = host.check_output("findmnt --noheadings --raw --output=TARGET,OPTIONS")
    options = dict(line.split(" ", 1) for line in table.splitlines())
    mounts = dict.fromkeys(max((at for at in options if _holds(at, folder)), key=len) for folder in FOLDERS)
    for at in mounts:
        must("rw" in options[at].split(","), found=f"{at} is mounted {options[at][:80]}", wanted="rw")
    return f"{', '.join(mounts)}: rw"


@check(
    "os.reboot-required",
    says="no update waits for a reboot",
    fix="clustr exec --limit {node} -- cat /run/reboot-required.pkgs; drain {node} and reboot it when it suits",
    severity=Severity.WARNING,
    source="https://www.debian.org/doc/debian-policy/ch-opersys.html#signaling-that-a-reboot-is-required",
)
def no_reboot_is_due(host: Host, node: Node, cluster: Cluster) -> str:
    flags = host.check_output("find /run -maxdepth 1 -name 'reboot-required*'").split()
    listed = "/run/reboot-required.pkgs" in flags
    names = sorted(set(host.check_output("cat /run/reboot-required.pkgs").split())) if listed else []
    must(not flags, found=f"a reboot is due for {', '.join(names) or 'an update'}", wanted="none")
    return "none"


def room(host: Host, folders: str, percent: int) -> str:
    """What is left in the file systems of these folders, of space and of inodes, at least this share of each."""
    lines = []
    for what, option in (("space", "-k"), ("inodes", "-i")):
        table = host.check_output(f"df -P {option} {folders}").splitlines()[1:]
        if not table:
            raise CouldNotLook(f"df says nothing of {folders}")
        lines += [_share(what, row.split(), percent) for row in table]
    return "; ".join(dict.fromkeys(lines))


def _holds(mount: str, folder: str) -> bool:
    return f"{folder}/".startswith(mount if mount == "/" else f"{mount}/")


def _share(what: str, row: list[str], percent: int) -> str:
    total, available, mount = int(row[1]), int(row[3]), row[5]
    left = available * 100 / total if total else 100.0  # btrfs counts no inodes
    found = f"{mount} has {left:.0f} % of {what} left"
    must(left >= percent, found=found, wanted=f"{percent} %")
    return found


CHECKS: tuple[Check, ...] = (
    systemd_runs,
    hostname_is_the_nodes,
    one_time_service,
    clock_is_right,
    swap_is_off,
    disks_are_writable,
    disk_has_room,
    disk_is_not_filling,
    memory_is_available,
    no_reboot_is_due,
)

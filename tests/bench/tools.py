"""The tools beside clustr, each at its best settings for that many hosts, and the files that they are given.

What their own documents recommend: pyinfra's `--parallel` and `--no-wait`; for Ansible forks, pipelining,
ControlPersist, `strategy: free`, no gathering where no facts are used, and a fixed interpreter, so that none is looked
for; mitogen's `mitogen_free` strategy in its place
(https://docs.ansible.com/ansible/latest/playbook_guide/playbooks_strategies.html,
https://mitogen.networkgenomics.com/ansible_detailed.html, https://docs.pyinfra.com/en/3.x/cli.html).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.bench.case import COMMAND, Case
from tests.simulated.nodes import HOUSE, Nodes
from tests.simulated.work import FILES, PACKAGES, SYSCTLS, UNITS

PINNED = {"pyinfra": "3.10.0", "ansible-core": "2.19.14", "mitogen": "0.3.54", "py-spy": "0.4.3"}
FORKS = 50  # more only keep two cores waiting for each other
PYINFRA_FACTS = (
    *("server.Hostname", "server.OsRelease", "server.OsVersion", "server.Arch", "server.Date", "server.Mounts"),
    *("hardware.Cpus", "hardware.Memory", "hardware.NetworkDevices"),
)
PYINFRA_WORK = """\
from pyinfra.operations import apt, files, server, systemd

for path in {files}:
    files.put(src="files" + path, dest=path, user="root", group="root", mode="644")
apt.packages(packages={packages}, no_recommends=True)
for unit in {units}:
    systemd.service(service=unit, running=True, enabled=True)
for key, value in {sysctls}.items():
    server.sysctl(key=key, value=value)
"""
ANSIBLE_WORK = """\
- hosts: all
  gather_facts: false
  strategy: {strategy}
  tasks:
    - copy: {{src: 'files{{{{ item }}}}', dest: '{{{{ item }}}}', owner: root, group: root, mode: '0644'}}
      loop: {files}
    - apt: {{name: {packages}, install_recommends: false}}
    - systemd_service: {{name: '{{{{ item }}}}', state: started, enabled: true}}
      loop: {units}
    # Ansible's own module for it is in a collection apart; one task for all ten is faster than that.
    - shell: "{sysctls}"
      register: settings
      changed_when: settings.stdout != ''
"""
ANSIBLE_FACTS = """\
- hosts: all
  gather_facts: false
  strategy: {strategy}
  tasks:
    - setup: {{gather_subset: ['!all', hardware, network]}}
"""


@dataclass(frozen=True)
class Tool:
    name: str
    version: str
    commands: Mapping[Case, Sequence[str]]
    environment: Mapping[str, str]
    folder: Path  # where it is run

    def work(self) -> None:
        """Does the work, unmeasured."""
        subprocess.run(
            self.commands[Case.WORK], check=True, cwd=self.folder, env=dict(self.environment), stdout=subprocess.DEVNULL
        )


def installed(venv: Path) -> Path:
    """The tools' own environment, with these versions and no others."""
    ready = venv / ".ready"
    wanted = "\n".join(f"{name}=={version}" for name, version in PINNED.items())
    if not ready.is_file() or ready.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        subprocess.run([venv / "bin/pip", "install", "--quiet", *wanted.split()], check=True)
        ready.write_text(wanted)
    return venv


def peers(venv: Path, folder: Path, nodes: Nodes, count: int) -> list[Tool]:
    """pyinfra, Ansible, Ansible with mitogen, for the first `count` nodes."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in FILES.items():
        local = folder / f"files{path}"
        local.parent.mkdir(parents=True, exist_ok=True)
        local.write_text(content)
    return [_pyinfra(venv, folder, nodes, count), *_ansibles(venv, folder, nodes, count)]


def _pyinfra(venv: Path, folder: Path, nodes: Nodes, count: int) -> Tool:
    settings = {
        "ssh_port": nodes.port,
        "ssh_user": "root",
        "ssh_key": str(nodes.key),
        "ssh_known_hosts_file": str(nodes.known_hosts),
        "ssh_strict_host_key_checking": "yes",
        "ssh_allow_agent": False,
        "ssh_look_for_keys": False,
    }
    hosts = [
        (name, {"ssh_hostname": address, **settings})
        for name, address in list(zip(nodes.names, nodes.addresses, strict=True))[:count]
    ]
    inventory = folder / f"pyinfra-{count}.py"
    inventory.write_text(f"hosts = {hosts!r}\n")
    work = folder / "pyinfra_work.py"
    values = {"files": list(FILES), "packages": list(PACKAGES), "units": list(UNITS), "sysctls": dict(SYSCTLS)}
    work.write_text(PYINFRA_WORK.format(**{name: repr(value) for name, value in values.items()}))
    run = [str(venv / "bin/pyinfra"), "--yes", "--no-wait", "--parallel", str(count), str(inventory)]
    commands = {
        Case.COMMAND: [*run, "exec", "--", *COMMAND],
        Case.FACTS: [*run, "fact", *PYINFRA_FACTS],
        Case.WORK: [*run, str(work)],
    }
    return Tool("pyinfra", PINNED["pyinfra"], commands, _environment(venv, folder), folder)


def _ansibles(venv: Path, folder: Path, nodes: Nodes, count: int) -> list[Tool]:
    hosts = folder / f"hosts-{count}"
    lines = [f"{name} ansible_host={address}" for name, address in zip(nodes.names, nodes.addresses, strict=True)]
    hosts.write_text("\n".join(lines[:count]) + "\n")
    own = {
        **_environment(venv, folder),
        "ANSIBLE_INVENTORY": str(hosts),
        "ANSIBLE_INVENTORY_ENABLED": "ini",
        "ANSIBLE_FORKS": str(min(count, FORKS)),
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_REMOTE_USER": "root",
        "ANSIBLE_REMOTE_PORT": str(nodes.port),
        "ANSIBLE_PRIVATE_KEY_FILE": str(nodes.key),
        "ANSIBLE_SSH_ARGS": f"-o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile={nodes.known_hosts}",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / "cp"),
        "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
        "ANSIBLE_GATHERING": "explicit",
        "ANSIBLE_TIMEOUT": "60",
        "ANSIBLE_LOCALHOST_WARNING": "False",
    }
    core, mitogen = PINNED["ansible-core"], PINNED["mitogen"]
    plain = Tool("ansible", core, _ansible(venv, folder, "free"), own, folder)
    plugins = next(venv.glob("lib/python*/site-packages/ansible_mitogen/plugins/strategy"))
    fast = {**own, "ANSIBLE_STRATEGY_PLUGINS": str(plugins), "ANSIBLE_STRATEGY": "mitogen_free"}
    commands = _ansible(venv, folder, "mitogen_free")
    return [plain, Tool("ansible+mitogen", f"{core}, {mitogen}", commands, fast, folder)]


def _ansible(venv: Path, folder: Path, strategy: str) -> dict[Case, Sequence[str]]:
    setting = "[ $(cat /proc/sys/{path}) = {value} ] || sysctl -w {key}={value}"
    settings = "; ".join(
        setting.format(path=key.replace(".", "/"), key=key, value=value) for key, value in SYSCTLS.items()
    )
    values = {"files": list(FILES), "packages": list(PACKAGES), "units": list(UNITS)}
    work, facts = folder / f"work-{strategy}.yaml", folder / f"facts-{strategy}.yaml"
    lists = {name: json.dumps(value) for name, value in values.items()}
    work.write_text(ANSIBLE_WORK.format(strategy=strategy, sysctls=settings, **lists))
    facts.write_text(ANSIBLE_FACTS.format(strategy=strategy))
    playbook = str(venv / "bin/ansible-playbook")
    return {
        Case.COMMAND: [str(venv / "bin/ansible"), "all", "-m", "raw", "-a", " ".join(COMMAND)],
        Case.FACTS: [playbook, str(facts)],
        Case.WORK: [playbook, str(work)],
    }


def _environment(venv: Path, folder: Path) -> dict[str, str]:
    return {"PATH": f"{venv / 'bin'}:/usr/bin:/bin:/usr/sbin", "HOME": str(folder), "LC_ALL": "C.UTF-8"}


def clustr(folder: Path, inventory: Path) -> Tool:
    """The product itself: its own command where it has one for the case."""
    python = sys.executable
    product = [python, "-m", "tests.bench.product"]
    commands = {
        Case.COMMAND: [str(Path(python).with_name("clustr")), "exec", "-i", str(inventory), "--", *COMMAND],
        **{case: [*product, case, str(inventory)] for case in (Case.FACTS, Case.WORK, Case.PLAN)},
    }
    return Tool("clustr", version("clustr"), commands, _here(folder), HOUSE)


def bare_loop(folder: Path, inventory: Path) -> Tool:
    commands = {case: [sys.executable, "-m", "tests.bench.bare_loop", case, str(inventory)] for case in Case}
    return Tool("bare loop", f"fabric {version('fabric')}", commands, _here(folder), HOUSE)


def _here(folder: Path) -> dict[str, str]:
    """For what is of this checkout."""
    own = {"HOME": str(folder), "XDG_STATE_HOME": str(folder / "state")}
    return {**_environment(Path(sys.executable).parents[1], folder), **own}

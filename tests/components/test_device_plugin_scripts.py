"""The shell with which clustr's device plugin waits for the GPU Operator's, run for real beside a scripted kubectl."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from clustr.remote.connection import Result
from tests.components.test_gpu_pods_scripts import bash
from tests.fakes import LocalConnection

OPERATORS = "gpu-operator nvidia-device-plugin-daemonset"
# It is gone when it was asked for as often as /times/KIND says.
KUBECTL = """#!/bin/bash
for word in "$@"; do case $word in daemonsets.apps | pods) kind=$word ;; esac; done
left=$(<"/times/$kind")
if [ "$left" -gt 0 ]; then echo "$kind/nvidia-device-plugin-daemonset"; fi
echo $((left - 1)) >"/times/$kind"
echo "$*" >>/asked
"""


@pytest.fixture
def machine() -> Iterator[LocalConnection]:
    with LocalConnection() as found:
        found.write("/usr/local/bin/k3s", KUBECTL, 0o755)
        found.command("sleep", "echo slept >>/slept")
        found.write("/slept", "")
        yield found


def there(machine: LocalConnection, daemonsets: int, pods: int) -> None:
    machine.write("/times/daemonsets.apps", f"{daemonsets}\n")
    machine.write("/times/pods", f"{pods}\n")


def plugin(machine: LocalConnection, script: str) -> Result:
    return bash(machine, "device_plugin", script, "node_object/functions.sh")


def test_the_daemonset_is_looked_for_where_the_operator_has_it(machine: LocalConnection) -> None:
    there(machine, 1, 0)
    probe = f"device_plugin_probe_operators {OPERATORS}"
    assert plugin(machine, probe).stdout == "daemonsets.apps/nvidia-device-plugin-daemonset\n"
    assert plugin(machine, probe).stdout == "none\n"
    assert (
        "--namespace=gpu-operator get daemonsets.apps nvidia-device-plugin-daemonset"
        in machine.path("/asked").read_text()
    )


def test_it_waits_for_the_daemonset_and_then_for_its_pods(machine: LocalConnection) -> None:
    there(machine, 3, 2)
    waited = plugin(machine, f"device_plugin_await_operators {OPERATORS}")
    assert (waited.status, len(machine.path("/slept").read_text().split())) == (0, 5)
    assert (
        machine.path("/asked")
        .read_text()
        .splitlines()[-1]
        .endswith("get pods -l app=nvidia-device-plugin-daemonset -o name")
    )


def test_a_daemonset_that_stays_is_an_error_and_pods_of_a_dead_node_are_not(machine: LocalConnection) -> None:
    there(machine, 1000, 0)
    failed = plugin(machine, f"device_plugin_await_operators {OPERATORS}")
    assert failed.status != 0
    assert "DaemonSet gpu-operator/nvidia-device-plugin-daemonset is still there after 5 minutes" in failed.stderr
    there(machine, 0, 1000)
    passed = plugin(machine, f"device_plugin_await_operators {OPERATORS}")
    assert passed.status == 0, passed.stderr
    assert "still ending, on nodes that may be down: pods/nvidia-device-plugin-daemonset" in passed.stdout

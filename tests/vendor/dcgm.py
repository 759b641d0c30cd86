"""DCGM 4 and its exporter as in NVIDIA's repository: names, units, and an exporter that answers what a real one does.

Names: DCGM documentation, "Getting Started". The unit: packaging/config-files/systemd of NVIDIA/dcgm-exporter.
"""

from __future__ import annotations

from tests.components import exporter
from tests.vendor.debs import Deb
from tests.vendor.driver import holding

DCGM = "4.6.0-1"  # with epoch 1, as the real ones
EXPORTER = "4.8.3-1"
ANSWER = "/usr/share/dcgm-exporter/stand-in.txt"


def dcgm() -> tuple[Deb, ...]:
    core = holding("datacenter-gpu-manager-4-core", DCGM, source="datacenter-gpu-manager-4", unit="nvidia-dcgm.service",
                   enabled=False, epoch="1:")  # fmt: skip
    needs = {"Depends": f"datacenter-gpu-manager-4-core (= 1:{DCGM})"}
    names = ("cuda12", "cuda13", "cuda-all", "proprietary", "proprietary-cuda12", "proprietary-cuda13")
    parts = tuple(Deb(f"datacenter-gpu-manager-4-{name}", f"1:{DCGM}", needs) for name in names)
    return (core, *parts, _exporter())


def _exporter() -> Deb:
    files = {
        "/usr/bin/dcgm-exporter": _PROGRAM,
        "/usr/lib/dcgm-exporter-stand-in": _REPLY,
        ANSWER: f"# stand-in for tests\n{exporter.answer('4.8')}",
        "/etc/dcgm-exporter/default-counters.csv": "# stand-in for tests\n",
        "/lib/systemd/system/nvidia-dcgm-exporter.service": _UNIT,
    }
    scripts = {"postinst": "#!/bin/sh\nset -e\nsystemctl daemon-reload || true\n"}
    return Deb("datacenter-gpu-manager-exporter", EXPORTER, {"Depends": "socat"}, files, scripts=scripts)


_PROGRAM = """\
#!/bin/sh
# stand-in for tests: answers with what is in its package, whatever the counters are; like the real one it takes
# -f COUNTERS -a ADDRESS:PORT, and holds the driver.
set -eu
while getopts f:a: option; do
  case $option in
    f) test -r "$OPTARG" ;;
    a) address=$OPTARG ;;
    *) exit 2 ;;
  esac
done
exec 3</dev/nvidiactl
exec socat "TCP-LISTEN:${address##*:},bind=${address%:*},reuseaddr,fork" SYSTEM:/usr/lib/dcgm-exporter-stand-in
"""
_REPLY = f"""\
#!/bin/sh
# stand-in for tests
while read -r line && [ "${{#line}}" -gt 1 ]; do :; done
printf 'HTTP/1.0 200 OK\\r\\nContent-Type: text/plain; version=0.0.4\\r\\n\\r\\n'
# What is said of GPU 0, for each that the node has.
grep '^#' {ANSWER}
for device in /dev/nvidia[0-9]*; do
  sed -n "s/gpu=\\"0\\"/gpu=\\"${{device#/dev/nvidia}}\\"/p" {ANSWER}
done
"""
_UNIT = """\
[Unit]
Description=dcgm-exporter (stand-in for tests)
Wants=nvidia-dcgm.service
After=nvidia-dcgm.service
[Service]
ExecStart=/usr/bin/dcgm-exporter -f /etc/dcgm-exporter/default-counters.csv
Restart=on-abort
[Install]
WantedBy=multi-user.target
"""

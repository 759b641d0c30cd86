"""NVIDIA's driver as its repository for Debian 12 has it: names of packages, and modules that DKMS really builds.

Names: the driver installation guide's table of compute-only packages, and the repository's own list
(https://developer.download.nvidia.com/compute/cuda/repos/debian12/x86_64/Packages). Programs hand over to those of the
lab, where a node has them (/usr/local/lib/clustr-lab), and hold a device as the real ones do.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.vendor.debs import Deb

HERE = Path(__file__).parent
MODULES = ("nvidia", "nvidia-uvm", "nvidia-modeset", "nvidia-drm", "nvidia-peermem")
LIBRARIES = "/usr/lib/x86_64-linux-gnu"
OPEN, PROPRIETARY = "Dual MIT/GPL", "NVIDIA"


def driver(version: str, revision: str = "1") -> tuple[Deb, ...]:
    """All packages of one version, 580.173.02; they depend on each other at exactly that."""
    whole = f"{version}-{revision}"
    return (*pinning(version, whole), *_kernel(version, whole), *_userspace(version, whole), *_fabric(version, whole))


def pinning(version: str, whole: str) -> Iterator[Deb]:
    """One for the branch and one for the version; each takes the other's place."""
    for name, pinned in ((version.partition(".")[0], f"{version.partition('.')[0]}.*"), (version, f"{version}-*")):
        preferences = (
            "# stand-in for tests\n"
            f"Package: src:*nvidia*:any src:cuda-drivers:any src:cuda-compat:any\nPin: version {pinned}\n"
            "Pin-Priority: 1000\n"
        )
        others = dict.fromkeys(("Provides", "Conflicts", "Replaces"), "nvidia-driver-pinning")
        files = {"/etc/apt/preferences.d/nvidia-driver-pinning": preferences}
        yield Deb(f"nvidia-driver-pinning-{name}", whole, others, files, architecture="all")


def _kernel(version: str, whole: str) -> Iterator[Deb]:
    flavours = {"nvidia-kernel-open-dkms": OPEN, "nvidia-kernel-dkms": PROPRIETARY}
    for name, license in flavours.items():
        other = next(each for each in flavours if each != name)
        fields = {
            "Source": "nvidia-kernel",
            "Depends": f"dkms, nvidia-kernel-common (= {whole}), firmware-nvidia-gsp (= {whole})",
            "Provides": f"nvidia-kernel-{version}",
            "Conflicts": other,
        }
        yield Deb(name, whole, fields, source(version, license), scripts=_dkms_scripts(version))
    yield Deb(
        "nvidia-kernel-common", whole, {"Source": "nvidia-kernel"},
        {"/usr/lib/modprobe.d/nvidia-stand-in.conf": "# stand-in for tests\nalias char-major-195* nvidia\n"},
    )  # fmt: skip
    firmware = {f"/lib/firmware/nvidia/{version}/gsp_ga10x.bin": "stand-in for tests\n"}
    yield Deb("firmware-nvidia-gsp", whole, {"Source": "nvidia-kernel"}, firmware)


def source(version: str, license: str) -> dict[str, str]:
    """The modules' source as DKMS wants it, below /usr/src/nvidia-VERSION."""
    folder = f"/usr/src/nvidia-{version}"
    config = [f"PACKAGE_NAME=nvidia\nPACKAGE_VERSION={version}\nAUTOINSTALL=yes"]
    for place, module in enumerate(MODULES):
        config.append(f"BUILT_MODULE_NAME[{place}]={module}\nDEST_MODULE_LOCATION[{place}]=/updates/dkms")
    config.append('MAKE[0]="make -C ${kernel_source_dir} M=$dkms_tree/$module/$module_version/build modules"')
    config.append('CLEAN="true"')
    makefile = [f"obj-m += {module}.o" for module in MODULES]
    makefile.append(f"""ccflags-y += '-DSTAND_IN_VERSION="{version}"' '-DSTAND_IN_LICENSE="{license}"'""")
    files = {"dkms.conf": "\n".join(config), "Makefile": "\n".join(makefile)}
    files["stand-in.h"] = (HERE / "dkms/stand-in.h").read_text()
    files |= {f"{module}.c": '#include "stand-in.h"' for module in MODULES}
    return {f"{folder}/{name}": f"{text}\n" for name, text in files.items()}


def _dkms_scripts(version: str) -> dict[str, str]:
    """As dh_dkms writes them (dh_dkms(1))."""
    added = f'if [ "$1" = configure ]; then /usr/lib/dkms/common.postinst nvidia {version} \'\' amd64 "$2"; fi'
    removed = f'if [ "$1" != upgrade ] || dkms status -m nvidia -v {version} | grep -q .; then\n'
    removed += f"  dkms remove -m nvidia -v {version} --all || true\nfi"
    return {"postinst": f"#!/bin/sh\nset -e\n{added}\n", "prerm": f"#!/bin/sh\nset -e\n{removed}\n"}


def _userspace(version: str, whole: str) -> Iterator[Deb]:
    same = f"(= {whole})"
    needs = f"nvidia-kernel-open-dkms {same} | nvidia-kernel-dkms {same}, libcuda1 {same}, libnvidia-ml1 {same}"
    needs += f", libnvidia-ptxjitcompiler1 {same}, nvidia-persistenced {same}, nvidia-modprobe {same}"
    files = {"/usr/bin/nvidia-smi": hands_over("nvidia-smi")}
    yield Deb("nvidia-driver-cuda", whole, {"Source": "nvidia-driver", "Depends": needs}, files)
    for package, library in {
        "libcuda1": "libcuda.so",
        "libnvidia-ml1": "libnvidia-ml.so",
        "libnvidia-ptxjitcompiler1": "libnvidia-ptxjitcompiler.so",
        "libnvidia-nscq": "libnvidia-nscq.so",
        "libnvsdm": "libnvsdm.so",
    }.items():
        text = f"stand-in for tests: {library} {version}\n"
        links = {f"{LIBRARIES}/{library}.1": f"{library}.{version}"}
        yield Deb(package, whole, {"Source": "nvidia-driver"}, {f"{LIBRARIES}/{library}.{version}": text}, links)
    modprobe = {"/usr/bin/nvidia-modprobe": hands_over("nvidia-modprobe")}
    yield Deb("nvidia-modprobe", whole, {"Source": "nvidia-modprobe"}, modprobe)
    yield holding("nvidia-persistenced", whole, source="nvidia-persistenced")


def _fabric(version: str, whole: str) -> Iterator[Deb]:
    yield holding("nvidia-fabricmanager", whole, source="nvidia-fabricmanager", enabled=False)
    yield holding("nvidia-imex", whole, source="nvidia-imex", enabled=False)


def holding(package: str, whole: str, *, source: str, unit: str = "", enabled: bool = True, epoch: str = "") -> Deb:
    """A service that keeps /dev/nvidiactl open for as long as it runs, and does not start without it."""
    unit = unit or f"{package}.service"
    program = f"/usr/bin/{unit.removesuffix('.service')}"
    files = {
        program: "#!/bin/sh\n# stand-in for tests\nexec 3</dev/nvidiactl\nexec sleep infinity\n",
        f"/lib/systemd/system/{unit}": (
            f"[Unit]\nDescription={package} (stand-in for tests)\n[Service]\nExecStart={program}\n"
            "[Install]\nWantedBy=multi-user.target\n"
        ),
    }
    switch = f"systemctl enable --quiet {unit}" if enabled else ":"
    scripts = {
        "postinst": f'#!/bin/sh\nset -e\nsystemctl daemon-reload || true\nif [ -z "$2" ]; then {switch}; fi\n',
        "prerm": f'#!/bin/sh\nset -e\nif [ "$1" = remove ]; then systemctl stop {unit} || true; fi\n',
    }
    return Deb(package, f"{epoch}{whole}", {"Source": source}, files, scripts=scripts)


def hands_over(program: str) -> str:
    """A program that is the lab's stand-in of the same name where the node has it, and fails as without a driver."""
    lab = f"/usr/local/lib/clustr-lab/{program}"
    return (
        f'#!/bin/sh\n# stand-in for tests\nif [ -x {lab} ]; then exec {lab} "$@"; fi\n'
        f"echo '{program} (stand-in): there is no driver' >&2\nexit 9\n"
    )

"""GPUs of lab nodes: what the product sees in each model, which nodes get them, and their stand-ins as scripts."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from clustr import templates
from clustr.errors import UsageError
from clustr.inventory.model import Role
from clustr.lab import boards, faults, gpu_node, inventory, plan, store
from clustr.lab.boards import BOARDS, Device
from clustr.lab.faults import Fault
from clustr.lab.model import GpuModel, Gpus, Lab, LabImage, NodeSpec, Origin, Release, Source, Spec
from clustr.lab.status import LabStatus, NodeStatus
from clustr.nvidia import chips
from clustr.nvidia.chips import Board
from clustr.remote.facts import PciDevice
from clustr.views.lab import status_lines, up_lines

EIGHT = Gpus(8)
STAND_INS = sorted((templates.folder() / "lab/gpu").iterdir())


@dataclass(frozen=True)
class Bus:
    """A server of the lab, as its facts would show it."""

    pci: tuple[PciDevice, ...]


def bus(model: GpuModel, gpus: int = 8) -> Bus:
    return Bus(tuple(map(seen, boards.devices(BOARDS[model], gpus))))


def seen(device: Device) -> PciDevice:
    return PciDevice(
        device.slot,
        device.vendor,
        device.device,
        device.kind,
        subsystem=":".join(device.subsystem),
        manages_switches=b"SW_MNG" in device.vpd,
    )


def lab(**traits: object) -> Lab:
    spec = Spec(**{"name": "demo", "gpus": EIGHT, **traits})  # type: ignore[arg-type]
    return plan.plan(spec, 7, Path("/image"), Source(Origin.NOTHING), Path("/gpu-image"))


@pytest.mark.parametrize(
    ("model", "board", "ports"),
    [
        (GpuModel.H100, Board.NVSWITCH, 8),
        (GpuModel.H200, Board.NVSWITCH, 8),
        (GpuModel.A100, Board.NVSWITCH, 8),
        (GpuModel.B200, Board.NVSWITCH_CX7, 8),
        (GpuModel.V100, Board.NONE, 0),
        (GpuModel.L40S, Board.NONE, 0),
        (GpuModel.T4, Board.NONE, 0),
    ],
)
def test_the_product_takes_each_model_for_what_it_poses_as(model: GpuModel, board: Board, ports: int) -> None:
    machine = bus(model)
    assert len(chips.gpus(machine)) == 8
    assert {gpu.chip for gpu in chips.gpus(machine)} == {BOARDS[model].chip}
    assert chips.board(machine) is board
    every = chips.fabric_ports(machine)
    counted = chips.ports_of_class(every, ())
    assert len(counted) == ports
    assert all(port.infiniband for port in counted)
    assert len(every) - ports == (2 if ports else 0), "Ethernet for storage is RDMA too, and no port of the fabric"


def test_every_model_has_a_board() -> None:
    assert set(BOARDS) == set(GpuModel)


def test_boards_have_mig_profiles_where_their_chips_do_mig() -> None:
    assert {model for model in GpuModel if BOARDS[model].mig} == {model for model in GpuModel if BOARDS[model].chip.mig}
    told = boards.files(BOARDS[GpuModel.B200], 1, "x")["board"].decode()
    assert "mig=1g.23gb:19:7 1g.23gb+me:20:1 2g.45gb:14:3 3g.90gb:9:2 7g.180gb:0:1\n" in told


def test_devices_have_places_of_their_own() -> None:
    for model in GpuModel:
        slots = [device.slot for device in bus(model).pci]
        assert len(set(slots)) == len(slots)


def test_gpus_have_uuids_of_their_own_on_every_node() -> None:
    told = [boards.files(BOARDS[GpuModel.H100], 8, node) for node in ("agent1.demo", "agent2.demo")]
    uuids = [line for files in told for name, text in files.items() if name.startswith("gpus/") for line in uuid(text)]
    assert len(set(uuids)) == 16
    assert told[0] == boards.files(BOARDS[GpuModel.H100], 8, "agent1.demo")


def uuid(text: bytes) -> Iterator[str]:
    yield next(line for line in text.decode().splitlines() if line.startswith("uuid=GPU-"))


def test_agents_have_the_gpus_and_where_there_are_none_the_servers() -> None:
    assert [(node.name, node.gpus, str(node.image)) for node in lab(servers=1, agents=1, monitors=1).nodes] == [
        ("cp1", None, "/image"),
        ("agent1", EIGHT, "/gpu-image"),
        ("monitor1", None, "/image"),
    ]
    assert [node.gpus for node in lab(servers=2, agents=0).nodes] == [EIGHT, EIGHT]
    assert lab().images == {
        Path("/image"): LabImage(Release.BOOKWORM, gpus=False),
        Path("/gpu-image"): LabImage(Release.BOOKWORM, gpus=True),
    }


def test_a_node_may_have_gpus_of_its_own() -> None:
    added = plan.with_node(lab(gpus=None), NodeSpec((Role.AGENT,), gpus=Gpus(2, GpuModel.B200)), Path("/gpu-image"))
    assert added.nodes[-1].gpus == Gpus(2, GpuModel.B200)


def test_a_lab_with_gpus_survives_being_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clustr.lab.model.LABS", tmp_path)
    monkeypatch.setattr("clustr.lab.store.LABS", tmp_path)
    made = plan.with_node(lab(), NodeSpec((Role.AGENT,), gpus=Gpus(1, GpuModel.T4, tmp_path)), Path("/gpu-image"))
    store.save(made)
    assert store.load("demo") == made


def test_the_inventory_expects_what_the_lab_made_up() -> None:
    mixed = plan.with_node(lab(servers=1, agents=1), NodeSpec((Role.AGENT,), gpus=Gpus(2, GpuModel.L40S)), Path("/gpu"))
    document = yaml.safe_load(inventory.render(mixed, cgroup_v1=False))
    assert document["classes"] == {
        "h100x8": {"gpus": 8, "model": "H100-SXM", "nvlink": 18, "ib_ports": 8, "ib_rate": 400},
        "l40sx2": {"gpus": 2, "model": "L40S"},
    }
    assert [node.get("class") for node in document["nodes"]] == [None, "h100x8", "l40sx2"]


def test_whoever_makes_such_a_lab_is_told_that_its_gpus_are_stand_ins() -> None:
    assert "The GPUs of agent1, agent2 are stand-ins" in "\n".join(up_lines(lab()))
    assert "GPU" not in "\n".join(up_lines(lab(gpus=None)))
    status = LabStatus(lab(), (NodeStatus(lab().node("agent1"), 5.0),))
    assert status_lines(status)[1].endswith("8 × h100 (stand-ins)")


@pytest.mark.parametrize("count", [0, 9])
def test_gpus_that_cannot_be(count: int) -> None:
    with pytest.raises(UsageError, match=f"1 to 8 GPUs, not {count}"):
        plan.check(Spec(gpus=Gpus(count)))
    with pytest.raises(UsageError, match=f"1 to 8 GPUs, not {count}"):
        plan.with_node(lab(), NodeSpec((Role.AGENT,), gpus=Gpus(count)), Path("/gpu-image"))


def test_a_folder_of_nvml_holds_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no libnvidia-ml"):
        gpu_node.check(Gpus(1, nvml=tmp_path))
    (tmp_path / "libnvidia-ml.so.1").touch()
    gpu_node.check(Gpus(1, nvml=tmp_path))


def test_a_fault_wants_something_that_can_have_it() -> None:
    made = lab(servers=1, agents=1, gpus=Gpus(2, GpuModel.L40S))
    with pytest.raises(UsageError, match="cp1 has no GPUs"):
        faults.switch_on(made, made.node("cp1"), Fault.XID_79)
    with pytest.raises(UsageError, match="no GPU 2: they are 0 to 1"):
        faults.switch_on(made, made.node("agent1"), Fault.XID_79, 2)
    with pytest.raises(UsageError, match="no port 0: it has none"):
        faults.switch_on(made, made.node("agent1"), Fault.IB_DOWN)


def test_every_fault_is_one_that_a_stand_in_knows() -> None:
    known = "".join(file.read_text() for file in STAND_INS if file.name in {"machine", "nvidia-smi"})
    assert [fault for fault in Fault if f"faulty {fault}" not in known] == []


@pytest.mark.parametrize("file", [file for file in STAND_INS if file.suffix not in {".service", ".conf"}], ids=str)
def test_stand_ins_pass_shellcheck(file: Path) -> None:
    checked = subprocess.run(["shellcheck", "--external-sources", file], capture_output=True, text=True)
    assert (checked.returncode, checked.stdout) == (0, "")


@pytest.mark.parametrize("file", STAND_INS, ids=lambda file: file.name)
def test_stand_ins_say_that_they_are(file: Path) -> None:
    assert "stand-in" in "".join(file.read_text().splitlines(keepends=True)[:8])

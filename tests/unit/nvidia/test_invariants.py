"""Whatever is asked of whatever machine: a choice keeps the tables' word, and a refusal names a way that leads out."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from clustr.nvidia.branches import BRANCHES, fits
from clustr.nvidia.chips import OpenModules, gpus
from clustr.nvidia.choice import Choice, Refusal, choose
from clustr.nvidia.support import ARCHITECTURES, CELLS
from clustr.remote.facts import Facts
from tests.unit.nvidia.machines import BRIDGE, DEVICES, SWITCH, machine, node

KNOWN = sorted(set(DEVICES) - {"unknown"})
ASKED = st.fixed_dictionaries(
    {
        "source": st.sampled_from(["nvidia", "distro"]),
        "branch": st.sampled_from(["auto", "470", *(str(each.number) for each in BRANCHES), "999"]),
        "modules": st.sampled_from(["auto", "open", "proprietary"]),
    }
)


@st.composite
def machines(draw: st.DrawFn) -> Facts:
    system = draw(st.sampled_from(sorted({each.system for each in CELLS})))
    chips = draw(st.lists(st.sampled_from(KNOWN), min_size=1, max_size=3))
    further = draw(st.sampled_from([(), (SWITCH,), (BRIDGE,)]))
    return machine(
        "-".join(system),
        chips,
        *further,
        secure_boot=draw(st.booleans()),
        architecture=draw(st.sampled_from(ARCHITECTURES)),
    )


@given(ASKED, machines())
@settings(max_examples=200, deadline=None)
def test_a_choice_keeps_the_tables_word_and_a_refusal_leads_out(asked: dict[str, str], facts: Facts) -> None:
    found = choose(node(**asked), facts)
    chips = [gpu.chip for gpu in gpus(facts) if gpu.chip]
    if isinstance(found, Choice):
        place = found.cell
        assert place is not None
        assert found.branch in (place.open if found.open else place.proprietary)
        assert all(fits(chip, found.branch) for chip in chips)
        assert not [chip for chip in chips if chip.open is (OpenModules.NO if found.open else OpenModules.REQUIRED)]
        assert found.signed or not facts.gpu.secure_boot
        assert asked["branch"] in ("auto", str(found.branch))
        assert asked["modules"] in ("auto", "open" if found.open else "proprietary")
        return
    assert isinstance(found, Refusal)
    assert found.problem
    assert found.remedy
    way = re.match(r"set (driver\.\w+: \w+(?: and driver\.\w+: \w+)*)", found.remedy)
    if way:
        changed = asked | dict(re.findall(r"driver\.(\w+): (\w+)", way[1]))
        assert isinstance(choose(node(**changed), facts), Choice), found

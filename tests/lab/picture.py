"""The README's picture: the session's own first plan, and the end of the bootstrap that did it."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from clustr.views.capture import capture

HEAD, TAIL = 18, 2  # lines of the plan
LEFT_OUT = "…"
ANSI = re.compile(r"\x1b\[[0-9;]*m")
FIRST_STAGE = re.compile(r"(\x1b\[[0-9;]*m)*[✓✗](\x1b\[[0-9;]*m)* Prepare nodes ")
# What differs from run to run and from release to release: everything that begins with a digit, as a version, an
# address, a count or a time; and how many units of time a duration has.
DURATION = re.compile(r"\b\d[\d.]* (ms|s|min|h)\b( \d+ (s|min)\b)?")
NUMBER = re.compile(r"(?<![\w.\[-])v?\d\S*")
SYSCTL = re.compile(r"^\W*base_os +sysctl ")  # what a kernel has already is of the machine that carries the lab
NAMED = re.compile(r"\$ clustr plan (\S+)")


def picture(plan: str, bootstrap: str) -> str:
    """The SVG of what a terminal showed of both; only whole lines are left out, and a sign says where."""
    return capture([("clustr plan", ends(plan)), ("clustr bootstrap --yes", since_first_stage(bootstrap))], "clustr")


def ends(shown: str) -> str:
    lines = without_sysctls(shown.rstrip().splitlines())
    assert len(lines) > HEAD + TAIL, shown
    return "\n".join([*lines[:HEAD], LEFT_OUT, *lines[-TAIL:]])


def without_sysctls(lines: list[str]) -> list[str]:
    """One sign where they were: net.ipv4.ip_forward is among them everywhere, since each node has its own."""
    kept: list[str] = []
    for line in lines:
        is_sysctl = SYSCTL.match(ANSI.sub("", line))
        if not is_sysctl:
            kept.append(line)
        elif kept[-1] != LEFT_OUT:
            kept.append(LEFT_OUT)
    return kept


def since_first_stage(shown: str) -> str:
    """Without the plan, which bootstrap shows too."""
    lines = shown.rstrip().splitlines()
    begin = next(place for place, line in enumerate(lines) if FIRST_STAGE.match(line))
    return "\n".join([LEFT_OUT, *lines[begin:]])


def words(svg: str) -> str:
    """What a picture says, but for the cluster's name, times, addresses, versions and counts."""
    text = " ".join(each.text or "" for each in ElementTree.fromstring(svg).iter() if each.tag.endswith("}text"))
    text = NUMBER.sub("0", DURATION.sub("0 s", " ".join(text.replace("\xa0", " ").split())))
    named = NAMED.search(text)
    assert named, text
    return re.sub(rf"\b{re.escape(named[1])}\b", "CLUSTER", text)

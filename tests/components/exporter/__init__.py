"""What dcgm-exporter answers, as text and as series for promtool; README.md says where it is from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from clustr.components.prometheus import GPU_RULES

VERSIONS = ("4.8", "4.9")
_LINE = re.compile(r"(?P<name>\w+)\{(?P<labels>[^}]*)\} (?P<value>\S+)")
MINUTES = 40


def answer(version: str) -> str:
    return Path(__file__).with_name(f"{version}.txt").read_text(encoding="utf-8")


def names(version: str) -> set[str]:
    """Metrics in the answer."""
    return {match["name"] for match in map(_LINE.fullmatch, answer(version).splitlines()) if match}


def series(version: str, changed: Mapping[str, str]) -> list[dict[str, str]]:
    """As Prometheus keeps it with clustr's labels; `changed` are values of GPU 0, by metric. "": it has none."""
    found = [{"series": 'up{job="gpu",node="gpu1",role="agent"}', "values": f"1x{MINUTES}"}]
    for match in map(_LINE.fullmatch, answer(version).splitlines() if version else ()):
        if match:
            labels = f'job="gpu",node="gpu1",role="agent",{match["labels"]}'
            value = changed.get(match["name"], "") if 'gpu="0"' in labels else ""
            constant = f"{match['value']}x{MINUTES}"
            found.append({"series": f"{match['name']}{{{labels}}}", "values": value or constant})
    return found


def promtool_test(version: str, changed: Mapping[str, str], fires: Sequence[str], gpu: str = "0") -> str:
    """A file for `promtool test rules` with the rules of all versions: in the end exactly these alerts fire, once each,
    for this GPU ("": for the node)."""
    label = f',gpu="{gpu}"' if gpu else ""
    firing = {
        "expr": 'count by (alertname, gpu) (ALERTS{alertstate="firing"})',
        "eval_time": f"{MINUTES - 5}m",
        "exp_samples": [{"labels": f'{{alertname="{name}"{label}}}', "value": 1} for name in fires],
    }
    test = {"interval": "1m", "input_series": series(version, changed), "promql_expr_test": [firing]}
    document = {"rule_files": list(GPU_RULES), "evaluation_interval": "1m", "tests": [test]}
    return yaml.safe_dump(document, sort_keys=False)

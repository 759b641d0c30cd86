"""Pages that a node's services answer with, fetched by curl on that node."""

from __future__ import annotations

import json
from shlex import quote
from typing import Any

from clustr.checks.backend import Host, said
from clustr.checks.check import CheckFailed, CouldNotLook

# What curl(1) calls the other side's fault: no name, no connection, no TLS, nothing or half of something, too slow.
OTHER_SIDE = {6, 7, 28, 35, 52, 56, 60}


def fetch(host: Host, url: str, *args: str, query: str = "", options: str = "") -> str:
    """The page, where the answer is 200. Raises CheckFailed where the service does not answer so, CouldNotLook where
    curl itself could not be used."""
    if query:
        options += f" --get --data {quote(query)}"
    form = f"curl -sSg --noproxy '*' --max-time 5 {options} -w '\\n%%{{http_code}}' -- {url}"
    asked = host.run(form % args if not args else form, *args, may_fail=True)
    if asked.rc in OTHER_SIDE:
        raise CheckFailed(f"{url % args}: {asked.stderr.strip()}; wanted: an answer")
    if asked.rc != 0:
        raise CouldNotLook(said(url % args, asked.rc, asked.stderr))
    page, _, status = asked.stdout.rpartition("\n")
    if status != "200":
        raise CheckFailed(f"{url % args} answers {status}; wanted: 200\n{page.strip()[:500]}")
    return str(page)


def fetch_json(host: Host, url: str, *args: str, query: str = "") -> Any:
    return json.loads(fetch(host, url, *args, query=query))


def metrics(page: str, name: str) -> list[tuple[str, float]]:
    """The samples of one metric in Prometheus's text format: labels as written, and value."""
    samples = []
    for line in page.splitlines():
        labelled, _, value = line.rpartition(" ")
        if labelled == name or labelled.startswith(f"{name}{{"):
            samples.append((labelled.removeprefix(name), float(value)))
    return samples

"""Asks a node what it reaches: one script in, one frozen object out, nothing changed on it."""

from __future__ import annotations

from clustr.errors import UnreachableError
from clustr.remote.connection import Connection
from clustr.remote.reach import Questions, Reach, Unreached
from clustr.remote.said import Said
from clustr.templates import render, text

PEER_SECONDS = 8  # for a connection to another node: milliseconds inside a site, more where a machine is busy
LIMIT = 90.0  # seconds for the whole script; its parts have shorter ones


def read_reach(connection: Connection, questions: Questions) -> Reach:
    """Asks a node what it reaches; raises UnreachableError where the node itself does not answer."""
    result = connection.run(script(questions), timeout=LIMIT)
    said = Said(result.stdout)
    if result.status or not said.one("end"):
        raise UnreachableError("it could not be asked what it reaches", detail=result.stderr.strip())
    return parse_reach(said, questions)


def script(questions: Questions) -> str:
    return render(
        "remote/reach.sh",
        peers=questions.peers,
        sources=questions.sources,
        way=questions.way,
        functions=text("package_source/functions.sh") if questions.way.dnf else "",
        seconds=PEER_SECONDS,
    )


def parse_reach(said: Said, questions: Questions) -> Reach:
    """Pure: what the script printed, typed, always in one order. A peer without an answer said nothing in time."""
    told = {(words[0], words[1]): words[2:] for words in said.all("peer") if len(words) > 2}
    lost = []
    for peer in questions.peers:
        verdict, *why = told.get((peer.address, str(peer.port)), ["failed"])
        if verdict != "reached":
            lost.append((peer, " ".join(why)))
    sources = sorted(words for words in said.all("source") if len(words) > 1 and words[1] != "answers")
    return Reach(
        peers=tuple(lost),
        names=tuple(sorted(words[0] for words in said.all("unresolved") if words)),
        sources=tuple(Unreached(what, " ".join(why)) for what, _, *why in sources),
        sources_asked=said.number("sources") if questions.sources else None,
    )

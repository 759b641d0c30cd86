"""The network of a lab: its bridges, the way out through this machine, and leave to pass where a firewall stands.

Node to node traffic stays on the bridge. The way out is a table of nftables that belongs to this lab alone, so that
`down` leaves no trace in the tables of others.
"""

from __future__ import annotations

import json
import shlex
from ipaddress import IPv4Network

from clustr.lab import programs
from clustr.lab.model import Lab


def up(lab: Lab) -> None:
    _bridge(lab.bridge, f"{lab.gateway}/{lab.network.prefixlen}", f"02:77:00:00:{lab.number:02x}:01")
    if lab.internal_network:
        _bridge(lab.internal_bridge, "", f"02:76:00:00:{lab.number:02x}:01")
    programs.run("nft", "-f", "-", stdin=way_out(lab))
    for rule in leave_to_pass(lab):
        if _guarded(rule[0]):
            programs.run("iptables", "-w", "-I", *rule)


def down(lab: Lab) -> None:
    """Remove all of it, whatever of it there is."""
    for bridge in (lab.bridge, lab.internal_bridge):
        if exists(bridge):
            programs.run("ip", "link", "del", bridge)
    if programs.attempt("nft", "list", "table", "ip", _table(lab)).returncode == 0:
        programs.run("nft", "delete", "table", "ip", _table(lab))
    if programs.find("iptables"):
        for line in programs.attempt("iptables", "-w", "-S").stdout.splitlines():
            words = shlex.split(line)
            if words[:1] == ["-A"] and f"clustr-lab {lab.name}" in words:
                programs.run("iptables", "-w", "-D", *words[1:])


def in_use() -> list[IPv4Network]:
    """Every subnet that an interface or a route of this machine knows."""
    found = []
    for link in json.loads(programs.run("ip", "-j", "-4", "addr")):
        for address in link["addr_info"]:
            found.append(IPv4Network(f"{address['local']}/{address['prefixlen']}", strict=False))
    for route in json.loads(programs.run("ip", "-j", "-4", "route", "show", "table", "all")):
        if route["dst"] != "default":
            found.append(IPv4Network(route["dst"], strict=False))
    return found


def way_out(lab: Lab) -> str:
    """The nftables script. What stays on the bridge is left alone: a bridge filter may show it to these rules too."""
    return f"""\
table ip {_table(lab)}
delete table ip {_table(lab)}
table ip {_table(lab)} {{
    chain postrouting {{
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr {lab.network} ip daddr != {lab.network} oifname != "{lab.bridge}" masquerade
    }}
}}
"""


def leave_to_pass(lab: Lab) -> list[list[str]]:
    """Rules of iptables for a machine that drops what it forwards (docker) or receives (ufw)."""
    comment = ["-m", "comment", "--comment", f"clustr-lab {lab.name}", "-j", "ACCEPT"]
    rules = [["INPUT", "-i", lab.bridge, *comment], ["FORWARD", "-i", lab.bridge, *comment]]
    rules.append(["FORWARD", "-o", lab.bridge, *comment])
    if lab.internal_network:
        rules.append(["FORWARD", "-i", lab.internal_bridge, "-o", lab.internal_bridge, *comment])
    return rules


def attach(bridge: str, link: str) -> None:
    programs.run("ip", "link", "set", link, "master", bridge, "up")


def exists(link: str) -> bool:
    return programs.attempt("ip", "link", "show", link).returncode == 0


def _bridge(name: str, address: str, mac: str) -> None:
    programs.run("ip", "link", "add", name, "address", mac, "type", "bridge")
    if address:
        programs.run("ip", "addr", "add", address, "dev", name)
    programs.run("ip", "link", "set", name, "up")


def _guarded(chain: str) -> bool:
    """Whether the chain has rules or drops by policy. One that is empty is not touched, so that it stays unmade."""
    if not programs.find("iptables"):
        return False
    return programs.attempt("iptables", "-w", "-S", chain).stdout.split() not in ([], ["-P", chain, "ACCEPT"])


def _table(lab: Lab) -> str:
    return f"clustr_lab_{lab.number}"

"""The kinds of values an inventory holds.

YAML gives text alone (`1.30` stays so, `yes` is no truth value): each kind reads its own text and says, where it
cannot, what to write. A validator raises ValueError with one clause that follows the field's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from clustr.inventory.ranges import expand


@dataclass(frozen=True)
class Range:
    """Names or addresses as they were written, and all that they stand for, in order."""

    text: str
    members: tuple[str, ...]


def _like(pattern: str, problem: str) -> AfterValidator:
    """A validator for text that the whole pattern fits."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if compiled.fullmatch(text) is None:
            raise ValueError(f'"{text}" {problem}')
        return text

    return AfterValidator(check)


def _flag(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value not in ("true", "false"):
        raise ValueError(f'"{value}" is neither true nor false: write one of them')
    return value == "true"


def _whole(value: object) -> object:
    if not isinstance(value, str):
        return value
    if re.fullmatch(r"-?\d{1,9}", value) is None:
        raise ValueError(f'"{value}" is no whole number: write digits alone')
    return int(value)


_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_HOST_LABEL = re.compile(r"[A-Za-z0-9_]([-A-Za-z0-9_]{0,61}[A-Za-z0-9])?")
_QUALIFIED = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def name(text: str) -> str:
    """A host's and a Node object's name: an RFC 1123 label, https://kubernetes.io/docs/concepts/overview/working-with-objects/names/."""
    if _LABEL.fullmatch(text) is None:
        better = re.sub(r"[^-a-z0-9]+", "-", text.lower().partition(".")[0])[:63].strip("-")
        write = f"write {better}" if _LABEL.fullmatch(better) else "write one like gpu01"
        raise ValueError(f'"{text}" is no name (small letters, digits and -, at most 63): {write}')
    return text


def ipv4(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except AddressValueError:
        raise ValueError(f'"{text}" is no IPv4 address: write one like 10.0.0.11') from None


def is_ipv4(host: str) -> bool:
    """Whether it is meant as an address: no name ends in a label of digits alone (RFC 3696, section 2)."""
    return host.rpartition(".")[2].isdigit()


def host(text: str) -> str:
    """An IPv4 address or a DNS name."""
    if re.fullmatch(r"[^:]+:\d+", text):
        raise ValueError(f'"{text}" holds a port: write the address alone and the port as ssh.port')
    if ":" in text:
        raise ValueError(f'"{text}" is no IPv4 address: clustr does not speak IPv6, write the IPv4 address')
    if is_ipv4(text):
        return ipv4(text)
    if len(text) > 253 or not all(_HOST_LABEL.fullmatch(label) for label in text.split(".")):
        raise ValueError(f'"{text}" is neither an IPv4 address nor a name: write one like 10.0.0.11')
    return text


def _names(value: object) -> object:
    return _range(value, name)


def _hosts(value: object) -> object:
    return _range(value, host)


def _ipv4s(value: object) -> object:
    return _range(value, ipv4)


def _range(value: object, member: Callable[[str], str]) -> object:
    if isinstance(value, Range):
        return value
    if not isinstance(value, str):
        raise ValueError("is no text: write one, with a range like [1-3] where it stands for many")
    return Range(value, tuple(member(text) for text in expand(value)))


def network(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        found = IPv4Network(value, strict=False)
    except ValueError:
        raise ValueError(f'"{value}" is no IPv4 network: write one like 10.42.0.0/16') from None
    if "/" not in value:
        raise ValueError(f'"{value}" has no prefix length: write one like {value}/16')
    if str(found) != value:
        raise ValueError(f"{value} is an address in {found}: write {found}")
    return found


def qualified(text: str) -> str:
    """A key of a label or taint, https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set."""
    prefix, slash, own = text.rpartition("/")
    if _QUALIFIED.fullmatch(own) is None:
        raise ValueError(f'"{text}" is no key of Kubernetes: write letters, digits, - _ and ., at most 63')
    if slash and (len(prefix) > 253 or not all(_LABEL.fullmatch(label) for label in prefix.split("."))):
        raise ValueError(f'"{prefix}" before the / is no domain: write one like example.com/{own}')
    return text


def label_value(value: object) -> object:
    """A value of a label or taint (same page); nothing written is the empty value."""
    if value is None:
        return ""
    if isinstance(value, str) and value and _QUALIFIED.fullmatch(value) is None:
        raise ValueError(f'"{value}" is no value of Kubernetes: write letters, digits, - _ and ., at most 63')
    return value


def _at_once(value: object) -> object:
    text = str(value)
    match = re.fullmatch(r"([1-9]\d{0,4})(%?)", text)
    if match is None or (match[2] and int(match[1]) > 100):
        raise ValueError(f'"{text}" is no number of nodes: write one like 2 or 10%')
    return text


def _version(text: str) -> str:
    if re.fullmatch(r"v\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?\+[0-9A-Za-z.]+", text):
        return text
    match = re.fullmatch(r"v?(\d+\.\d+\.\d+)(\+[0-9A-Za-z.]+)?", text)
    write = f"v{match[1]}{match[2] or '+k3s1'}" if match else "one like v1.36.5+k3s1"
    raise ValueError(f'"{text}" is no release of k3s: write {write}')


# What clustr writes into config.yaml itself, and the field of the inventory that decides it.
_OWN_KEYS = {
    "token": "clustr makes it and keeps it on the servers",
    "token-file": "clustr makes it and keeps it on the servers",
    "agent-token": "clustr makes it and keeps it on the servers",
    "agent-token-file": "clustr makes it and keeps it on the servers",
    "data-dir": "clustr looks for the cluster's data where k3s puts it, /var/lib/rancher/k3s; mount a disk there",
    "cluster-reset": "k3s would reset the cluster at each start",
    "server": "clustr writes it from the nodes",
    "cluster-init": "clustr writes it from the nodes",
    "node-name": "write the node's name",
    "node-ip": "write the node's internal_address",
    "node-label": "write labels",
    "node-taint": "write taints",
    "flannel-iface": "write the node's interface",
    "cluster-cidr": "write network.cluster_cidr",
    "service-cidr": "write network.service_cidr",
    "kubelet-arg": "write k3s.kubelet_args",
    "etcd-snapshot-schedule-cron": "write k3s.snapshots.schedule",
    "etcd-snapshot-retention": "write k3s.snapshots.keep",
    "etcd-s3-secret-key": "put it into a Secret, and name that with etcd-s3-config-secret",
    "etcd-s3-access-key": "put it into a Secret, and name that with etcd-s3-config-secret",
}


def _config_key(text: str) -> str:
    plain = text.rstrip("+")
    if plain in _OWN_KEYS:
        raise ValueError(f"{plain} is not for here: {_OWN_KEYS[plain]}")
    if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*\+?", text) is None:
        raise ValueError(f'"{text}" is no key of config.yaml: write it like a flag of k3s, without dashes before it')
    return text


def _config_value(value: object) -> object:
    if value is None:
        raise ValueError("is empty: write its value, or leave the key out")
    items = value if isinstance(value, list | tuple) else [value]
    if not all(isinstance(item, str | bool | int) and "\n" not in str(item) for item in items):
        raise ValueError("is no text and no list of texts: write one line, or a list of them")
    return tuple(value) if isinstance(value, list) else value


Flag = Annotated[bool, BeforeValidator(_flag)]
Whole = Annotated[int, BeforeValidator(_whole)]
Port = Annotated[int, BeforeValidator(_whole), Field(ge=1, le=65535)]
Line = Annotated[str, _like(r"[^\x00-\x1f\x7f]+", "is not one line of text: write one")]
SysctlValue = Annotated[Line, BeforeValidator(lambda value: value, json_schema_input_type=str | int)]

Name = Annotated[str, AfterValidator(name)]
ClassName = Annotated[str, _like(r"[A-Za-z0-9][-A-Za-z0-9_.]{0,62}", "is no name of a class: write one like h100")]
Names = Annotated[Range, BeforeValidator(_names, json_schema_input_type=str)]
Hosts = Annotated[Range, BeforeValidator(_hosts, json_schema_input_type=str)]
Ipv4s = Annotated[Range, BeforeValidator(_ipv4s, json_schema_input_type=str)]
Host = Annotated[str, AfterValidator(host)]
Ipv4 = Annotated[str, AfterValidator(ipv4)]
Cidr = Annotated[IPv4Network, BeforeValidator(network)]
# IFNAMSIZ of Linux is 16 with the closing zero.
Interface = Annotated[str, _like(r"[^\s/:]{1,15}", "is no network interface: write one like eth0")]
User = Annotated[str, _like(r"[A-Za-z0-9_][-A-Za-z0-9_.@\\+$]*", "is no login name: write one like ubuntu")]

LabelKey = Annotated[str, AfterValidator(qualified)]
# An editor reads numbers where clustr reads the text of them.
_Scalar = str | int | float | bool | None
LabelValue = Annotated[str, BeforeValidator(label_value, json_schema_input_type=_Scalar)]
ConfigKey = Annotated[str, AfterValidator(_config_key)]
ConfigValue = Annotated[object, BeforeValidator(_config_value, json_schema_input_type=str | bool | int | list[str])]
K3sVersion = Annotated[str, AfterValidator(_version)]
KubeletArg = Annotated[
    str, _like(r"[a-z0-9][-a-z0-9]*=[^\x00-\x1f]*", "is no argument: write name=value, without dashes before it")
]
# robfig/cron as k3s uses it: five fields or a descriptor.
Cron = Annotated[
    str, _like(r"@[a-z]+( \S+)?|[-\w*/,?]+( +[-\w*/,?]+){4}", 'is no cron schedule: write one like "0 */6 * * *"')
]
# https://prometheus.io/docs/prometheus/latest/configuration/configuration/
Duration = Annotated[
    str,
    _like(
        r"(?=.)(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?", "is no duration of Prometheus: write one like 30d"
    ),
]
Url = Annotated[str, _like(r"https?://[^\s/]\S*", "is no URL: write one like https://host/path")]
AtOnce = Annotated[str, BeforeValidator(_at_once, json_schema_input_type=str | int)]
Package = Annotated[str, _like(r"[A-Za-z0-9][-A-Za-z0-9+._:]*", "is no package: write a name like nfs-common")]
SysctlKey = Annotated[str, _like(r"[a-z0-9][-a-zA-Z0-9_./*:]*", "is no sysctl: write one like vm.max_map_count")]
# journald.conf(5), SystemMaxUse=
Branch = Annotated[str, _like(r"auto|[1-9]\d{2}", "is no branch of the driver: write one like 580, or auto")]
# What `uname -r` says of it; it becomes part of packages' names.
KernelRelease = Annotated[
    str, _like(r"[1-9]\d*\.\d+[-0-9A-Za-z.+_~]*", "is no release of a kernel: write one like 6.1.0-57-amd64 (uname -r)")
]
CudaVersion = Annotated[str, _like(r"\d{2}\.\d", "is no version of CUDA: write one like 13.0")]
PciSlot = Annotated[
    str, _like(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]", "is no PCI slot: write one like 0000:4b:00.0")
]
MigProfile = Annotated[str, _like(r"off|\d+g\.\d+gb(\+me)?", "is no MIG profile: write one like 1g.10gb, or off")]
Size = Annotated[str, _like(r"[1-9]\d*[KMGT]?", "is no size: write one like 2G")]
EnvironmentName = Annotated[
    str, _like(r"[A-Za-z_][A-Za-z0-9_]*", "is no environment variable: write one like CLUSTR_SUDO")
]

"""Where downloads come from and how they get out: the kinds of values in `artifacts`.

As in fields.py, a validator raises ValueError with one clause that follows the field's name. What may hold a login is
never repeated in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import unquote

from pydantic import BeforeValidator

from clustr.inventory import fields

EVERY = "*"  # the name under which a mirror stands for all that have none of their own
NONE = "none"  # what a class or a node says to have nothing of what lies further away

_HOST = r"[A-Za-z0-9_.-]+"
_LOGIN = (
    r"[^\s/@?#'\"`$\\]+@"  # percent-encoded (RFC 3986, section 3.2.1): no character of it means anything to a shell
)
_PROXY = re.compile(rf"https?://(?P<login>{_LOGIN})?(?P<host>{_HOST}):\d{{1,5}}/?")
_MIRROR = re.compile(rf"https?://{_HOST}(:\d{{1,5}})?(/[A-Za-z0-9._~%+/-]*)?")
# What mirrors of packages are called by, which is also the folder that an archive has on most mirrors.
VENDORS = ("nvidia", "nvidia-container-toolkit", "doca")  # who sign with keys that clustr knows by fingerprint
ARCHIVES = ("debian", "debian-security", "ubuntu", "rocky", "almalinux", "epel", "rancher", *VENDORS)


def proxy_url(text: str) -> str:
    """A proxy's URL, with a login or without; ValueError does not repeat it."""
    match = _PROXY.fullmatch(text)
    if match is None:
        raise ValueError("is no URL of a proxy: write one like http://proxy.example.com:3128, its login URL-encoded")
    login = login_of(text)
    if login and re.search(r"\s", str(login)):
        raise ValueError("has a login with a blank in it, which apt cannot be told (apt_auth.conf(5)): choose another")
    return text.rstrip("/")


def open_proxy_url(text: str) -> str:
    """A proxy's URL as it may stand in an inventory: one with a login is a secret."""
    if "@" in text:
        raise ValueError("holds a login: put the whole URL elsewhere and write {env: NAME}, {file: PATH}, sops or age")
    return proxy_url(text)


def without_login(url: str) -> str:
    """The URL without the login in it."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


@dataclass(frozen=True)
class Login:
    """What a proxy asks for, decoded; as text it is the user:password that HTTP sends (RFC 7617)."""

    user: str
    password: str

    def __str__(self) -> str:
        return f"{self.user}:{self.password}"


def login_of(url: str) -> Login | None:
    """The login in a proxy's URL, None where it has none."""
    written = url.partition("://")[2].rpartition("@")[0]
    user, _, password = written.partition(":")
    return Login(unquote(user), unquote(password)) if written else None


def host_of(url: str) -> str:
    """The host of a URL, without its port."""
    return url.partition("://")[2].rpartition("@")[2].partition("/")[0].partition(":")[0]


def mirror_of(name: str, mirrors: Mapping[str, str]) -> str:
    """Its own, else its folder in the mirror of all; "" where there is neither."""
    return mirrors.get(name) or (f"{mirrors[EVERY]}/{name}" if EVERY in mirrors else "")


def _mirror(value: object, *, plain: bool = False) -> str:
    if not isinstance(value, str):
        raise ValueError("is no text: write a URL like https://mirror.example.com")
    if "@" in value:
        raise ValueError("holds a login: clustr logs in to no mirror, write the URL without it")
    if _MIRROR.fullmatch(value) is None or not value.startswith("https://" if not plain else "http"):
        kind = "URL" if plain else "https URL"
        raise ValueError(f'"{value}" is no {kind}: write one like https://mirror.example.com')
    return value.rstrip("/")


def _mirrors(value: object, *, plain: bool = False) -> object:
    """A text is the mirror of all; a mapping names what each one is the mirror of."""
    if isinstance(value, str):
        return {EVERY: _mirror(value, plain=plain)}
    if not isinstance(value, dict):
        raise ValueError("is no mirror: write a URL, or names with URLs")
    return {name: _mirror(url, plain=plain) for name, url in value.items()}


def _packages(value: object) -> object:
    """Packages are signed, so their mirror may be without TLS."""
    found = _mirrors(value, plain=True)
    unknown = [name for name in found if name not in (EVERY, *ARCHIVES)] if isinstance(found, dict) else []
    if unknown:
        raise ValueError(f'"{unknown[0]}" is no archive of packages: write {", ".join(ARCHIVES)} or "*"')
    return found


def _keys(value: object) -> object:
    """Files by the name of a vendor: a site that signs its mirror with a key of its own names it here."""
    if not isinstance(value, dict):
        raise ValueError("is no mapping: write names with files, {nvidia: site-key.asc}")
    for name, path in value.items():
        if name not in VENDORS:
            raise ValueError(f'"{name}" is no vendor whose packages clustr adds: write {", ".join(VENDORS)}')
        if not isinstance(path, str) or not path.strip() or "\n" in path:
            raise ValueError(f"has no file for {name}: write a path like site-key.asc")
    return value


def _hosts(value: object) -> object:
    found = _mirrors(value)
    for name in found if isinstance(found, dict) else ():
        if name != EVERY and re.fullmatch(rf"{_HOST}(:\d{{1,5}})?", name) is None:
            raise ValueError(f'"{name}" is no host: write one like docker.io, or "*"')
    return found


def _past(value: object) -> object:
    """What no proxy is asked for: a host, a domain with what lies below it (.example.com), an address or a network."""
    if not isinstance(value, str):
        raise ValueError("is no text: write a host, a domain like .example.com, an address or a network")
    if "*" in value:
        raise ValueError(f'"{value}" is no host: write .example.com for all below it, or http_proxy: none')
    if "/" in value:
        return str(fields.network(value))
    fields.host(value.removeprefix("."))
    return value


_Mirrors = str | dict[str, str]
Mirror = Annotated[str, BeforeValidator(_mirror, json_schema_input_type=str)]
PackageMirrors = Annotated[dict[str, str], BeforeValidator(_packages, json_schema_input_type=_Mirrors)]
PackageKeys = Annotated[dict[str, str], BeforeValidator(_keys)]
HostMirrors = Annotated[dict[str, str], BeforeValidator(_hosts, json_schema_input_type=_Mirrors)]
Past = Annotated[str, BeforeValidator(_past, json_schema_input_type=str)]

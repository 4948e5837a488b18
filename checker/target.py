"""Targets: `tcp://mongo.db:27017`, `https://…`, `dns://name@server`; a bare `host:port` is tcp."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_AUTHORITY = re.compile(r"([^/?]*)([/?]?)(.*)", re.DOTALL)
_HOST_AND_PORT = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::(.*))?", re.DOTALL)
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")  # RFC 1123, and the underscore that DNS allows


class TargetError(ValueError):
    """A target that cannot be meant; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is probed. Two spellings of one target are equal, and have one text.

    `host` is None only for a dns target that asks the machine's own name server;
    `rest` is the path and query of a URL, or the name that a dns target asks for.
    """

    kind: str
    host: str | None
    port: int
    rest: str = ""

    def __str__(self) -> str:
        """Write the target as it is told everywhere: normalised, with its port."""
        where = "" if self.host is None else f"{bracketed(self.host)}:{self.port}"
        if self.kind == "dns":
            return f"dns://{self.rest}@{where}" if where else f"dns://{self.rest}"
        return f"{self.kind}://{where}{self.rest}"


def bracketed(host: str) -> str:
    """Write a host as it stands before a port: an IPv6 address in brackets (RFC 3986)."""
    return f"[{host}]" if ":" in host else host


def parse(text: str, kinds: Mapping[str, int | None]) -> Target:
    """Read a target; `kinds` maps each kind to its default port, or None where a port must be given.

    Raises TargetError, with a message that names the fault and, where there is a near miss, what may be meant.
    """
    kind, separator, rest = text.partition("://")
    if not separator:
        kind, rest = "tcp", text
    kind = kind.lower()
    if kind not in kinds:
        import difflib  # noqa: PLC0415 - only a mistake needs it

        near = difflib.get_close_matches(kind, kinds, 1)
        hint = f"did you mean {near[0]}://?" if near else f"known are {', '.join(f'{kind}://' for kind in kinds)}"
        raise TargetError(f"unknown kind of target {kind!r}; {hint}")
    if kind == "dns":
        name, at, server = rest.partition("@")
        name = _name(name)
        if not at:
            return Target(kind, None, 53, name)
        return Target(kind, *_host_and_port(server, kinds[kind]), name)
    authority, slash, path = _AUTHORITY.match(rest).groups()  # type: ignore[union-attr]
    if "@" in authority:
        raise TargetError("a target must hold no user or password: it is shown in every report")
    host, port = _host_and_port(authority, kinds[kind])
    if kinds[kind] is None and slash:
        raise TargetError(f"{kind}:// takes host:port and nothing behind it")
    if not (path.isascii() and path.isprintable()) or re.search(r"[\s#]", path):
        raise TargetError("the path must be plain ASCII without spaces or #; write others as %XX")
    rest = f"/{'?' if slash == '?' else ''}{path}" if kinds[kind] is not None else ""
    return Target(kind, host, port, "" if rest == "/" else rest)


def _host_and_port(text: str, default: int | None) -> tuple[str, int]:
    if text.count(":") > 1 and "[" not in text:
        raise TargetError("an IPv6 address stands in brackets, as in [2001:db8::1]:443")
    match = _HOST_AND_PORT.fullmatch(text)
    if match is None:
        raise TargetError(f"{text!r} is not host:port")
    host, port = match.groups()
    if port is None and default is None:
        raise TargetError("a port is missing: write host:port")
    if port is not None and not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) <= 65535):
        raise TargetError(f"port {port!r} is not a number from 1 to 65535")
    return _host(host), int(port) if port is not None else default or 0


def _host(text: str) -> str:
    if text.startswith("["):
        try:
            return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, text[1:-1]))
        except OSError as error:
            zone = "addresses with a zone are not supported" if "%" in text else "not an IPv6 address in brackets"
            raise TargetError(f"{text}: {zone}") from error
    return _name(text)


def _name(text: str) -> str:
    """Check a host name or IPv4 address, and fold its case (RFC 4343)."""
    name = text.lower()
    labels = name.removesuffix(".").split(".")
    if not name:
        raise TargetError("a host name is missing")
    if _NUMBER.fullmatch(labels[-1]):  # a last label of digits can only be meant as an address
        try:
            return socket.inet_ntop(socket.AF_INET, socket.inet_pton(socket.AF_INET, name))
        except OSError as error:
            raise TargetError(f"{text!r} is not an IPv4 address") from error
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise TargetError(f"{text!r} is not a host name")
    return name

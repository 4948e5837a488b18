"""Targets: `tcp://mongo.db:27017`, `https://…`, `dns://name@server`; a bare `host:port` is tcp."""

import re
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from checker.words import near_miss

LONGEST = 2000  # characters of a target
# Not urlsplit: it removes tabs and line ends silently, and what it accepts differs between versions of Python.
_PARTS = re.compile(r"(?:([^@/?]*)@)?(\[[^\]/?]*\]|[^:/?]*)(?::([^/?]*))?([/?].*|)", re.DOTALL)  # name@host:port/path
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")  # RFC 1123, and the underscore that DNS allows


class TargetError(ValueError):
    """An invalid target; the message says what is wrong with it."""


class Form(NamedTuple):
    """What may follow `kind://`: host:port, and whatever else the kind takes."""

    port: int | None = None  # the default; without one, a target must name its port
    path: bool = False  # a path and a query may follow
    name: bool = False  # `name@host:port`, or the name alone
    host: bool = True  # without one, a name alone: the target is something in this container


FORMS = {  # of each kind in checker.probes
    "tcp": Form(),
    "udp": Form(),
    "http": Form(80, path=True),
    "https": Form(443, path=True),
    "dns": Form(53, name=True),
    "sandbox": Form(host=False),
    "command": Form(host=False),
}


@dataclass(frozen=True, slots=True)
class Target:
    """What is probed. Two spellings of one target are equal, and have one text.

    `host` is None where a name stands alone: a sandbox check, or a dns target for the machine's own name server.
    """

    kind: str
    host: str | None
    port: int
    path: str = ""  # path and query
    name: str = ""

    @property
    def form(self) -> Form:
        """What targets of its kind consist of."""
        return FORMS[self.kind]

    def __str__(self) -> str:
        """Write the target as every report shows it: normalised, with its port."""
        where = "" if self.host is None else f"{bracketed(self.host)}:{self.port}"
        return f"{self.kind}://{self.name}{'@' if self.name and where else ''}{where}{self.path}"


def bracketed(host: str) -> str:
    """Write a host as it stands before a port: an IPv6 address in brackets (RFC 3986)."""
    return f"[{host}]" if ":" in host else host


def parse(text: str) -> Target:
    """Read a target. Raises TargetError with the fault and the near miss."""
    kind, rest = text.split("://", 1) if "://" in text else ("tcp", text)
    kind = kind.lower()
    if kind not in FORMS:
        raise TargetError(f"unknown kind of target {kind!r}; {near_miss(kind, FORMS, '://')}")
    if len(text) > LONGEST:
        raise TargetError(f"the target is longer than {LONGEST:,} characters")
    form = FORMS[kind]
    if not form.host:
        return Target(kind, None, 0, name=_word(rest))
    if form.name and "@" not in rest:
        return Target(kind, None, form.port or 0, name=_name(rest))
    match = _PARTS.fullmatch(rest)
    name, host, port, path = match.groups() if match else (None, "", None, "")
    if name is not None and not form.name:
        raise TargetError("a target must not contain a user or password: reports show targets")
    if ":" in (port or ""):
        raise TargetError("write an IPv6 address in brackets, as in [2001:db8::1]:443")
    if path and not form.path:
        raise TargetError(f"{kind}:// takes no path: a target is one host and port")
    return Target(kind, _host(host), _port(port, form.port), _path(path), _name(name or "") if form.name else "")


def identity(target: Target, namespace: str | None, cluster_domain: str) -> Target:
    """Return the same target for all names of one place, as a pod in `namespace` resolves them.

    A host name becomes what the search domains of a pod make of it, in full: `db`, `db.shop` and `db.shop.svc` become
    `db.shop.svc.cluster.local`. Without a namespace, a name of one label stays as it is. The path does not count,
    and http and https are the TCP connection that they begin with: a server that answers requests accepts connections.
    https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#namespaces-of-services
    """
    kind = "tcp" if target.kind in ("http", "https") else target.kind
    host = target.host and _in_full(target.host, namespace, cluster_domain.strip(".").lower())
    return replace(target, kind=kind, host=host, path="")


def identify(text: str, namespace: str | None, cluster_domain: str) -> Target | None:
    """Return the identity of a target that has a host and a port; None for any other text."""
    try:
        target = parse(text)
    except TargetError:
        return None
    return identity(target, namespace, cluster_domain) if target.form.host else None


def _in_full(host: str, namespace: str | None, cluster_domain: str) -> str:
    """Write the name of a Service, or of a pod behind a headless one, in full; other hosts without a last dot."""
    name = host.removesuffix(".")
    labels = name.split(".")
    if host.endswith(".") or ":" in host or labels[-1].isdigit() or name.endswith(f".{cluster_domain}"):
        return name
    if len(labels) == 1:
        return f"{name}.{namespace}.svc.{cluster_domain}" if namespace else name
    if labels[-1] == "svc":
        return f"{name}.{cluster_domain}"
    return f"{name}.svc.{cluster_domain}" if len(labels) == 2 else name


def _word(text: str) -> str:
    if not _LABEL.fullmatch(text.lower()):
        raise TargetError(f"{text!r} is not a name such as db-port: letters, digits and hyphens")
    return text.lower()


def _path(text: str) -> str:
    if not (text.isascii() and text.isprintable()) or re.search("[ #]", text):
        raise TargetError("the path must be plain ASCII without spaces or #; write others as %XX")
    return "" if text == "/" else text if text.startswith("/") or not text else f"/{text}"


def _port(text: str | None, default: int | None) -> int:
    if text is None and default is None:
        raise TargetError("a port is missing: write host:port")
    if text is not None and not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) <= 65535):
        raise TargetError(f"port {text!r} is not a number from 1 to 65535")
    return int(text) if text is not None else default or 0


def _host(text: str) -> str:
    if not text.startswith("["):
        return _name(text)
    if "%" in text:
        raise TargetError(f"{text}: addresses with a zone are not supported")
    return _address(IPv6Address, text[1:-1], f"{text}: not an IPv6 address in brackets")


def _name(text: str) -> str:
    """Check a host name or IPv4 address, and fold its case (RFC 4343)."""
    name = text.lower()
    if not name:
        raise TargetError("a host name is missing")
    labels = name.removesuffix(".").split(".")
    if _NUMBER.fullmatch(labels[-1]):  # a name whose last label is a number must be an IPv4 address
        return _address(IPv4Address, name, f"{text!r} is not an IPv4 address")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise TargetError(f"{text!r} is not a host name")
    return name


def _address(kind: type[IPv4Address | IPv6Address], text: str, otherwise: str) -> str:
    """Normalise an address. An IPv4 address that is mapped into IPv6, `::ffff:10.0.0.1`, becomes IPv4."""
    try:
        address = kind(text)
    except ValueError:
        raise TargetError(otherwise) from None
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_unspecified:
        raise TargetError(f"{address} is not the address of another machine: this machine would answer")
    return str(address)

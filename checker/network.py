"""The network of this machine: its addresses, and whether it has a default route."""

import ipaddress
import re
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from checker.model import Family

FAMILY = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}

# RFC 5737 and RFC 3849: addresses for documentation, which are behind every default route and belong to nobody
SOMEWHERE = {Family.IPV4: "192.0.2.1", Family.IPV6: "2001:db8::1"}

_ADDRESSES = {  # files in /proc/net, and how each shows an address that is not loopback or link-local (proc_pid_net(5))
    Family.IPV4: ("fib_trie", r"-- (?!127\.)\S+\n +/32 host LOCAL"),
    Family.IPV6: ("if_inet6", r"^\w+ \w+ \w+ (?!10|20)"),  # the scopes host and link
}


def family_of(address: str) -> Family:
    """Return the family of a literal address."""
    return Family.IPV6 if ":" in address else Family.IPV4


def is_literal(host: str) -> bool:
    """Return whether a target's host is an address: only an address has a last label that begins with a digit."""
    return ":" in host or host.rpartition(".")[2].isdigit()


def unmapped(address: str) -> str:
    """Return an IPv4 address that is mapped into IPv6, as `::ffff:192.0.2.1` (RFC 4291, 2.5.5.2), as IPv4."""
    mapped = ipaddress.IPv6Address(address).ipv4_mapped if address.startswith("::ffff:") else None
    return str(mapped) if mapped else address


def is_unspecified(address: str) -> bool:
    """Return whether an address is 0.0.0.0 or ::, which a connection takes for this machine."""
    return ipaddress.ip_address(address).is_unspecified


def is_loopback(address: str) -> bool:
    """Return whether a literal address, loopback or unspecified, can only ever lead to this machine itself."""
    return ipaddress.ip_address(address).is_loopback or is_unspecified(address)


def is_own(address: str) -> bool:
    """Return whether an address belongs to this machine: no other can be bound (EADDRNOTAVAIL in ip(7)).

    Where the sysctl `ip_nonlocal_bind` allows any, each counts as own: then no denial passes.
    """
    with suppress(OSError), socket.socket(FAMILY[family_of(address)], socket.SOCK_DGRAM) as sock:
        sock.bind((address, 0))
        return True
    return False


def has_address(family: Family) -> bool:
    """Return whether any interface has an address of the family that other machines could answer to.

    If the kernel supports the family and does not list its addresses, the answer is yes: an address that cannot be
    tried is inconclusive, one that is left out is not.
    """
    try:
        socket.socket(FAMILY[family], socket.SOCK_DGRAM).close()
    except OSError:  # pragma: no cover - EAFNOSUPPORT: needs a kernel without IPv6
        return False
    file, address = _ADDRESSES[family]
    try:
        return re.search(address, Path("/proc/net", file).read_text("ascii"), re.MULTILINE) is not None
    except OSError:
        return True


def has_way_out(family: Family) -> bool:
    """Return whether the family has an address and a default route: connecting a UDP socket sends nothing."""
    with suppress(OSError), socket.socket(FAMILY[family], socket.SOCK_DGRAM) as sock:
        sock.connect((SOMEWHERE[family], 9))
        return not is_loopback(sock.getsockname()[0])
    return False


def gateways() -> Iterator[str]:
    """List the addresses of the default gateways (/proc/net/route and ipv6_route, proc_pid_net(5))."""
    with suppress(OSError):
        for line in Path("/proc/net/route").read_text(encoding="ascii").splitlines()[1:]:
            _, destination, gateway, *_ = line.split()
            if int(destination, 16) == 0 and int(gateway, 16):
                yield socket.inet_ntoa(struct.pack("=I", int(gateway, 16)))  # in the byte order of this machine
    with suppress(OSError):
        for line in Path("/proc/net/ipv6_route").read_text(encoding="ascii").splitlines():
            _, length, _, _, gateway, *_ = line.split()
            if int(length, 16) == 0 and int(gateway, 16):
                yield socket.inet_ntop(socket.AF_INET6, bytes.fromhex(gateway))

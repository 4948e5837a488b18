"""What this machine's own network can do: which families it has addresses of, and a way out."""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from pathlib import Path

from checker.model import Family

FAMILY = {Family.IPV4: socket.AF_INET, Family.IPV6: socket.AF_INET6}

# RFC 5737 and RFC 3849: addresses of documentation, behind the default route of any machine and no one's
SOMEWHERE = {Family.IPV4: "192.0.2.1", Family.IPV6: "2001:db8::1"}

_SIOCGIFCONF = 0x8912  # netdevice(7)


def family_of(address: str) -> Family:
    """Tell the family of a literal address."""
    return Family.IPV6 if ":" in address else Family.IPV4


def is_literal(host: str) -> bool:
    """Tell whether a target's host is an address: only an address has a last label that begins with a digit."""
    return ":" in host or host.rpartition(".")[2].isdigit()


def is_loopback(address: str) -> bool:
    """Tell whether an address, also an IPv4 one mapped into IPv6, never leaves the machine."""
    return address.removeprefix("::ffff:").startswith("127.") or address == "::1"


def has_address(family: Family) -> bool:
    """Tell whether any interface has an address of the family that other machines could answer to.

    IPv4 by SIOCGIFCONF (netdevice(7)), IPv6 by /proc/net/if_inet6 (proc_pid_net(5)), where
    loopback has the scope 10 and a link-local address the scope 20. Neither needs a privilege.
    """
    if family is Family.IPV6:
        with suppress(OSError):
            lines = Path("/proc/net/if_inet6").read_text(encoding="ascii").splitlines()
            return any(line.split()[3] not in ("10", "20") for line in lines)
        return False
    import array  # noqa: PLC0415 - rarely needed: only a name with addresses asks
    import fcntl  # noqa: PLC0415

    entries = array.array("B", bytes(40 * 256))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("iP", len(entries), entries.buffer_info()[0])
        used = struct.unpack("iP", fcntl.ioctl(sock, _SIOCGIFCONF, request))[0]
    found = (socket.inet_ntoa(entries[at + 20 : at + 24]) for at in range(0, used, 40))
    return any(not is_loopback(address) for address in found)


def has_way_out(family: Family) -> bool:
    """Tell whether the family has an address and a default route: connecting a UDP socket sends nothing."""
    with suppress(OSError), socket.socket(FAMILY[family], socket.SOCK_DGRAM) as sock:
        sock.connect((SOMEWHERE[family], 9))
        return not is_loopback(sock.getsockname()[0])
    return False


def gateways() -> set[str]:
    """List the addresses of the default gateways (/proc/net/route and ipv6_route, proc_pid_net(5))."""
    found = set()
    with suppress(OSError):
        for line in Path("/proc/net/route").read_text(encoding="ascii").splitlines()[1:]:
            _, destination, gateway, *_ = line.split()
            if int(destination, 16) == 0 and int(gateway, 16):
                found.add(socket.inet_ntoa(struct.pack("=I", int(gateway, 16))))  # as it lies in memory
    with suppress(OSError):
        for line in Path("/proc/net/ipv6_route").read_text(encoding="ascii").splitlines():
            _, length, _, _, gateway, *_ = line.split()
            if int(length, 16) == 0 and int(gateway, 16):
                found.add(socket.inet_ntop(socket.AF_INET6, bytes.fromhex(gateway)))
    return found

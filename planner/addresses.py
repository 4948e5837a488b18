"""Which addresses an ipBlock covers, also when an address is not known yet."""

from collections.abc import Iterable
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any

from planner.objects import IPBlock

Address = IPv4Address | IPv6Address
Network = Any  # IPv4Network | IPv6Network: ipaddress has no type for the methods that both have
Ranges = tuple[Network, ...]

# Where pods of an unknown cluster have their addresses: RFC 1918 and RFC 6598.
_PRIVATE = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")))
_network = cache(ip_network)


def covers(block: IPBlock, address: Address | None, ranges: Ranges, *, optimistic: bool) -> bool:
    """Whether a block covers an address. None is any address of the ranges: all of them, or, if optimistic, one."""
    inside: Network = _network(block.cidr, strict=False)
    outside: list[Network] = [_network(each, strict=False) for each in block.except_ or ()]
    if address is not None:
        return address in inside and not any(address in each for each in outside)
    if optimistic:
        return any(inside.overlaps(each) and not any(_within(each, out) for out in outside) for each in ranges)
    return all(_within(each, inside) and not any(map(each.overlaps, outside)) for each in ranges)


def _within(inner: Network, outer: Network) -> bool:
    return bool(inner.version == outer.version and inner.subnet_of(outer))


def pod_ranges(addresses: Iterable[Address]) -> Ranges:
    """Find the range where a new pod gets its address: around all known ones, and at least a /16 (IPv6: /48).

    Clusters take the addresses of pods from a range of about that size, each node from a part of it.
    """
    known = sorted(addresses, key=lambda each: (each.version, each))
    if not known:
        return _PRIVATE
    first: Network = ip_network(known[0])
    last = max((each for each in known if each.version == first.version), key=int)
    common = first.max_prefixlen - (int(known[0]) ^ int(last)).bit_length()
    return (first.supernet(new_prefix=min(common, 16 if first.version == 4 else 48)),)

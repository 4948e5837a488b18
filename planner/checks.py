"""The checks of values, and the result of each under the policies."""

from collections.abc import Collection, Iterable
from contextlib import suppress
from ipaddress import ip_address
from typing import NamedTuple

from checker.target import identify
from planner.evaluator import evaluators
from planner.inventory import Endpoint, Inventory
from planner.objects import Part
from planner.values import DOMAIN, Vantage

_OWN_RESOLVER = ""  # instead of a host: the name server of the vantage's pod


class Check(NamedTuple):
    """A target of a vantage. Without endpoints it names a Service or port that does not exist."""

    vantage: Vantage
    list: str
    text: str
    pod: int
    to: tuple[Endpoint, ...]
    by_name: bool


class Checks:
    """The checks of values, and their results under the policies."""

    def __init__(self, inventory: Inventory, vantages: Iterable[Vantage]) -> None:
        self.inventory = inventory
        self.targets = {("UDP", _OWN_RESOLVER, 53): inventory.dns}  # where each protocol, host and port leads
        for each in [*inventory.destinations, *inventory.outside]:
            for host in (f"{each.host}.svc.{DOMAIN}", each.address):
                if host:
                    self.targets[each.protocol, host, each.port] = each.backends
        self.all: list[Check] = []
        for vantage in vantages:
            pod = inventory.vantage(vantage.origin)
            for key, entries in (("allow", vantage.allow), ("deny", vantage.deny)):
                texts = [each.target for each in entries if each.on_network]
                self.all += [Check(vantage, key, text, pod, *self._endpoints(text, vantage)) for text in texts]
        self.certain, self.possible = evaluators(inventory)

    def sees(self, check: Check, gone: Collection[Part] = ()) -> set[str]:
        """Return the possible results of a check: `open` and `shut`, or `unresolved`."""
        if check.by_name and not self.certain.senders(self.inventory.dns, gone) >> check.pod & 1:
            return {"unresolved"}
        reached = (each.senders(check.to, gone) >> check.pod & 1 for each in (self.certain, self.possible))
        return {"open" if each else "shut" for each in reached}

    def _endpoints(self, text: str, vantage: Vantage) -> tuple[tuple[Endpoint, ...], bool]:
        """Find where a target leads, and whether a name must resolve on the way."""
        target = identify(text, vantage.origin.namespace, DOMAIN)
        if target is None:
            return (), False
        host = target.host or _OWN_RESOLVER
        protocol = "UDP" if target.kind in ("udp", "dns") else "TCP"
        address = None
        with suppress(ValueError):
            address = ip_address(host)
        elsewhere = Endpoint(self.inventory.elsewhere(address), protocol, target.port)
        otherwise = () if host.endswith(DOMAIN) else (elsewhere,)
        return self.targets.get((protocol, host, target.port), otherwise), address is None

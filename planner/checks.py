"""The checks of values, and the result of each under the policies."""

from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import NamedTuple

from checker.target import identify
from planner.evaluator import Change, Endpoint
from planner.inventory import Inventory
from planner.origins import origins
from planner.values import DOMAIN, Vantage


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

    def __init__(self, inventory: Inventory, checked: Sequence[Vantage]) -> None:
        self.inventory, first = inventory, len(inventory.pods)
        self.origins = dict(enumerate(origins(inventory), first + len(checked)))
        self.evaluators = inventory.evaluators([*(each.origin for each in checked), *self.origins.values()])
        self.targets: dict[tuple[str, str, int], tuple[Endpoint, ...]] = {}
        for each in [*inventory.destinations, *inventory.outside]:
            for host in (f"{each.host}.svc.{DOMAIN}", each.address):
                if host:
                    self.targets[each.protocol, host, each.port] = each.backends
        self.all = [
            Check(vantage, key, each.target, index, *self._endpoints(each.target, vantage.origin.namespace))
            for index, vantage in enumerate(checked, first)
            for key, entries in (("allow", vantage.allow), ("deny", vantage.deny))
            for each in entries
            if each.on_network
        ]

    def sees(self, check: Check, change: Change | None = None) -> str:
        """Return the result of a check: `open`, `shut`, `partly` (not certain), or `unresolved`."""
        certain, possible = self.evaluators
        if check.by_name and not certain.senders(self.inventory.dns, change) >> check.pod & 1:
            return "unresolved"
        if certain.senders(check.to, change) >> check.pod & 1:
            return "open"
        return "partly" if possible.senders(check.to, change) >> check.pod & 1 else "shut"

    def _endpoints(self, text: str, namespace: str) -> tuple[tuple[Endpoint, ...], bool]:
        """Find where a target leads, and whether a name must resolve on the way."""
        target = identify(text, namespace, DOMAIN)
        if target is None:
            return (), False
        if target.host is None:
            return self.inventory.dns, True
        protocol = "UDP" if target.kind in ("udp", "dns") else "TCP"
        address = None
        with suppress(ValueError):
            address = ip_address(target.host)
        elsewhere = () if target.host.endswith(DOMAIN) else (Endpoint(None, address, protocol, target.port),)
        return self.targets.get((protocol, target.host, target.port), elsewhere), address is None

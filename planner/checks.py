"""The checks that values ask for, and what each of them would see under the policies."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, NamedTuple

from checker.target import Form, TargetError, identity, parse
from planner.evaluator import Change, Endpoint
from planner.inventory import Inventory
from planner.origins import origins

_HTTP = {"http": Form(80, path=True), "https": Form(443, path=True)}
_FORMS = {"tcp": Form(), "udp": Form(), "dns": Form(53, name=True), **_HTTP}
_DOMAIN = "cluster.local"


@dataclass(frozen=True, slots=True)
class Place:
    """A vantage or the control of values, as the chart understands them, and the targets on its lists."""

    name: str
    namespace: str
    labels: dict[str, str]
    allow: list[str]
    deny: list[str]


class Check(NamedTuple):
    """A target of a place. Without endpoints it names a Service or port that does not exist."""

    place: Place
    list: str
    text: str
    pod: int
    to: tuple[Endpoint, ...]
    by_name: bool


class Checks:
    """The checks of values, and what they see under the policies."""

    def __init__(self, inventory: Inventory, checked: Sequence[Place]) -> None:
        self.inventory, first = inventory, len(inventory.pods)
        self.origins = dict(enumerate(origins(inventory), first + len(checked)))
        pods = [(each.namespace, each.labels) for each in checked]
        pods += [(each.namespace, each.labels) for each in self.origins.values()]
        self.evaluators = inventory.evaluators(pods)
        self.targets: dict[tuple[str, str, int], tuple[Endpoint, ...]] = {}
        for each in [*inventory.destinations, *inventory.outside]:
            for host in (f"{each.host}.svc.{_DOMAIN}", each.address):
                if host:
                    self.targets[each.protocol, host, each.port] = each.backends
        self.all = [
            Check(place, key, text, index, *self._endpoints(text, place.namespace))
            for index, place in enumerate(checked, first)
            for key, texts in (("allow", place.allow), ("deny", place.deny))
            for text in texts
        ]

    def sees(self, check: Check, change: Change | None = None) -> str:
        """Return what a check sees: open, shut, partly (which is not certain), or unresolved."""
        certain, possible = self.evaluators
        if check.by_name and not certain.senders(self.inventory.dns, change) >> check.pod & 1:
            return "unresolved"
        if certain.senders(check.to, change) >> check.pod & 1:
            return "open"
        return "partly" if possible.senders(check.to, change) >> check.pod & 1 else "shut"

    def _endpoints(self, text: str, namespace: str) -> tuple[tuple[Endpoint, ...], bool]:
        """Find where a target leads, and whether a name must resolve on the way."""
        try:
            target = identity(parse(text, _FORMS), namespace, _DOMAIN)
        except TargetError:
            return (), False
        if target.host is None:
            return self.inventory.dns, True
        protocol = "UDP" if target.kind in ("udp", "dns") else "TCP"
        try:
            address = ip_address(target.host)
        except ValueError:
            address = None
        found = self.targets.get((protocol, target.host, target.port))
        if found is None:
            found = () if target.host.endswith(_DOMAIN) else (Endpoint(None, address, protocol, target.port),)
        return found, address is None


def read_values(values: Mapping[str, Any], release_namespace: str) -> Iterator[Place]:
    """Read the vantages of values, and the control, as the chart does."""
    space = values.get("namespaceOverride") or release_namespace
    found = []
    for name, given in (values.get("vantages") or {"netproof": {}}).items():
        own = given or {}
        if _joined("cronjob", values, own).get("suspend"):
            continue
        lists, common = _joined("targets", values, own), _joined("commonTargets", values)
        listed = {text_of(each) for key in ("allow", "deny") for each in lists.get(key) or ()}
        allow, deny = (
            [*(lists.get(key) or ()), *(each for each in common.get(key) or () if text_of(each) not in listed)]
            for key in ("allow", "deny")
        )
        if own.get("isolated", values.get("isolated")):
            allow = []
        where = own.get("namespace") or values.get("namespace") or space
        place = Place(name, where, _joined("podLabels", values, own), [*map(text_of, allow)], [*map(text_of, deny)])
        found.append((place, deny))
    yield from (place for place, _ in found)
    control = values.get("control") or {}
    if control.get("enabled"):
        where = control.get("namespace") or space
        allowed = {same_target(text, place.namespace) for place, _ in found for text in place.allow}
        denied = {
            same_target(text_of(each), place.namespace): None
            for place, deny in found
            for each in deny
            if not (isinstance(each, dict) and each.get("control") is False)
        }
        own = [text_of(each) for each in (control.get("targets") or {}).get("deny") or ()]
        yield Place(
            "control", where, control.get("podLabels") or {}, [], own + [each for each in denied if each not in allowed]
        )


def _joined(key: str, *layers: Mapping[str, Any]) -> dict[str, Any]:
    """Join the mappings that values have under a key; later ones win."""
    return {name: each for layer in layers for name, each in (layer.get(key) or {}).items()}


def text_of(entry: Any) -> str:
    """Return the target of a list's entry."""
    return str(entry.get("target") if isinstance(entry, dict) else entry)


def same_target(text: str, namespace: str) -> str:
    """Return one text for all spellings of a target."""
    try:
        return str(identity(parse(text, _FORMS), namespace, _DOMAIN))
    except TargetError:
        return text

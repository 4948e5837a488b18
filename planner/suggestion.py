"""Suggested vantages with their lists, each entry with its reason, and what the lists do not show."""

import re
from itertools import chain, count
from pathlib import Path

from planner.evaluator import members
from planner.inventory import Destination, Inventory, Origin
from planner.lists import Lists
from planner.values import Entry, Vantage, scalar

DNS = "dns://kubernetes.default.svc.cluster.local"
_TEMPLATE = Path(__file__).with_name("values.j2")


class Suggestion:
    """Vantages with at most `max_denials` denials in each, and a control if one is needed."""

    def __init__(self, inventory: Inventory, max_denials: int) -> None:
        lists = Lists(inventory, max_denials)
        names = _names(lists)
        self.vantages = [_vantage(lists, index, names[index]) for index in sorted({*lists.allow, *lists.deny})]
        self.control = None if lists.control is None else _origin(lists, lists.control)
        # What is on no list, or only in part.
        self.other_policies = inventory.others
        partly = (to for to, maybe in lists.maybe_reached.items() if maybe & ~lists.reached[to] & lists.vantages)
        self.partly = [to for to in partly if to.service]
        self.not_ready = [to for to in inventory.destinations if not to.ready]
        dns = set(inventory.dns)
        others = (to for to in inventory.destinations if to.protocol != "TCP" and not dns.intersection(to.backends))
        self.not_tcp = [f"{to}/{to.protocol}" for to in others]
        served = {end.pod for to in inventory.destinations for end in to.backends}
        isolated = {index for index, policies in enumerate(lists.certain.on_ingress) if policies}
        workloads = inventory.workloads.values()
        self.no_service = [each for each in workloads if each.pods & isolated and not each.pods & served]
        self.unnamed = sorted(lists.unnamed)
        denied = (entry for each in self.vantages for entry in each.deny)
        self.unproven = sorted({entry.target for entry in denied if not entry.control})


def _names(lists: Lists) -> dict[int, str]:
    """Name vantages after their namespace and first workload."""
    names: dict[int, str] = {}
    for index in members(lists.vantages):
        origin = lists.inventory.origins[index]
        name = (origin.workloads or ("/other",))[0].partition("/")[2]
        base = re.sub("[^a-z0-9-]", "-", f"{origin.namespace}-{name}")[:58].rstrip("-")
        candidates = chain([base], (f"{base}-{number}" for number in count(2)))
        names[index] = next(each for each in candidates if each not in names.values())
    return names


def _origin(lists: Lists, index: int) -> Origin:
    """Return the origin of a vantage, with the workloads of all origins that it represents."""
    workloads = {each for one in members(lists.groups[index]) for each in lists.inventory.origins[one].workloads}
    return lists.inventory.origins[index]._replace(workloads=tuple(sorted(workloads)))


def _vantage(lists: Lists, index: int, name: str) -> Vantage:
    allowed = sorted(lists.allow[index].items(), key=lambda each: (each[1].namespace, each[1].service, each[1].port))
    allow = [Entry(text, f"allowed by {_deciding(lists, index, to)}") for text, to in allowed]
    if lists.resolving >> index & 1:
        allow.insert(0, Entry(DNS, "names must resolve"))
    deny = []
    for text, to in lists.deny.get(index, {}).items():
        about = lists.inventory.outside.get(to) or ("" if text.startswith(to.host) else to.host)
        because = f"{about}{': ' if about else ''}not allowed by {_deciding(lists, index, to)}"
        deny.append(Entry(text, because, text in lists.up))
    return Vantage(name, _origin(lists, index), allow, deny, lists.left_out.get(index, 0))


def _deciding(lists: Lists, index: int, to: Destination) -> str:
    policies = sorted({str(each) for end in to.backends for each in lists.possible.deciding(index, end)})
    return f"NetworkPolicy {', '.join(policies)}"[:900] if policies else "the absence of a policy"


def write(suggestion: Suggestion) -> str:
    """Write values.yaml."""
    from jinja2 import StrictUndefined, Template  # noqa: PLC0415 - slow to import

    text = _TEMPLATE.read_text(encoding="utf-8")
    template = Template(text, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)
    return str(template.render(suggestion=suggestion, scalar=scalar))

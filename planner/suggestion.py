"""Suggested vantages with their lists, each entry with its reason, and notes on what they do not show."""

import re
from collections.abc import Iterator, Mapping
from itertools import chain, count

from planner.evaluator import members
from planner.inventory import VANTAGE_LABELS, Destination, Inventory, Origin
from planner.lists import Lists
from planner.values import Entry, Suggestion, Vantage

DNS = "dns://kubernetes.default.svc.cluster.local"


def suggest(inventory: Inventory, max_denials: int) -> Suggestion:
    """Choose vantages and their lists, with at most `max_denials` denials in each."""
    lists = Lists(inventory, max_denials)
    names = _names(lists)
    vantages = tuple(_vantage(lists, index, names[index]) for index in sorted({*lists.allow, *lists.deny}))
    control = None if lists.control is None else _origin(lists, lists.control)
    return Suggestion(vantages, control, tuple(_notes(lists, vantages)))


def _names(lists: Lists) -> dict[int, str]:
    """Name vantages after their namespace and first workload."""
    names: dict[int, str] = {}
    for index in members(lists.vantages):
        origin = lists.origins[index]
        name = (origin.workloads or ("/other",))[0].partition("/")[2]
        base = re.sub("[^a-z0-9-]", "-", f"{origin.namespace}-{name}")[:58].rstrip("-")
        candidates = chain([base], (f"{base}-{number}" for number in count(2)))
        names[index] = next(each for each in candidates if each not in names.values())
    return names


def _origin(lists: Lists, index: int) -> Origin:
    """Return the origin of a vantage, with the workloads of all origins that it represents."""
    origin = lists.origins[index]
    workloads = {each for one in members(lists.groups[index]) for each in lists.origins[one].workloads}
    return Origin(origin.namespace, _fewest(lists.inventory, origin.labels), tuple(sorted(workloads)))


def _fewest(inventory: Inventory, labels: Mapping[str, str]) -> Mapping[str, str]:
    """Leave out labels that change nothing for any policy: fewer Services and budgets select the pod then."""
    for key in sorted(labels):
        before, after = {**VANTAGE_LABELS, **labels}, {**VANTAGE_LABELS, **labels}
        del after[key]
        if all(each.selects(before) == each.selects(after) for each in inventory.selectors[key]):
            labels = {name: value for name, value in labels.items() if name != key}
    return labels


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


def _notes(lists: Lists, vantages: tuple[Vantage, ...]) -> Iterator[str]:
    """Describe what the lists do not show."""
    inventory, dns = lists.inventory, set(lists.inventory.dns)
    for each in inventory.others:
        yield f"{each.name} is not evaluated: nothing is suggested for the pods that it selects."
    named = {end.pod for to in inventory.destinations for end in to.backends}
    texts = {
        "Only partly reachable, so on no list": [
            str(to)
            for to, senders in lists.maybe_reached.items()
            if to.service and senders & ~lists.reached[to] & lists.vantages
        ],
        "Without a ready pod, so on no list": [str(to) for to in inventory.destinations if not to.ready],
        "Not TCP, so on no list (a check needs a payload that the server answers)": [
            f"{to}/{to.protocol}"
            for to in inventory.destinations
            if to.protocol != "TCP" and not dns.intersection(to.backends)
        ],
        "Isolated, but behind no Service, so that no check can name them": [
            str(each)
            for each in inventory.workloads.values()
            if not each.pods & named and any(lists.certain.on_ingress[pod] for pod in each.pods)
        ],
        "Not named in a list of a vantage that cannot resolve names, since they have no fixed address": sorted(
            lists.unnamed
        ),
        "Nothing shows that these are up, so their denials stay unproven": sorted(
            {entry.target for each in vantages for entry in each.deny if not entry.control}
        ),
    }
    for what, found in texts.items():
        if found:
            rest = f" and {len(found) - 10} more" if len(found) > 10 else ""
            yield f"{what}: {', '.join(found[:10])}{rest}."

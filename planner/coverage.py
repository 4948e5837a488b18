"""Which policies no check would notice missing: mutation testing for network policies.

Each policy, and each of its rules, is taken away in mind. It is noticed when a check of the values then sees
something else than before.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from checker.target import TargetError, parse
from planner.evaluator import Change, Endpoint
from planner.suggestion import merge, outside, places, probe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from planner.evaluator import Evaluator
    from planner.policies import Policy
    from planner.reachability import Inventory

_KINDS = {"tcp": None, "udp": None, "http": 80, "https": 443, "dns": 53}  # default ports


@dataclass(frozen=True, slots=True)
class Vantage:
    """A vantage of the values, as the chart understands them."""

    name: str
    namespace: str
    labels: dict[str, str]
    allow: list[str]
    deny: list[str]
    uncontrolled: list[str]  # of the denied ones


@dataclass(frozen=True, slots=True)
class Part:
    """A policy (no rule) or one of its rules, and whether a check notices that it is missing; None: it changes nothing."""

    policy: Policy
    rule: str
    noticed: bool | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the checks of values cover."""

    parts: tuple[Part, ...]
    workloads: tuple[str, ...]  # that nobody probes from
    services: tuple[str, ...]  # that nobody probes at
    unknown: tuple[str, ...]  # targets that could not be evaluated

    @property
    def percent(self) -> float:
        """How many of the parts that matter are noticed."""
        counted = [each.noticed for each in self.parts if each.noticed is not None]
        return 100 * sum(counted) / len(counted) if counted else 100.0


def vantages(values: dict[str, Any], release_namespace: str) -> list[Vantage]:
    """Read the vantages of values, and the control, as the chart does."""
    found = []
    space = values.get("namespaceOverride") or release_namespace
    common = values.get("commonTargets") or {}
    for name, own in (values.get("vantages") or {"netproof": {}}).items():
        whole = {**values, **(own or {})}
        if (whole.get("cronjob") or {}).get("suspend"):
            continue
        labels = {**(values.get("podLabels") or {}), **((own or {}).get("podLabels") or {})}
        targets = {**(values.get("targets") or {}), **((own or {}).get("targets") or {})}
        listed = {_text(each) for key in ("allow", "deny") for each in targets.get(key) or ()}
        allow, deny = (
            [*(targets.get(key) or ()), *(each for each in common.get(key) or () if _text(each) not in listed)]
            for key in ("allow", "deny")
        )
        uncontrolled = [_text(each) for each in deny if isinstance(each, dict) and each.get("control") is False]
        allow = [] if whole.get("isolated") else [_text(each) for each in allow]
        found.append(Vantage(name, whole.get("namespace") or space, labels, allow, [_text(each) for each in deny], uncontrolled))
    control = values.get("control") or {}
    if control.get("enabled"):
        own = [_text(each) for each in (control.get("targets") or {}).get("deny") or ()]
        allowed = {text for each in found for text in each.allow}
        own += [text for each in found for text in each.deny if text not in {*allowed, *each.uncontrolled}]
        found.append(Vantage("control", control.get("namespace") or space, control.get("podLabels") or {}, [], own, []))
    return found


def coverage(inventory: Inventory, checked: list[Vantage]) -> Coverage:
    """Take every policy and rule away in mind, and see which checks change."""
    there = places(inventory)
    probes = [probe(inventory, each.namespace, each.labels) for each in checked]
    evaluator = inventory.evaluator([*probes, *(probe(inventory, *place) for place, _ in there)])
    first = len(inventory.pods)
    resolver = _Resolver(inventory)
    checks, unknown = [], set()
    for index, vantage in enumerate(checked, first):
        for text in (*vantage.allow, *vantage.deny):
            to = resolver.endpoints(text, vantage.namespace)
            if to is None:
                unknown.add(f"{vantage.name}: {text}")
            else:
                checks.append((index, to, resolver.by_name(text)))
    probed = {to for _, endpoints, _ in checks for to in endpoints}
    everything = sorted({to for each in (*inventory.destinations, *outside(inventory)) for to in each.backends} | probed, key=str)
    parts = []
    for policy in inventory.policies:
        for rule, instead in policy.parts():
            change = Change(policy, instead)
            noticed = any(_seen(evaluator, inventory, *each) != _seen(evaluator, inventory, *each, change) for each in checks)
            ...
    return Coverage(tuple(parts), (), (), tuple(sorted(unknown)))

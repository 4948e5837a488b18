"""Mutation testing for network policies: which policies could be removed without a check that fails.

Each policy, and each of its rules, is removed in a copy. It is noticed if a check then has another result.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from planner.checks import Check, Checks
from planner.evaluator import Parts, set_of, split, union
from planner.objects import DIRECTIONS, NetworkPolicy, Part


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the checks of values cover."""

    parts: dict[str, bool | None]  # policies and rules; whether a check notices the removal; None: it changes nothing
    workloads: tuple[str, ...]  # without a vantage
    services: tuple[str, ...]  # without a check
    unknown: tuple[str, ...]  # targets that are not in the input

    @property
    def percent(self) -> float:
        """The share of parts that are noticed, of those whose removal changes something."""
        counted = [each for each in self.parts.values() if each is not None]
        return 100 * sum(counted) / len(counted) if counted else 100.0


def coverage(checks: Checks) -> Coverage:
    """Remove each policy and rule in a copy, and find the checks that have another result then."""
    inventory, certain, both = checks.inventory, checks.certain, (checks.certain, checks.possible)
    known = [each for each in checks.all if each.to]
    ends = {to: None for each in (*checks.targets.values(), *(one.to for one in known)) for to in each}
    concerned = defaultdict[Part, list[Check]](list)  # the checks that a removal could change
    for each in known:
        ways = (*each.to, *inventory.dns) if each.by_name else each.to
        for part in {*certain.on_egress[each.pod], *(part for to in ways for part in certain.on_ingress[to.pod])}:
            concerned[part].append(each)
    parts: dict[str, bool | None] = {}
    for name, policy, gone in _removals(inventory.policies):
        first = gone[0]  # it is there wherever any of them is
        noticed = any(checks.sees(each).isdisjoint(checks.sees(each, gone)) for each in concerned[first])
        reached = ends if policy.parts("egress") else [to for to in ends if first in certain.on_ingress[to.pod]]
        matters = noticed or any(each.senders([to]) != each.senders([to], gone) for to in reached for each in both)
        parts[name] = noticed if matters else None
    backends = {each.to for each in known}
    probed = {each.host for each in inventory.destinations if each.backends in backends}
    services = dict.fromkeys(each.host for each in inventory.destinations if each.host not in probed)
    unknown = (f"{each.vantage.name}: {each.text}" for each in checks.all if not each.to)
    return Coverage(parts, tuple(_alone(checks)), tuple(services), tuple(unknown))


def _removals(policies: Iterable[NetworkPolicy]) -> Iterator[tuple[str, NetworkPolicy, Parts]]:
    """Yield what can be removed, by name: each policy, and each of its rules."""
    for policy in policies:
        yield str(policy), policy, policy.parts()
        for direction in DIRECTIONS:
            for index, part in enumerate(policy.parts(direction)[1:]):
                yield f"{policy} {direction}[{index}]", policy, (part,)


def _alone(checks: Checks) -> Iterator[str]:
    """Yield the workloads that no vantage of their namespace represents: they may reach other targets."""
    views = [each.senders(to) for each in (checks.certain, checks.possible) for to in checks.targets.values()]
    vantages = set_of(each.pod for each in checks.all)
    groups = split(checks.certain.within.values(), views).values()
    alone = union(*(group for group in groups if not group & vantages))
    for index, origin in checks.inventory.origins.items():
        if alone >> index & 1:
            yield from (f"{name} in {origin.namespace}" for name in origin.workloads)

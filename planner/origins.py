"""Where vantages can probe from: the distinct sets of labels that policies select on, in each namespace."""

from collections import defaultdict
from collections.abc import Iterable

from planner.evaluator import members
from planner.inventory import Inventory, Origin

# Not suggested for applications, nor for probes, unless they have policies.
_SYSTEM = {"kube-system", "kube-public", "kube-node-lease"}


def origins(inventory: Inventory) -> list[Origin]:
    """List the origins by namespace. Each namespace has one without workloads, at its end."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], set[str]] = defaultdict(set)
    pods = list(inventory.pods)
    left_out = _SYSTEM - {each.metadata.space for each in inventory.policies}
    for each in inventory.workloads.values():
        for pod in (pods[index] for index in each.pods if not pods[index].on_host_network):
            if pod.namespace not in left_out:
                labels = frozenset((key, value) for key, value in pod.labels if key in inventory.selectors)
                found[pod.namespace, labels].add(each.name)
                found.setdefault((pod.namespace, frozenset()), set())
    listed = [Origin(space, dict(sorted(labels)), tuple(sorted(names))) for (space, labels), names in found.items()]
    return sorted(listed, key=lambda each: (each.namespace, not each.workloads, each.workloads, [*each.labels.items()]))


def merge(pods: Iterable[int], views: Iterable[int]) -> dict[int, int]:
    """Split sets of pods by the sets of senders that they are in, and return each part by its first pod."""
    groups = list(pods)
    for view in sorted(set(views)):
        groups = [part for each in groups for part in (each & view, each & ~view) if part]
    return {next(members(each)): each for each in groups if each}

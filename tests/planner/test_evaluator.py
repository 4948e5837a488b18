from __future__ import annotations

import json
from typing import Any, Literal

from hypothesis import given, settings
from msgspec.structs import replace

from planner.evaluator import evaluators
from planner.inventory import Endpoint, Inventory
from planner.objects import DIRECTIONS, Direction, PolicySpec, read
from tests.planner.random_clusters import NUMBERS, PROTOCOLS, allowed, clusters

Object = dict[str, Any]
_TYPES: dict[Direction, Literal["Ingress", "Egress"]] = {"ingress": "Ingress", "egress": "Egress"}


def inventory(objects: list[Object]) -> Inventory:
    found = read([("test", json.dumps({"kind": "List", "items": objects}).encode())])
    assert not found.mistakes
    return Inventory(found)


@settings(max_examples=150, deadline=None)
@given(clusters())
def test_agrees_with_a_naive_model_pair_by_pair(objects: list[Object]) -> None:
    made = inventory(objects)
    certain, possible = evaluators(made)
    pods = [each for each in objects if each["kind"] == "Pod"]
    classes = {}
    for pod in pods:
        workload = made.workloads[pod["metadata"]["namespace"], f"Pod/{pod['metadata']['name']}"]
        (classes[pod["metadata"]["name"]],) = workload.pods
    for receiver in pods:
        for protocol in PROTOCOLS:
            for number in NUMBERS:
                to = Endpoint(classes[receiver["metadata"]["name"]], protocol, number)
                senders = certain.senders([to])
                known = sum(1 << index for index in set(classes.values()))  # not the name server that is only supposed
                assert senders & known == possible.senders([to]) & known
                for sender in pods:
                    index = classes[sender["metadata"]["name"]]
                    expected = allowed(objects, sender, receiver, protocol, number)
                    assert bool(senders >> index & 1) is expected, (sender, receiver, protocol, number)


@settings(max_examples=60, deadline=None)
@given(clusters())
def test_a_removal_is_the_same_as_other_policies(objects: list[Object]) -> None:
    """The removal of a policy, or of a rule, has the same results as a cluster without it."""
    made = inventory(objects)
    before, policies = evaluators(made), made.policies
    for policy in policies:
        others = [each for each in policies if each is not policy]
        removals = [(policy.parts(), others)]
        types = [each for each in DIRECTIONS if policy.parts(each)]
        for direction in types:
            for index, part in enumerate(policy.parts(direction)[1:]):
                rules = {"ingress": list(policy.spec.ingress or ()), "egress": list(policy.spec.egress or ())}
                del rules[direction][index]
                spec = PolicySpec(
                    policy.spec.pod_selector,
                    [_TYPES[each] for each in types],
                    tuple(rules["ingress"]),
                    tuple(rules["egress"]),
                )
                removals.append(((part,), [*others, replace(policy, spec=spec)]))
        for gone, kept in removals:
            made.policies = kept
            for evaluator, other in zip(before, evaluators(made), strict=True):
                for index in made.pods.values():
                    to = Endpoint(index, "TCP", 8080)
                    assert evaluator.senders([to], gone) == other.senders([to])

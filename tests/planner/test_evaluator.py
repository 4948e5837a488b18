from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings

from planner.evaluator import Endpoint
from planner.inventory import Inventory
from planner.objects import read
from tests.planner.random_clusters import NUMBERS, PROTOCOLS, allowed, clusters

Object = dict[str, Any]


def inventory(objects: list[Object]) -> Inventory:
    found = read([("test", json.dumps({"kind": "List", "items": objects}).encode())])
    assert not found.mistakes
    return Inventory(found)


@settings(max_examples=150, deadline=None)
@given(clusters())
def test_agrees_with_a_naive_model_pair_by_pair(objects: list[Object]) -> None:
    made = inventory(objects)
    certain, possible = made.evaluators()
    pods = [each for each in objects if each["kind"] == "Pod"]
    classes = {}
    for pod in pods:
        workload = made.workloads[pod["metadata"]["namespace"], f"Pod/{pod['metadata']['name']}"]
        (classes[pod["metadata"]["name"]],) = workload.pods
    for receiver in pods:
        for protocol in PROTOCOLS:
            for number in NUMBERS:
                to = Endpoint(classes[receiver["metadata"]["name"]], None, protocol, number)
                senders = certain.senders([to])
                known = sum(1 << index for index in set(classes.values()))  # not the name server that is only supposed
                assert senders & known == possible.senders([to]) & known
                for sender in pods:
                    index = classes[sender["metadata"]["name"]]
                    expected = allowed(objects, sender, receiver, protocol, number)
                    assert bool(senders >> index & 1) is expected, (sender, receiver, protocol, number)


@settings(max_examples=60, deadline=None)
@given(clusters())
def test_a_change_is_the_same_as_other_policies(objects: list[Object]) -> None:
    """The removal of a policy has the same results as a cluster without it."""
    made = inventory(objects)
    before = made.evaluators()
    for policy in list(made.policies):
        made.policies = [each for each in made.policies if each is not policy]
        without = made.evaluators()
        made.policies.append(policy)
        for index in made.pods.values():
            to = Endpoint(index, None, "TCP", 80)
            for evaluator, other in zip(before, without, strict=True):
                assert evaluator.senders([to], {policy: None}) == other.senders([to])

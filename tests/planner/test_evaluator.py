from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings

from planner.evaluator import Endpoint
from planner.objects import read
from planner.reachability import Inventory
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
    evaluator = made.evaluator()
    pods = [each for each in objects if each["kind"] == "Pod"]
    classes = {}
    for pod in pods:
        workload = made.workloads[pod["metadata"]["namespace"], f"Pod/{pod['metadata']['name']}"]
        (classes[pod["metadata"]["name"]],) = workload.pods
    for receiver in pods:
        for protocol in PROTOCOLS:
            for number in NUMBERS:
                to = Endpoint(classes[receiver["metadata"]["name"]], None, protocol, number)
                senders = evaluator.senders([to])
                known = sum(1 << index for index in set(classes.values()))  # not the name server that is only supposed
                assert senders.certain & known == senders.possible & known
                for sender in pods:
                    index = classes[sender["metadata"]["name"]]
                    expected = allowed(objects, sender, receiver, protocol, number)
                    assert bool(senders.certain >> index & 1) is expected, (sender, receiver, protocol, number)


@settings(max_examples=60, deadline=None)
@given(clusters())
def test_a_change_is_the_same_as_other_policies(objects: list[Object]) -> None:
    """Taking a policy away in mind gives what a cluster without it gives."""
    from planner.evaluator import Change  # noqa: PLC0415

    made = inventory(objects)
    evaluator = made.evaluator()
    for policy in made.policies:
        without = made.evaluator()
        without = type(evaluator)(
            list(made.pods),
            [frozenset()] * len(made.pods),
            [p for p in made.policies if p is not policy],
            made.namespaces,
        )
        for index in made.pods.values():
            to = Endpoint(index, None, "TCP", 80)
            assert evaluator.senders([to], Change(policy, None)) == without.senders([to])

"""A policy holds, is deleted and is restored: each time, the next Job has the right result, and a message is sent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.e2e.world import pods, policy, server

if TYPE_CHECKING:
    from tests.e2e.cluster import Object, Space
    from tests.e2e.conftest import Outside

ONLY_BACKEND: Object = policy("database", {"app": "db"}, ingress=[{"from": [pods(app="backend")]}])


def test_a_policy_that_disappears_is_reported_to_slack(space: Space, outside: Outside, image: str) -> None:
    space.apply(*server("db", 27017, image=image), *server("catalog", 8080, image=image), ONLY_BACKEND)
    space.kubectl("rollout", "status", "deployment")
    notes = space.install(
        {
            "cluster": "prod",
            "podLabels": {"app": "frontend"},
            "targets": {
                "allow": ["catalog:8080"],
                "deny": [{"target": "db:27017", "because": "Customer data: only the back end may read it."}],
            },
            "control": {"enabled": True, "podLabels": {"app": "backend"}},
            "notifications": {
                "runbookUrl": "https://wiki.example/netproof",
                "channels": {"slack": outside.slack_url},
            },
            **outside.reachable_from(space),
        }
    )
    assert space.name in notes

    held = space.run()
    assert held.completed, str(held)
    assert outside.silent()

    space.kubectl("delete", "networkpolicy", "database")
    gone = time.monotonic()
    job = space.start()
    text = outside.slack()
    read = time.monotonic()
    leaked = space.ended(job)
    print(f"\nfrom policy gone to message read: {read - gone:.1f} s")

    assert not leaked.completed
    assert leaked.condition["reason"] == "PodFailurePolicy"
    assert "exit code 1" in leaked.condition["message"]
    assert leaked.message["summary"]["leaks"] == 1
    assert leaked.message["channels"] == [{"channel": "slack", "delivered": True, "reason": None}]
    for needed in (
        "1 leak",
        "db:27017",
        "Customer data: only the back end may read it.",
        "prod",
        space.name,
        "app=frontend",
        "create job --from=cronjob/netproof",
        "https://wiki.example/netproof",
    ):
        assert needed in text, text

    space.apply(ONLY_BACKEND)
    assert space.run().completed
    assert outside.silent()

    history = {job["metadata"]["name"]: job["status"].get("succeeded", 0) for job in space.objects("jobs")}
    assert history == {"netproof-1": 1, "netproof-2": 0, "netproof-3": 1}

"""A vantage that runs continuously: the pod of the original tool, with its two lists in a ConfigMap."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.e2e.cluster import CHART, CommandError, until
from tests.e2e.world import SOON, config_map, pods, policy, server, service

if TYPE_CHECKING:
    from tests.e2e.cluster import Object, Space
    from tests.e2e.conftest import Outside

ONLY_BACKEND: Object = policy(
    "db", {"app": "db"}, ingress=[{"ports": [{"port": 28017}]}, {"from": [pods(app="backend")]}]
)
LISTS = {"allow.lst": "catalog:8080\n", "deny.lst": "db:27017\n"}
READY: Object = {"mode": "continuous", "continuous": {"ready": True, "every": "10s"}, "settings": SOON}


def container(space: Space) -> Object:
    """The state of netproof's container, of the one pod that there is; nothing while there is none."""
    found = space.objects("pods", "-l", "app.kubernetes.io/instance=netproof")
    statuses: list[Object] = found[0]["status"].get("containerStatuses", []) if len(found) == 1 else []
    return statuses[0] if statuses else {"state": {}, "lastState": {}, "restartCount": 0}


def waiting(space: Space) -> str | None:
    reason: str | None = container(space)["state"].get("waiting", {}).get("reason")
    return reason


def passes(space: Space) -> bool:
    """Whether the last round has passed, as the pod's own probe sees it."""
    command = ("netproof", "alive", "--passed", "/run/netproof/alive.json")
    return ": pass" in space.kubectl("exec", "deployment/netproof", "--", *command, check=False)


def test_a_leak_crashes_the_pod_until_the_rollback(space: Space, image: str) -> None:
    space.deploy(
        *server("catalog", 8080, image=image),
        *server("db", 27017, 28017, image=image),
        ONLY_BACKEND,
        config_map("policies", LISTS),
    )
    values = {"podLabels": {"app": "frontend"}, "existingConfigMap": "policies", **READY}
    space.cluster.helm("install", "netproof", str(CHART), "-n", space.name, "--wait", "--timeout", "2m", values=values)
    until("a round that passes", lambda: passes(space))
    first = container(space)
    assert (first["ready"], first["restartCount"]) == (True, 0)

    space.apply(config_map("policies", {**LISTS, "deny.lst": "db:27017\ndb:28017\n"}))
    until("a crash", lambda: waiting(space) == "CrashLoopBackOff")
    last = container(space)["lastState"]["terminated"]
    if not container(space)["restartCount"]:  # it crashed once: what ran before the edit had read the new list
        assert last["startedAt"] == first["state"]["running"]["startedAt"]
    message = json.loads(last["message"])
    assert (last["exitCode"], message["exitCode"], message["summary"]["leaks"]) == (1, 1, 1)

    space.apply(config_map("policies", LISTS))
    until("it runs again", lambda: passes(space) and container(space)["ready"], patience=240)


def test_a_policy_that_disappears_is_reported_within_a_minute(space: Space, outside: Outside, image: str) -> None:
    space.deploy(*server("catalog", 8080, image=image), *server("db", 27017, image=image), ONLY_BACKEND)
    space.install(
        {
            "podLabels": {"app": "frontend"},
            "targets": {"allow": ["catalog:8080"], "deny": ["db:27017"]},
            "mode": "continuous",
            "continuous": {"every": "30s"},
            "notifications": {"channels": {"slack": outside.slack_url}},
            **outside.reachable_from(space),
        }
    )
    until("a round that passes", lambda: passes(space))
    assert outside.silent()
    space.kubectl("delete", "networkpolicy", "db")
    gone = time.monotonic()
    assert "db:27017" in outside.slack()
    took = time.monotonic() - gone
    print(f"\nfrom policy gone to message, every 30 s: {took:.1f} s")
    assert took <= 60
    until("its end", lambda: container(space)["restartCount"])
    assert container(space)["lastState"]["terminated"]["exitCode"] == 1


@pytest.mark.parametrize("ready", [False, True])
def test_a_ready_pod_gets_traffic_and_another_blocks_the_rollout(space: Space, image: str, *, ready: bool) -> None:
    """A pod that is ready gets the traffic of its labels; one that never is keeps `helm --wait` waiting."""
    space.deploy(*server("catalog", 8080, image=image))
    space.apply(service("frontend", 8080, selector={"app": "frontend"}))
    targets = {"allow": ["catalog:8080"], "deny": ["sandbox://root"]}
    values = {**READY, "podLabels": {"app": "frontend"}, "targets": targets}
    values["continuous"] = {**values["continuous"], "ready": ready}
    command = ("install", "netproof", str(CHART), "-n", space.name, "--wait", "--timeout", "40s")
    began = time.monotonic()
    if ready:
        space.cluster.helm(*command, values=values)
    else:
        with pytest.raises(CommandError):
            space.cluster.helm(*command, values=values)
    print(f"\nready={ready}: helm install --wait ended after {time.monotonic() - began:.0f} s")
    until("a round that passes", lambda: passes(space))

    def endpoints() -> list[Object]:
        slices = space.objects("endpointslices", "-l", "kubernetes.io/service-name=frontend")
        return [endpoint for each in slices for endpoint in each.get("endpoints") or []]

    until("the Service has seen it", endpoints)
    assert {each["conditions"]["ready"] for each in endpoints()} == {ready}

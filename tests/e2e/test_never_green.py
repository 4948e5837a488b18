"""A run that cannot end never passes: its Job fails, with the reason."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.e2e.cluster import until
from tests.e2e.conftest import OUTSIDE_ADDRESS, namespaces
from tests.e2e.world import SOON, config_map, pods, policy, server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.cluster import Cluster, Space

NOBODY = {"slack": f"json://{OUTSIDE_ADDRESS}:1/"}  # nothing listens there
LONG = {"settle": "40s"}
PASSING = ["catalog:8080"]
VANTAGES = {
    "deleted": {"settings": LONG},
    "evicted": {"settings": {"settle": "8s"}},
    "late": {"settings": {"settle": "2m", "deadline": "4s"}},
    "too-late": {"settings": {"settle": "2m", "deadline": "4m"}, "job": {"activeDeadlineSeconds": 250}},
    "broken": {"existingConfigMap": "broken", "targets": {"allow": [], "deny": []}},
    "no-secret": {"notifications": {"existingSecret": "missing"}, "job": {"activeDeadlineSeconds": 8}},
    "unheard": {"notifications": {"channels": NOBODY, "notifyOn": "always"}},
    "unheard-leak": {"notifications": {"channels": NOBODY}, "targets": {"deny": ["catalog:9090"]}},
}


@pytest.fixture(scope="module")
def jobs(cluster: Cluster, image: str) -> Iterator[tuple[Space, dict[str, str]]]:
    """A Job for each way to fail, started at once: by vantage, its name."""
    with namespaces(cluster) as make:
        space = make("red")
        space.deploy(
            *server("catalog", 8080, 9090, image=image),
            *server("db", 27017, image=image),
            policy("db", {"app": "db"}, ingress=[{"from": [pods(app="backend")]}]),
            config_map("broken", {"deny.lst": "db:27017\ndb:seven\n"}),
        )
        space.install(
            {
                "fullnameOverride": "never",
                "settings": SOON,
                "targets": {"allow": PASSING, "deny": ["db:27017"]},
                "vantages": VANTAGES,
            }
        )
        # A deadline that the checker does not know: it cannot say anything any more.
        late = {"spec": {"jobTemplate": {"spec": {"activeDeadlineSeconds": 8}}}}
        space.kubectl("patch", "cronjob", "never-too-late", "--patch", json.dumps(late))
        yield space, {name: space.start(f"never-{name}") for name in VANTAGES}


def test_a_pod_that_is_deleted(jobs: tuple[Space, dict[str, str]]) -> None:
    space, names = jobs
    pod = probing(space, names["deleted"])
    space.kubectl("delete", "pod", pod)
    run = space.ended(names["deleted"])
    assert not run.completed
    assert "exit code 143" in run.condition["message"]


def test_a_pod_that_a_drain_evicts_is_replaced(jobs: tuple[Space, dict[str, str]]) -> None:
    space, names = jobs
    pod = probing(space, names["evicted"])
    space.evict(pod)
    run = space.ended(names["evicted"])
    assert run.completed, str(run)  # by another pod, which looked at everything
    assert run.pods[-1]["metadata"]["name"] != pod


def test_the_checkers_own_deadline(jobs: tuple[Space, dict[str, str]]) -> None:
    space, names = jobs
    run = space.ended(names["late"])
    assert run.code == 3, str(run)
    assert "exit code 3" in run.condition["message"]
    assert run.message["stopped"] == "deadline"


def test_the_jobs_deadline(jobs: tuple[Space, dict[str, str]]) -> None:
    space, names = jobs
    run = space.ended(names["too-late"])
    assert (run.completed, run.condition["reason"]) == (False, "DeadlineExceeded")


def test_a_broken_configuration(jobs: tuple[Space, dict[str, str]]) -> None:
    space, names = jobs
    run = space.ended(names["broken"])
    assert run.code == 2, str(run)
    assert "exit code 2" in run.condition["message"]
    assert "deny.lst:2" in str(run.message["error"]["problems"])


def test_a_secret_that_is_missing(jobs: tuple[Space, dict[str, str]]) -> None:
    space, names = jobs
    run = space.ended(names["no-secret"])
    assert (run.completed, run.condition["reason"]) == (False, "DeadlineExceeded")
    events = space.kubectl("get", "events", "-o", "jsonpath={.items[*].message}")
    assert 'secret "missing" not found' in events


def test_a_pass_that_cannot_be_delivered_fails_the_job(jobs: tuple[Space, dict[str, str]]) -> None:
    space, names = jobs
    run = space.ended(names["unheard"])
    assert run.code == 4, str(run)
    (channel,) = run.message["channels"]
    assert (channel["channel"], channel["delivered"]) == ("slack", False)
    assert channel["reason"]


def test_a_leak_whose_message_cannot_be_delivered(jobs: tuple[Space, dict[str, str]]) -> None:
    space, names = jobs
    run = space.ended(names["unheard-leak"])
    assert run.code == 1, str(run)
    assert "exit code 1" in run.condition["message"]
    assert run.message["summary"]["leaks"] == 1
    assert [channel["delivered"] for channel in run.message["channels"]] == [False]


def probing(space: Space, job: str) -> str:
    """Wait until a Job's pod has reached what it may; return its name."""

    def look() -> str | None:
        return next((pod["metadata"]["name"] for pod in space.objects("pods", "-l", f"job-name={job}")), None)

    pod = until(f"a pod of {job}", look)
    until(f"the first result of {pod}", lambda: "catalog" in space.kubectl("logs", pod, check=False))
    return pod

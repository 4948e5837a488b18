"""A pod with the labels of an application, and the Services and PodDisruptionBudgets that select it."""

from __future__ import annotations

import json
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.e2e.cluster import CommandError, until
from tests.e2e.world import SOON, server, service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.cluster import Object, Space

APP = {"app": "frontend"}  # what policies select on
TARGETS = {"allow": ["frontend:8080"], "deny": ["frontend:9090"]}  # the Service has no such port
WEB = {"app": "frontend", "tier": "web"}  # what the Deployment, its Services and its budget select by


def test_no_service_sends_it_traffic_but_one_that_publishes_what_is_not_ready(space: Space, image: str) -> None:
    space.deploy(
        *server("frontend", 8080, image=image),
        service("headless", 8080, selector=APP, clusterIP="None", publishNotReadyAddresses=True),
    )
    space.install({"podLabels": APP, "targets": TARGETS, "settings": SOON})

    with watched_slices(space) as slices:
        run = space.run()
        assert run.completed, str(run)
        (pod,) = (each["metadata"]["name"] for each in run.pods)
        until("its place in both Services", lambda: {"frontend", "headless"} <= {name for name, _ in seen(slices, pod)})
        # The end of a pod that was never ready changes no EndpointSlice: it leaves when it is deleted.
        space.kubectl("delete", "job", run.name)
        until("its departure", lambda: not listed(space, pod))

    assert {ready for name, ready in seen(slices, pod) if name == "frontend"} == {False}
    assert True in {ready for name, ready in seen(slices, pod) if name == "headless"}


def test_evictions_go_through_when_the_budget_does_not_select_it(space: Space, image: str) -> None:
    space.deploy(
        *server("frontend", 8080, image=image, labels=WEB),
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "frontend"},
            "spec": {"maxUnavailable": 1, "selector": {"matchLabels": WEB}},
        },
    )
    space.install(
        {
            "fullnameOverride": "from",
            "targets": TARGETS,
            "settings": SOON,
            "vantages": {"app": {"podLabels": APP}, "web": {"podLabels": WEB}},
        }
    )

    job = space.start("from-app")
    until(
        "its pod at work",
        lambda: space.objects("pods", "-l", f"job-name={job}", "--field-selector=status.phase=Running"),
    )
    evict_frontend(space)
    assert space.ended(job).completed
    evict_frontend(space)  # while its pod is still there, and has ended
    assert space.objects("pods", "-l", f"job-name={job}")

    run = space.run("from-web")  # whose labels are the budget's, too
    assert run.completed, str(run)
    until("the budget's complaint", lambda: "SyncFailed" in json.dumps(space.get("pdb", "frontend")["status"]))
    with pytest.raises(CommandError, match="disruption budget"):
        evict_frontend(space)
    space.kubectl("delete", "job", run.name)
    evict_frontend(space)


def evict_frontend(space: Space) -> None:
    """Evict the application's pod once its budget has counted, and wait for the next. Raises CommandError."""
    space.kubectl("rollout", "status", "deployment")
    (pod,) = (
        pod["metadata"]["name"]
        for pod in space.objects("pods", "-l", "tier=web,!job-name")
        if "deletionTimestamp" not in pod["metadata"]
    )

    def settled() -> bool:
        status = space.get("pdb", "frontend")["status"]
        return bool(status["disruptionsAllowed"]) or "SyncFailed" in json.dumps(status)

    until("the budget's count", settled)
    space.evict(pod)
    until("the next pod", lambda: pod not in json.dumps(space.objects("pods", "-l", "tier=web,!job-name")))
    space.kubectl("rollout", "status", "deployment")


@contextmanager
def watched_slices(space: Space) -> Iterator[list[Object]]:
    """All that EndpointSlices ever held, from now on."""
    slices: list[Object] = []
    command = [str(space.cluster.kubectl_), "-n", space.name, "get", "endpointslices", "--watch", "-o", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        stream = process.stdout

        def read() -> None:
            text = ""
            for line in stream:
                text += line
                if line == "}\n":
                    slices.append(json.loads(text))
                    text = ""

        reader = threading.Thread(target=read)
        reader.start()
        try:
            until("the first of them", lambda: slices)
            yield slices
        finally:
            process.terminate()
            reader.join()


def seen(slices: list[Object], pod: str) -> list[tuple[str, bool]]:
    """In which Services a pod was listed, and whether as ready."""
    return [
        (found["metadata"]["labels"]["kubernetes.io/service-name"], endpoint["conditions"]["ready"])
        for found in list(slices)
        for endpoint in found.get("endpoints") or []
        if endpoint.get("targetRef", {}).get("name") == pod
    ]


def listed(space: Space, pod: str) -> list[tuple[str, bool]]:
    """In which Services a pod is listed now."""
    return seen(space.objects("endpointslices"), pod)

"""What the reporter needs of a cluster: each of its rights and no other, and next to no memory and CPU."""

import json
from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.e2e.cluster import Cluster, Object, until
from tests.e2e.conftest import namespaces
from tests.e2e.release import REPORTER, Release

MEMORY, CPU = 60e6, 0.005  # bytes, cores
LONG = 60  # seconds
NOBODY = "json://127.0.0.1:9/"  # a channel: nothing listens there


@pytest.fixture(scope="module")
def release(cluster: Cluster, image: str) -> Iterator[Release]:
    """A release with the default interval, after a run."""
    with namespaces(cluster) as make:
        release = Release(make("netproof-reporter-shop"), make("netproof-reporter-ops"), image, NOBODY)
        assert release.run() == {0}
        yield release


def test_an_idle_release_takes_little_memory_and_cpu(release: Release) -> None:
    began, used, _ = usage(release)

    def later() -> tuple[float, float, float] | None:
        now = usage(release)
        return now if now[0] >= began + LONG else None

    ended, used_then, memory = until("a minute of the reporter's rounds", later)
    cpu = (used_then - used) / (ended - began)
    print(f"reporter: {memory / 1e6:.1f} MB, {cpu * 1000:.2f} millicores over {ended - began:.0f} s")
    assert memory <= MEMORY
    assert cpu <= CPU


def usage(release: Release) -> tuple[float, float, float]:
    """What the kubelet read in the cgroup of the reporter's container: when, seconds of CPU until then, bytes now.

    https://kubernetes.io/docs/reference/instrumentation/node-metrics/
    """
    (pod,) = release.ops.objects("pods", "-l", REPORTER)
    path = f"/api/v1/nodes/{pod['spec']['nodeName']}/proxy/stats/summary"
    summary = json.loads(release.ops.cluster.kubectl("get", "--raw", path))
    name = pod["metadata"]["name"]
    (container,) = (one for each in summary["pods"] if each["podRef"]["name"] == name for one in each["containers"])
    cpu, memory = container["cpu"], container["memory"]
    return datetime.fromisoformat(cpu["time"]).timestamp(), cpu["usageCoreNanoSeconds"] / 1e9, memory["usageBytes"]


def test_each_of_its_rights_is_needed(release: Release) -> None:
    until("the runs to be remembered", release.remembers_its_runs)
    assert not refused(release)
    needed = []
    for space in (release.shop, release.ops):
        for role in space.objects("roles"):
            rules = json.dumps([{"op": "replace", "path": "/rules", "value": role["rules"]}])
            for resource, verb in rights(role):
                fewer = json.dumps([{"op": "replace", "path": "/rules", "value": without(role, resource, verb)}])
                space.kubectl("patch", "role", role["metadata"]["name"], "--type=json", "-p", fewer)
                begin_anew(release)
                wait_for_refusal(release, f'cannot {verb} resource "{resource}"')
                space.kubectl("patch", "role", role["metadata"]["name"], "--type=json", "-p", rules)
                needed.append((resource, verb))
    reading = [(resource, "list") for resource in ("cronjobs", "jobs", "pods")]
    assert needed == [*reading, ("secrets", "get"), ("secrets", "update")]
    begin_anew(release)
    until("the runs to be remembered", release.remembers_its_runs)
    assert not refused(release)


def rights(role: Object) -> list[tuple[str, str]]:
    return [(each, verb) for rule in role["rules"] for each in rule["resources"] for verb in rule["verbs"]]


def without(role: Object, resource: str, verb: str) -> list[Object]:
    """The rules of a Role without one right."""
    return [
        {**rule, "resources": [each], "verbs": verbs}
        for rule in role["rules"]
        for each in rule["resources"]
        if (verbs := [other for other in rule["verbs"] if (each, other) != (resource, verb)])
    ]


def begin_anew(release: Release) -> None:
    """Let the reporter read, list and write everything again."""
    release.kill_the_reporter()
    release.ops.kubectl("patch", "secret", "netproof-reporter-state", "-p", '{"data":null}')


def wait_for_refusal(release: Release, what: str) -> None:
    until(f"the reporter to complain: {what}", lambda: what in refused(release))


def refused(release: Release) -> str:
    """What the API refused: in the log, or in a finding about a vantage whose namespace cannot be listed."""
    findings = (vantage.itself.seen for vantage in release.state().vantages.values())
    return "\n".join(line for line in (*release.logs().splitlines(), *findings) if "forbidden" in line)


def test_it_has_no_other_right(release: Release) -> None:
    who = f"system:serviceaccount:{release.ops.name}:netproof-reporter"

    def may(verb: str, what: str, namespace: str) -> bool:
        words = ("-n", namespace, "auth", "can-i", verb, *what.split(), "--as", who)
        return release.ops.cluster.kubectl(*words, check=False).startswith("yes")

    shop, ops = release.shop.name, release.ops.name
    for what in ("cronjobs.batch", "jobs.batch", "pods"):
        assert not any(may(verb, what, shop) for verb in ("get", "watch", "create", "delete", "update", "patch"))
    for what in ("secrets", "pods --subresource=log", "configmaps", "networkpolicies.networking.k8s.io"):
        assert not any(may(verb, what, shop) for verb in ("get", "list", "watch"))
    assert not any(may(verb, "secrets/netproof-reporter-state", ops) for verb in ("delete", "patch", "watch"))
    assert not may("get", "secrets/another", ops)

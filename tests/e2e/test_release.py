"""A release is installed, upgraded, rolled back, tested and uninstalled, alone and beside another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.cluster import until
from tests.e2e.world import SOON, server
from tests.tools.helm import tools

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.cluster import Space
    from tests.e2e.conftest import Outside

LONGEST_NAMESPACE = 63  # characters
LONGEST_RELEASE = 53
RIGHT: dict[str, Any] = {"targets": {"allow": ["catalog:8080"]}, "settings": SOON}
WRONG: dict[str, Any] = {"targets": {"allow": ["catalog:8081"]}, "settings": SOON}


@pytest.mark.parametrize("helm", [4, 3])
def test_from_install_to_uninstall(space: Space, outside: Outside, image: str, helm: int) -> None:
    space = replace(space, cluster=replace(space.cluster, helm_=tools(helm).helm))
    space.deploy(*server("catalog", 8080, image=image))
    channels = {"notifications": {"channels": {"ops": outside.json_url}, "notifyOn": ["violation"]}}
    before = everything(space)
    space.install({**RIGHT, **channels})
    installed = everything(space)
    assert space.run().completed

    space.install({**WRONG, **channels}, verb="upgrade")
    assert space.run().code == 1
    assert "catalog:8081" in outside.next()["body"]

    space.cluster.helm("rollback", "netproof", "1", "-n", space.name)
    assert space.run().completed

    logs = ["--logs"] if helm == 4 else []  # Helm 3 looks for a pod with the name of the Job
    tested = space.cluster.helm("test", "netproof", "-n", space.name, "--timeout", "2m", *logs)
    assert "catalog:8080" in tested or not logs
    assert outside.next()["path"] == "/alert"  # the test message, which says that it is one
    assert outside.silent()
    space.kubectl("delete", "jobs", "-l", "app.kubernetes.io/instance=netproof")
    until("what was installed, and nothing else", lambda: everything(space) == installed | history(space))

    space.install({**WRONG, **channels}, verb="upgrade")
    failed = space.cluster.helm("test", "netproof", "-n", space.name, check=False)
    assert "catalog:8081" in failed if helm == 4 else "Error" in failed
    assert outside.silent()  # a test alarms nobody
    until("what was installed, and nothing else", lambda: everything(space) == installed | history(space))
    space.start()  # one that has not ended goes, too

    space.cluster.helm("uninstall", "netproof", "-n", space.name)
    until("an empty namespace", lambda: everything(space) == before)


def test_two_releases_side_by_side(space: Space, image: str) -> None:
    space.deploy(*server("catalog", 8080, image=image))
    space.install(RIGHT)
    space.install(WRONG, release="second")
    jobs = space.start("netproof"), space.start("second-netproof")
    assert [space.ended(job).code for job in jobs] == [0, 1]

    space.cluster.helm("uninstall", "netproof", "-n", space.name)

    assert [each["metadata"]["name"] for each in space.objects("cronjobs")] == ["second-netproof"]
    space.install(RIGHT, release="second", verb="upgrade")
    assert space.run("second-netproof").completed


def test_the_longest_names(spaces: Callable[..., Space], image: str) -> None:
    space = spaces("long", length=LONGEST_NAMESPACE)
    assert len(space.name) == LONGEST_NAMESPACE
    space.deploy(*server("catalog", 8080, image=image))
    release = "r" * LONGEST_RELEASE
    vantages: dict[str, Any] = {"front-end-of-the-shop": {}, "front-end-of-the-shop-2": {}}
    space.install({"extraArgs": ["--output", "json"], **RIGHT, "vantages": vantages}, release=release)

    jobs = [space.start(cronjob["metadata"]["name"]) for cronjob in space.objects("cronjobs")]
    runs = [space.ended(job) for job in jobs]

    assert len(runs) == len(vantages)
    for run in runs:
        assert run.completed, str(run)
    assert {run.report["vantage"]["name"] for run in runs} == vantages.keys()
    assert {run.report["vantage"]["namespace"] for run in runs} == {space.name}


def everything(space: Space) -> set[str]:
    """All objects in the namespace, of whatever kind, but the cluster's own diary."""
    kinds = space.kubectl("api-resources", "--namespaced", "--verbs=list", "-o", "name").split()
    names = space.kubectl("get", ",".join(kind for kind in kinds if not kind.startswith("events")), "-o", "name")
    return set(names.split())


def history(space: Space) -> set[str]:
    """Helm's own, which grows with each revision."""
    return set(space.kubectl("get", "secrets", "-l", "owner=helm", "-o", "name").split())

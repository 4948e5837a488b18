"""A vantage that does not run is a finding, with the reason."""

from __future__ import annotations

from typing import Any

import pytest

from reporter.settings import Settings, Vantage
from tests.reporter.objects import HOUR, NOON, Watch, check, message, stamp

READY = {"type": "PodReadyToStartContainers", "status": "False"}
WAITING = {"reason": "ErrImagePull", "message": "m"}


@pytest.mark.parametrize(("now", "overdue"), [(NOON + 2 * HOUR + 1790, False), (NOON + 2 * HOUR + 1810, True)])
def test_two_and_a_half_periods_without_a_run_are_a_finding(now: int, overdue: bool) -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("allow api:80")), at=NOON + 15)
    assert [each.kind for each in watch.look(now).findings] == ["overdue"] * overdue


def test_a_vantage_that_never_ran_is_overdue_too() -> None:
    watch = Watch()
    watch.world.cronjob()
    (finding,) = watch.look().findings
    assert (finding.kind, finding.check.target) == ("overdue", "front in shop")
    assert finding.evidence.startswith(
        "no run has ended yet (schedule 0 * * * *). See: kubectl describe cronjob -n shop"
    )


def test_a_schedule_that_cannot_be_read_is_a_finding() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.look()
    assert [each.kind for each in watch.look().findings] == ["overdue"]
    for schedule, why in (("@every 1h", "cannot be read"), ("0 0 */31 * MON#2", "has no next time")):
        watch.world.items[0]["spec"]["schedule"] = schedule
        (finding,) = watch.look().findings
        assert (finding.kind, finding.ended) == ("inconclusive", 0)
        assert f"it is not known whether a run is missing: the schedule '{schedule}' {why}" in finding.evidence


def test_a_vantage_has_time_for_its_first_run_after_its_schedule_was_changed() -> None:
    watch = Watch()
    watch.world.cronjob(schedule="0 0 * * 0")
    watch.world.run(message(check("allow api:80")), at=NOON - 4 * 24 * HOUR)
    assert watch.look(NOON).findings == ()
    watch.world.items[0]["spec"]["schedule"] = "0 * * * *"
    assert watch.look(NOON + 60).findings == ()
    assert watch.look(NOON + 2 * HOUR).findings == ()
    assert [each.kind for each in watch.look(NOON + 3 * HOUR).findings] == ["overdue"]


def test_a_vantage_has_time_for_its_first_run_after_it_came_back_to_the_release_or_became_continuous() -> None:
    front, back = Vantage(name="front", namespace="shop"), Vantage(name="back", namespace="shop")
    watch = Watch(vantages=(front, back))
    for name in ("front", "back"):
        watch.world.cronjob(name)
        watch.world.run(message(check("allow api:80")), name=name)
    watch.look()
    watch.settings = Settings(release="np", vantages=(back,))
    watch.world.items = [each for each in watch.world.items if each["kind"] == "CronJob" and "back" in str(each)]
    watch.world.run(message(check("allow api:80")), name="back", at=NOON + 9 * HOUR)
    watch.look(NOON + 9 * HOUR)
    continuous = Vantage(name="back", namespace="shop", mode="continuous")
    watch.settings = Settings(release="np", vantages=(front, continuous))
    watch.world.items = []
    watch.world.cronjob()
    assert watch.look(NOON + 10 * HOUR).findings == ()
    assert watch.look(NOON + 10 * HOUR + 60).findings == ()
    assert len(watch.look(NOON + 14 * HOUR).findings) == 2


def test_a_cronjob_that_is_suspended_or_deleted_is_overdue() -> None:
    watch = Watch(vantages=(Vantage(name="front", namespace="shop"), Vantage(name="back", namespace="shop")))
    watch.world.cronjob(suspend=True)
    for name in ("front", "back"):
        watch.world.run(message(check("allow api:80")), name=name)
    texts = {each.check.target: each.evidence for each in watch.look().findings}
    assert texts["front in shop"].startswith("its CronJob is suspended. To resume it: kubectl patch cronjob -n shop")
    assert texts["back in shop"].startswith("its CronJob does not exist any more")
    watch.settings = Settings(release="np", vantages=(Vantage(name="front", namespace="shop"),))
    watch.look(NOON + 1)
    left = watch.findings["overdue  shop/np/back"]
    assert (left.gone, left.ended) == (True, NOON + 1)
    watch.look(NOON + 2)
    assert watch.findings["overdue  shop/np/back"].ended == NOON + 1  # once


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (
            {"containerStatuses": [{"name": "netproof", "state": {"waiting": WAITING}}]},
            "ErrImagePull m. See: kubectl describe pod -n shop",
        ),
        ({"conditions": [READY, {"type": "PodScheduled", "status": "False", "message": "no nodes"}]}, "d: no nodes"),
        (None, "has no pod: a quota or an admission webhook may refuse it. See: kubectl describe job -n shop"),
    ],
)
def test_a_job_that_cannot_start_is_a_finding_with_the_reason(status: Any, text: str) -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("allow api:80")), at=NOON - 60)
    _, pod = watch.world.start(NOON - 40)
    if status is None:
        watch.world.items.remove(pod)
    else:
        pod["status"] = status
    situation = watch.look()
    assert situation.running
    assert text in situation.findings[0].evidence
    assert watch.look(NOON - 30).findings != situation.findings


@pytest.mark.parametrize(("seconds", "found"), [(100, 0), (130, 1)])
def test_a_pod_has_two_minutes_to_mount_volumes_and_to_pull_images(seconds: int, found: int) -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("allow api:80")), at=NOON - 60)
    _, pod = watch.world.start(NOON)
    creating = {"name": "netproof", "state": {"waiting": {"reason": "ContainerCreating"}}}
    scheduled = {"type": "PodScheduled", "status": "True"}
    pod["status"] = {"phase": "Pending", "conditions": [scheduled], "containerStatuses": [creating]}
    assert len(watch.look(NOON + seconds).findings) == found


def test_a_continuous_vantage_that_is_gone_is_overdue() -> None:
    watch = Watch(vantages=(Vantage(name="front", namespace="shop", mode="continuous", every="30s"),))
    watch.world.continuous(state={"running": {"startedAt": stamp(NOON)}}, started=True)
    assert watch.look(NOON + HOUR).state == "pass"
    watch.world.items = []
    watch.look(NOON + HOUR)
    (finding,) = watch.look(NOON + 2 * HOUR).findings
    assert finding.evidence == "no run has ended since 2026-06-01 13:00 UTC. See: kubectl get pods -n shop"

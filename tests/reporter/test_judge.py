"""From objects to a situation: across vantages, over time, and whatever a cluster leaves behind."""

from __future__ import annotations

import json
from time import process_time
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from checker import report, termination
from checker.model import Outcome
from reporter.history import DAYS, Day
from reporter.judge import look
from reporter.metrics import Metrics
from reporter.objects import Objects
from reporter.page import sign
from reporter.settings import Settings, Vantage
from tests.reporter.objects import HOUR, NOON, Watch, check, message, stamp

if TYPE_CHECKING:
    from reporter.situation import Situation


FRONT = Vantage(name="front", namespace="shop")
READY = {"type": "PodReadyToStartContainers", "status": "False"}
WAITING = {"reason": "ErrImagePull", "message": "m"}


def kinds(situation: Situation) -> list[tuple[str, str, int]]:
    return [(each.kind, each.target, len(each.seen_from)) for each in situation.findings]


def test_a_denial_is_proven_by_any_vantage_that_reaches_the_target_in_any_spelling() -> None:
    watch = Watch()
    for name, namespace in (("front", "shop"), ("back", "shop"), ("control", "ops")):
        watch.world.cronjob(name, namespace)
    watch.world.run(message(check("deny db:5432"), check("deny ledger.pay:80"), check("deny gone:1")))
    watch.world.run(message(check("allow db.shop.svc:5432")), name="back")
    watch.world.run(message(check("alive https://ledger.pay.svc.cluster.local:80/x")), name="control", namespace="ops")
    found = {each.target: (each.proven, each.proven_by) for each in watch.look().checks if each.list == "deny"}
    assert found == {
        "tcp://db:5432": (True, "back"),
        "tcp://ledger.pay:80": (True, "control"),
        "tcp://gone:1": (False, ""),
        "https://ledger.pay.svc.cluster.local:80/x": (None, None),
    }


def test_a_denial_is_proven_neither_by_another_denial_nor_by_its_own_vantage() -> None:
    watch = Watch()
    for name in ("front", "back"):
        watch.world.cronjob(name)
        watch.world.run(message(check("deny db:5432"), check("allow db.shop:5432")), name=name, at=NOON - 4 * HOUR)
        watch.world.run(message(check("deny db:5432")), name=name)
    assert [each.proven for each in watch.look().checks] == [False, False]
    watch.world.run(message(check("deny db:5432"), check("allow db.shop:5432")), name="back", at=NOON + 1)
    proven = {(each.list, each.proven_by) for each in watch.look(NOON + 1).checks}
    assert proven == {("deny", "back"), ("deny", ""), ("allow", None)}


def test_a_leak_and_what_is_impossible_in_a_container_need_no_proof() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny sandbox://root", outcome=Outcome.IMPOSSIBLE), check("deny db:1", "violation")))
    assert [each.proven for each in watch.look().checks] == [None, None]


def test_a_continuous_pod_of_a_vantage_that_left_the_release_is_no_vantage() -> None:
    watch = Watch(vantages=(FRONT,))
    watch.world.continuous("old", state={"running": {"startedAt": stamp(NOON)}}, started=True)
    assert [each.name for each in watch.look().vantages] == ["front"]


def test_a_run_of_a_vantage_that_was_removed_from_the_release_is_not_read() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny db:5432")))
    watch.look(NOON)
    watch.world.items.clear()
    watch.look(NOON + 60)
    watch.world.run(message(check("deny db:5432", "violation")), at=NOON + 90)
    assert watch.look(NOON + 120).findings == ()


def test_a_vantage_whose_namespace_cannot_be_listed_is_not_removed_from_the_release() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny db:5432", "violation")))
    watch.look(NOON)
    look(Objects(unlisted={"shop": "HTTP 403"}), watch.state, watch.settings, NOON + 60)
    assert kinds(watch.look(NOON + 120)) == [("leak", "tcp://db:5432", 1)]


@pytest.mark.parametrize(("age", "proven"), [(2, True), (4, False)])
def test_a_proof_is_as_old_as_its_own_schedule_allows(age: int, proven: bool) -> None:
    watch = Watch()
    for name in ("front", "back"):
        watch.world.cronjob(name)
    watch.world.run(message(check("allow db:5432")), name="back", at=NOON - age * HOUR)
    watch.world.run(message(check("deny db:5432")))
    (denied,) = (each for each in watch.look().checks if each.list == "deny")
    assert denied.proven is proven


def test_a_proof_of_a_continuous_vantage_lasts_while_its_rounds_go_on() -> None:
    watch = Watch(vantages=(Vantage(name="back", namespace="shop", mode="continuous"), FRONT))
    left = {"exitCode": 1, "message": message(check("allow db:5432"), check("deny a:1", "violation"))}
    running = {"running": {"startedAt": stamp(NOON + 5)}}
    pod = watch.world.continuous("back", lastState={"terminated": left | {"finishedAt": stamp(NOON)}}, state=running)
    pod["status"]["containerStatuses"][0] |= {"started": True, "restartCount": 1}
    watch.world.cronjob()
    watch.world.run(message(check("deny db:5432")))
    (denied,) = watch.look(NOON + 5).vantages[1].checks
    assert denied.proven
    (denied,) = watch.look(NOON + 4 * HOUR).vantages[1].checks
    assert denied.proven
    watch.world.items.remove(pod)
    (denied,) = watch.look(NOON + 4 * HOUR).vantages[1].checks
    assert not denied.proven


@pytest.mark.parametrize("verdict", ["violation", "inconclusive"])
def test_a_target_that_cannot_be_reached_any_more_proves_nothing(verdict: str) -> None:
    watch = Watch()
    for name in ("front", "back"):
        watch.world.cronjob(name)
    watch.world.run(message(check("allow db:5432")), name="back", at=NOON - 60)
    watch.world.run(message(check("allow db:5432", verdict)), name="back")
    watch.world.run(message(check("deny db:5432")))
    assert [each.proven for each in watch.look().checks if each.list == "deny"] == [False]


@pytest.mark.parametrize(("age", "proven"), [(23, True), (25, False)])
def test_a_proof_lasts_a_day_if_the_schedule_cannot_be_read(age: int, proven: bool) -> None:
    watch = Watch()
    watch.world.cronjob("back", schedule="@every 1h")
    watch.world.cronjob()
    watch.world.run(message(check("allow db:5432")), name="back", at=NOON - age * HOUR)
    watch.world.run(message(check("deny db:5432")))
    assert [each.proven for each in watch.look().checks if each.list == "deny"] == [proven]


def test_a_proxy_proves_nothing() -> None:
    watch = Watch()
    for name in ("front", "back"):
        watch.world.cronjob(name)
    watch.world.run(message(check("allow https://api.x:443", proxied=True)), name="back")
    watch.world.run(message(check("deny https://api.x:443")))
    assert [each.proven for each in watch.look().checks if each.list == "deny"] == [False]


def test_an_exempt_target_is_neither_proven_nor_unproven() -> None:
    watch = Watch()
    watch.world.cronjob("front")
    watch.world.run(message(check("deny db:5432", exempt=True)))
    situation = watch.look()
    assert [(each.proven, each.exempt) for each in situation.checks] == [(None, True)]
    assert situation.state == "pass"
    assert "netproof_denial_proven{" not in Metrics(situation, {}, {}).expose().decode()
    assert sign(situation.checks[0]).label.startswith("blocked; no pod may reach it")


def test_one_missing_policy_seen_by_twelve_vantages_is_one_finding() -> None:
    watch = Watch()
    for n in range(12):
        watch.world.cronjob(f"v{n}")
        watch.world.run(message(check("deny db:5432", "violation")), name=f"v{n}", at=NOON + n)
    situation = watch.look(NOON + 60)
    assert kinds(situation) == [("leak", "tcp://db:5432", 12)]
    assert situation.state == "violation"
    watch.world.items = [each for each in watch.world.items if each["kind"] == "CronJob"]
    for n in range(11):
        watch.world.run(message(check("deny db:5432")), name=f"v{n}", at=NOON + HOUR)
    assert kinds(watch.look(NOON + HOUR)) == [("leak", "tcp://db:5432", 1)]
    watch.world.run(message(check("deny db:5432", "inconclusive")), name="v11", at=NOON + HOUR)
    assert kinds(watch.look(NOON + HOUR)) == [("leak", "tcp://db:5432", 1)]  # only a pass ends it
    watch.world.run(message(check("deny db:5432")), name="v11", at=NOON + 2 * HOUR)
    assert watch.look(NOON + 2 * HOUR).findings == ()


def test_a_finding_that_began_and_ended_between_two_rounds_is_not_lost() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny db:5432", "violation")), at=NOON - HOUR)
    watch.world.run(message(check("deny db:5432")), at=NOON)
    situation = watch.look()
    assert situation.findings == ()
    (known,) = watch.state.findings.values()
    assert (known.since, known.ended, known.gone) == (NOON - HOUR, NOON, False)
    (seen,) = situation.checks
    assert seen.state == "pass"
    assert [state for _, state in seen.changes] == ["violation", "pass"]
    known_ = situation.vantages[0].known
    assert ([day.runs for day in known_.days], known_.worst([known_.day])) == ([2], ["violation"])


def test_a_finding_about_two_paths_of_a_server_is_not_over_before_both_pass() -> None:
    watch = Watch()
    watch.world.cronjob()
    for time, one, other, open_ in (
        (NOON, "violation", "violation", 1),
        (NOON + 60, "pass", "violation", 1),
        (NOON + 120, "pass", "pass", 0),
    ):
        watch.world.run(
            message(check("allow https://api:443/a", one), check("allow https://api:443/b", other)), at=time
        )
        assert len(watch.look(time).findings) == open_


def test_a_leak_that_is_over_does_not_last_because_another_vantage_is_inconclusive() -> None:
    watch = Watch()
    for name in ("front", "back"):
        watch.world.cronjob(name)
    watch.world.run(message(check("deny db:5432", "inconclusive")), name="front")
    watch.world.run(message(check("deny db:5432", "violation")), name="back", at=NOON + 1)
    assert [(each.kind, each.seen_from) for each in watch.look(NOON + 1).findings] == [
        ("leak", (("shop", "back"),)),
        ("inconclusive", (("shop", "front"),)),
    ]
    watch.world.run(message(check("deny db:5432")), name="back", at=NOON + 60)
    assert [each.kind for each in watch.look(NOON + 60).findings] == ["inconclusive"]
    assert [(each.kind, bool(each.ended)) for each in watch.state.findings.values()] == [
        ("inconclusive", False),
        ("leak", True),
    ]


def test_a_leak_is_not_over_because_the_vantage_became_a_control() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny db:5432", "violation")))
    watch.look()
    watch.world.run(message(check("alive db:5432")), at=NOON + HOUR)
    assert watch.look(NOON + HOUR).findings == ()
    (known,) = watch.state.findings.values()
    assert known.gone


def test_a_leak_that_lasts_has_the_evidence_of_the_last_run() -> None:
    watch = Watch()
    watch.world.cronjob()
    for time, seen in ((NOON, "open"), (NOON + 60, "closed")):
        watch.world.run(message(check("deny db:5432", "violation", seen=seen)), at=time)
        (finding,) = watch.look(time).findings
        assert (finding.evidence, finding.since) == (seen, NOON)


def test_a_leak_is_the_same_after_the_cluster_domain_was_changed() -> None:
    watch = Watch(cluster_domain="cluster.local")
    watch.world.cronjob()
    for minutes, domain, verdict in ((0, "cluster.local", "violation"), (1, "k8s.test", "violation")):
        watch.settings = Settings(release="np", cluster_domain=domain)
        watch.world.run(message(check("deny db:5432", verdict)), at=NOON + minutes * 60)
        (finding,) = watch.look(NOON + minutes * 60).findings
        assert finding.since == NOON
    watch.world.run(message(check("deny db:5432")), at=NOON + 120)
    assert watch.look(NOON + 120).findings == ()


def test_a_check_that_left_the_lists_is_not_over() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny db:5432", "violation"), check("allow api:80")))
    watch.look()
    watch.world.run(message(check("allow api:80")), at=NOON + HOUR)
    assert watch.look(NOON + HOUR).findings == ()
    (known,) = watch.state.findings.values()
    assert known.gone


def test_a_check_that_a_termination_message_leaves_out_has_not_passed() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny db:5432", "violation")))
    watch.look()
    many = [check(f"allow {n * 7919:x}-{n * 104729:x}.{n * 1299709:x}:80") for n in range(2000)]
    watch.world.run(message(*many), at=NOON + HOUR)
    situation = watch.look(NOON + HOUR)
    assert kinds(situation) == [("leak", "tcp://db:5432", 1)]


# --- missing runs -----------------------------------------------------------------------------


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
    assert (finding.kind, finding.target) == ("overdue", "front in shop")
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
        assert f"whether a run is missing is not known: the schedule '{schedule}' {why}" in finding.evidence


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


def test_suspended_deleted_and_gone() -> None:
    watch = Watch(vantages=(Vantage(name="front", namespace="shop"), Vantage(name="back", namespace="shop")))
    watch.world.cronjob(suspend=True)
    for name in ("front", "back"):
        watch.world.run(message(check("allow api:80")), name=name)
    texts = {each.target: each.evidence for each in watch.look().findings}
    assert texts["front in shop"].startswith("its CronJob is suspended. To resume it: kubectl patch cronjob -n shop")
    assert texts["back in shop"].startswith("its CronJob does not exist any more")
    watch.settings = Settings(release="np", vantages=(Vantage(name="front", namespace="shop"),))
    watch.look(NOON + 1)
    left = watch.state.findings["vantage  shop/np/back"]
    assert (left.gone, left.ended) == (True, NOON + 1)
    watch.look(NOON + 2)
    assert left.ended == NOON + 1  # once


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


# --- what a cluster does to runs -------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "why"),
    [
        (None, 137, "the run left no termination message (exit code 137)"),
        ("Traceback (most recent call last)", 70, "it is not JSON, or nested too deeply (exit code 70)"),
        ('{"version": 1, "verdict": "pass"}', 0, "it has version 1; this netproof reads version 2"),
        ("<html>\x1b[2J", 0, "it is not JSON"),
    ],
)
def test_a_run_without_a_report_is_a_finding_with_the_reason(text: str | None, code: int, why: str) -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny db:5432", "violation")), at=NOON - HOUR)
    watch.world.run(text, code=code)
    situation = watch.look()
    assert [each.kind for each in situation.findings] == ["leak", "overdue"]  # nothing has recovered
    assert why in situation.findings[1].evidence
    watch.world.run(message(check("deny db:5432")), at=NOON + 60)
    assert watch.look(NOON + 60).state == "pass"


def test_an_exit_code_that_differs_from_the_report_is_a_finding() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny db:5432")), code=137)
    (finding,) = watch.look().findings
    assert finding.kind == "inconclusive"
    assert finding.evidence == "the exit code differs from the report's: exit code 137, not 0"


def test_a_message_without_any_check_is_a_finding() -> None:
    watch = Watch()
    watch.world.cronjob()
    text = json.loads(message(check("deny db:5432")))
    text["checks"], text["packed"], text["leftOut"] = [], "", 1
    watch.world.run(json.dumps(text))
    assert "is incomplete: 1 checks are only in the log" in watch.look().findings[0].evidence


def test_a_job_that_failed_without_a_pod_has_its_reason_and_no_exit_code() -> None:
    watch = Watch()
    watch.world.cronjob()
    job, pod = watch.world.run(message(check("deny db:5432")), code=3)
    job["status"]["conditions"][0] |= {"reason": "DeadlineExceeded", "message": "Job was active too long"}
    watch.world.items.remove(pod)
    (finding,) = watch.look(NOON + 60).findings
    assert "ended, but there is no report: its pod was deleted; the Job's reason: Deadline" in finding.evidence


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


def test_a_message_that_leaves_out_a_violation_is_a_finding() -> None:
    watch = Watch()
    watch.world.cronjob()
    text = json.loads(message(check("deny db:5432", "violation")))
    text["summary"]["violation"], text["leftOut"] = 2, 1
    watch.world.run(json.dumps(text))
    leak, incomplete = watch.look().findings
    assert leak.target == "tcp://db:5432"
    assert "the termination message is incomplete: 1 checks are only in the log" in incomplete.evidence


def test_a_message_that_leaves_out_an_inconclusive_check_is_a_finding() -> None:
    watch = Watch()
    watch.world.cronjob()
    text = json.loads(message(check("allow api:80")))
    text["summary"]["inconclusive"], text["leftOut"] = 1, 1
    watch.world.run(json.dumps(text))
    (finding,) = watch.look().findings
    assert "the termination message is incomplete" in finding.evidence


def test_a_leak_is_not_lost_if_the_next_pod_of_the_job_passes() -> None:
    watch = Watch()
    watch.world.cronjob()
    job, pod = watch.world.run(message(check("deny db:5432")))
    _, first = watch.world.run(message(check("deny db:5432", "violation")), at=NOON - 60)
    watch.world.items.pop(-2)
    first["metadata"]["ownerReferences"] = [{"uid": job["metadata"]["uid"], "kind": "Job"}]
    watch.look()
    (known,) = watch.state.findings.values()
    assert (known.kind, known.since, known.ended) == ("leak", NOON - 60, NOON)
    watch.world.items.remove(pod)  # the Job has been read
    watch.world.items.remove(first)
    assert watch.look(NOON + HOUR).findings == ()


def test_an_evicted_pod_is_no_finding_while_its_job_tries_again() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny db:5432")), at=NOON - HOUR)
    job, pod = watch.world.run(None, code=137)
    pod["status"] |= {"reason": "Evicted"}
    end = job["status"].pop("conditions")
    assert watch.look(NOON + 5).findings == ()
    _, second = watch.world.run(message(check("deny db:5432")), at=NOON + 20)
    watch.world.items.pop(-2)
    second["metadata"]["ownerReferences"] = [{"uid": job["metadata"]["uid"], "kind": "Job"}]
    job["status"]["conditions"] = end
    assert watch.look(NOON + 60).findings == ()
    watch.world.items.remove(second)  # the Job has been read
    assert watch.look(NOON + 120).findings == ()


def test_a_leak_is_read_while_a_sidecar_keeps_the_job_from_ending() -> None:
    watch = Watch()
    watch.world.cronjob()
    job, _ = watch.world.run(message(check("deny db:5432", "violation")))
    del job["status"]["conditions"]
    assert kinds(watch.look(NOON + 60)) == [("leak", "tcp://db:5432", 1)]


def test_a_leak_is_not_lost_if_the_job_ends_before_its_pod() -> None:
    watch = Watch()
    watch.world.cronjob()
    _, pod = watch.world.run(message(check("deny db:5432", "violation")), at=NOON + 20)
    status = pod.pop("status")
    pod["status"] = {"phase": "Running", "containerStatuses": [{"name": "netproof", "state": {"running": {}}}]}
    watch.look(NOON + 30)
    pod["status"] = status
    assert kinds(watch.look(NOON + 60)) == [("leak", "tcp://db:5432", 1)]


def test_a_leak_is_not_lost_if_clocks_differ() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny db:5432"), check("allow api:80", "violation")), at=NOON)
    watch.look()
    watch.world.run(message(check("deny db:5432", "violation"), check("allow api:80")), at=NOON - 20)
    watch.look()
    assert [each.kind for each in watch.look().findings] == ["leak", "unreachable"]  # what passed may be older
    watch.world.run(message(check("deny db:5432"), check("allow api:80")), at=NOON + HOUR)
    assert watch.look(NOON + HOUR).findings == ()


def test_a_run_that_ended_in_the_same_second_as_the_one_before_counts() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny db:5432", "violation")))
    watch.look(NOON)
    watch.world.run(message(check("deny db:5432")))
    situation = watch.look(NOON)
    assert [each.state for each in situation.checks] == ["pass"]
    assert situation.findings == ()


def test_a_run_that_ended_in_the_future_ends_now() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny db:5432", "violation")), at=NOON + 24 * HOUR)
    assert [each.since for each in watch.look().findings] == [NOON]
    watch.world.run(message(check("deny db:5432")), at=NOON + HOUR)
    assert watch.look(NOON + HOUR).findings == ()


def test_a_pod_that_is_gone_leaves_the_exit_code() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny db:5432")), at=NOON - HOUR)
    _, pod = watch.world.run(message(check("deny db:5432", "violation")))
    watch.world.items.remove(pod)
    assert watch.look().findings == ()  # the lists are not of one moment
    (finding,) = watch.look(NOON + 60).findings
    assert "ended with exit code 1, but there is no report: its pod was deleted" in finding.evidence


def test_an_evicted_pod_is_a_finding_with_the_reason_of_the_kubelet() -> None:
    watch = Watch()
    watch.world.cronjob()
    _, pod = watch.world.run("The container could not be located when the pod was terminated", code=137)
    pod["status"] |= {"reason": "Evicted", "message": "Pod ephemeral local storage usage exceeds 1Mi."}
    (finding,) = watch.look().findings
    assert finding.kind == "overdue"
    assert finding.evidence == "its pod did not run to its end: Evicted: Pod ephemeral local storage usage exceeds 1Mi."


def test_a_pod_that_was_evicted_before_its_containers_started_is_a_finding_with_the_reason() -> None:
    watch = Watch()
    watch.world.cronjob()
    _, pod = watch.world.run(None, code=3)
    pod["status"] = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory."}
    (finding,) = watch.look(NOON + 60).findings
    assert "its pod left no termination message (Evicted: The node was low on memory.)" in finding.evidence


def test_a_broken_configuration_is_a_finding() -> None:
    watch = Watch()
    watch.world.cronjob()
    error = report.of_error("The configuration has 1 mistake: nothing was probed.", ["deny.lst:1: no port"], 2, {})
    watch.world.run(termination.shorten(error))
    (finding,) = watch.look().findings
    assert (finding.kind, finding.evidence) == (
        "inconclusive",
        "The configuration has 1 mistake: nothing was probed. deny.lst:1: no port",
    )


# --- continuously ----------------------------------------------------------------------------


def test_a_leak_is_not_over_because_the_configuration_is_broken() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny db:5432", "violation")))
    watch.look()
    error = report.of_error("The configuration has 1 mistake: nothing was probed.", ["deny.lst:1: no port"], 2, {})
    watch.world.run(termination.shorten(error), at=NOON + HOUR)
    assert kinds(watch.look(NOON + HOUR)) == [("leak", "tcp://db:5432", 1), ("inconclusive", "front in shop", 1)]


def test_repeats_of_one_crash_are_one_finding_until_rounds_go_on() -> None:
    vantage = Vantage(name="front", namespace="shop", mode="continuous", every="30s")
    watch = Watch(vantages=(vantage,))
    text = message(check("deny db:5432", "violation"), check("allow api:80"))
    crashed = {"terminated": {"exitCode": 1, "message": text, "finishedAt": stamp(NOON)}}
    waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
    pod = watch.world.continuous(state=waiting, lastState=crashed, restartCount=1)
    assert kinds(watch.look(NOON + 5)) == [("leak", "tcp://db:5432", 1)]
    crashed["terminated"] |= {"finishedAt": stamp(NOON + 60)}
    pod["status"]["containerStatuses"][0] |= {"restartCount": 2}
    assert kinds(watch.look(NOON + 61)) == [("leak", "tcp://db:5432", 1)]
    assert [each.since for each in watch.state.findings.values()] == [NOON]
    running = {"state": {"running": {"startedAt": stamp(NOON + 90)}}, "started": True, "restartCount": 3}
    pod["status"]["containerStatuses"][0] |= running
    assert kinds(watch.look(NOON + 120)) == [("leak", "tcp://db:5432", 1)]  # one round may be inconclusive
    situation = watch.look(NOON + 90 + 10 * 30 + 430)
    assert situation.findings == ()
    assert situation.state == "pass"
    assert watch.look(NOON + 9 * HOUR).findings == ()


def test_the_days_of_a_vantage_are_kept_for_a_limited_time() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("allow api:80")), at=NOON)
    watch.look()
    (vantage,) = watch.state.vantages.values()
    vantage.days = [Day(1, "1") for _ in range(1, DAYS)] + vantage.days
    watch.world.run(message(check("allow api:80")), at=NOON + 24 * HOUR)
    watch.look(NOON + 24 * HOUR)
    assert (len(vantage.days), vantage.on(vantage.day), vantage.on(vantage.day - DAYS)) == (DAYS, Day(1, "1"), Day())


def test_each_day_has_the_worst_verdict_of_each_check() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny db:1", "violation"), check("allow api:1", "inconclusive")), at=NOON)
    watch.world.run(message(check("deny db:1")), at=NOON + HOUR)
    watch.world.run(message(check("allow new:1"), check("deny db:1")), at=NOON + 48 * HOUR)
    watch.world.run(None, at=NOON + 72 * HOUR)
    (vantage,) = watch.look(NOON + 73 * HOUR).vantages
    known = vantage.known
    days = range(known.day - 4, known.day + 1)
    assert {key: known.worst(days, key) for key in known.checks} == {
        "deny tcp://db:1": ["", "violation", "", "pass", ""],
        "allow tcp://api:1": ["", "inconclusive", "", "", ""],
        "allow tcp://new:1": ["", "", "", "pass", ""],
    }
    assert known.worst(days) == ["", "violation", "", "pass", ""]


def test_a_run_that_is_read_late_counts_on_its_own_day() -> None:
    watch = Watch()
    watch.world.cronjob()
    for days_ago in (2, 0):
        watch.world.run(message(check("deny db:1")), at=NOON - days_ago * 24 * HOUR)
    watch.look(NOON)
    watch.world.run(message(check("deny db:1", "violation"), check("deny old:1")), at=NOON - 24 * HOUR)
    (vantage,) = watch.look(NOON).vantages
    days = [vantage.known.day - 1, vantage.known.day]
    assert vantage.known.worst(days, "deny tcp://db:1") == ["violation", "pass"]
    assert [each.target for each in vantage.checks] == ["tcp://db:1"]


def test_four_times_as_many_findings_take_about_four_times_as_long() -> None:
    taken = []
    for number in (50, 200):
        watch = Watch()
        for n in range(number):
            watch.world.cronjob(f"v{n}")
            for at, verdict in ((NOON, "violation"), (NOON + 60, "pass")):
                checks = (check(f"deny db-{n}-{i}:1", verdict) for i in range(20))
                watch.world.run(message(*checks), name=f"v{n}", at=at)
        objects, began = watch.world.objects(), process_time()
        look(objects, watch.state, watch.settings, NOON + 120)
        taken.append(process_time() - began)
    assert taken[1] < 10 * taken[0], taken  # 16 times, if each run compared all findings


def test_a_run_whose_end_is_in_the_future_hides_no_later_run() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny db:1")), at=NOON + 1000 * 24 * HOUR)
    watch.look(NOON)
    watch.world.run(message(check("deny db:1", "violation")), at=NOON + HOUR)
    assert kinds(watch.look(NOON + HOUR)) == [("leak", "tcp://db:1", 1)]


def test_a_leak_of_a_continuous_vantage_is_not_lost_if_the_clock_of_its_node_is_slow() -> None:
    watch = Watch(vantages=(Vantage(name="front", namespace="shop", mode="continuous", every="30s"),))
    pod = watch.world.continuous(state={"running": {"startedAt": stamp(NOON - HOUR)}}, started=True)
    watch.look(NOON)
    crashed = {"exitCode": 1, "message": message(check("deny db:5432", "violation")), "finishedAt": stamp(NOON - 5)}
    pod["status"]["containerStatuses"][0] |= {"state": {"terminated": crashed}, "started": False}
    assert kinds(watch.look(NOON + 5)) == [("leak", "tcp://db:5432", 1)]


def test_a_continuous_pod_that_is_replaced_is_not_a_run_without_a_report() -> None:
    watch = Watch(vantages=(Vantage(name="front", namespace="shop", mode="continuous", every="30s"),))
    pod = watch.world.continuous(state={"terminated": {"exitCode": 143, "finishedAt": stamp(NOON)}})
    pod["metadata"]["deletionTimestamp"] = stamp(NOON)
    watch.world.continuous(state={"running": {"startedAt": stamp(NOON)}}, started=True)
    assert watch.look(NOON + 60).findings == ()


@pytest.mark.parametrize(("code", "deleted", "kind"), [(1, True, "leak"), (143, False, "overdue")])
def test_what_a_continuous_pod_left_counts_unless_it_was_stopped_to_be_replaced(
    code: int, deleted: bool, kind: str
) -> None:
    watch = Watch(vantages=(Vantage(name="front", namespace="shop", mode="continuous"),))
    text = message(check("deny db:5432", "violation")) if code == 1 else None
    ended = {"exitCode": code, "message": text, "finishedAt": stamp(NOON)}
    pod = watch.world.continuous(state={"terminated": ended}, restartCount=0)
    if deleted:
        pod["metadata"]["deletionTimestamp"] = stamp(NOON)
    assert [each.kind for each in watch.look(NOON + 60).findings] == [kind]


def test_a_job_of_a_hook_is_no_run_of_its_vantage() -> None:
    watch = Watch()
    watch.world.cronjob()
    for each in watch.world.run(message(check("deny db:5432", "violation"))):
        each["metadata"]["annotations"] = {"helm.sh/hook": "test"}
    assert watch.look(NOON + 60).checks == ()


def test_other_lists_of_a_continuous_vantage_end_no_finding_as_over_and_prove_nothing() -> None:
    front = Vantage(name="front", namespace="shop", mode="continuous", config="1")
    watch = Watch(vantages=(front, Vantage(name="back", namespace="shop")))
    text = message(check("deny db:5432", "violation"), check("allow api:80"))
    crashed = {"terminated": {"exitCode": 1, "message": text, "finishedAt": stamp(NOON)}}
    running = {"running": {"startedAt": stamp(NOON + 5)}}
    watch.world.continuous(lastState=crashed, state=running, started=True, restartCount=1)
    watch.world.cronjob("back")
    watch.world.run(message(check("deny api:80")), name="back")
    assert [each.proven for each in watch.look(NOON + 10).checks if each.target == "tcp://api:80"] == [True, None]
    watch.settings = Settings(release="np", vantages=(replace(front, config="2"), watch.settings.vantages[1]))
    situation = watch.look(NOON + HOUR)
    assert (situation.findings, [each.proven for each in situation.checks]) == ((), [False])
    (known,) = watch.state.findings.values()
    assert known.gone
    remembered = watch.look(NOON + 36 * HOUR).vantages[1].known
    assert remembered.worst([remembered.day]) == [""]


@pytest.mark.parametrize(("seconds", "left"), [(700, 1), (740, 0)])
def test_a_leak_of_a_continuous_vantage_is_over_when_its_rounds_would_have_ended_with_it(
    seconds: int, left: int
) -> None:
    watch = Watch(vantages=(Vantage(name="front", namespace="shop", mode="continuous", every="30s"),))
    midnight = NOON + 12 * HOUR
    text = message(check("deny db:5432", "violation"))
    crashed = {"exitCode": 1, "message": text, "finishedAt": stamp(midnight - 60)}
    running = {"running": {"startedAt": stamp(midnight)}}
    watch.world.continuous(state=running, lastState={"terminated": crashed}, restartCount=1, started=True)
    watch.look(midnight + 60)
    situation = watch.look(midnight + seconds)
    assert len(situation.findings) == left  # ten rounds of 30 s, and 420 s for a restart
    known = situation.vantages[0].known
    assert known.worst([known.day]) == ["violation" if left else "pass"]


def test_each_day_of_a_continuous_vantage_whose_rounds_go_on_has_a_verdict() -> None:
    watch = Watch(vantages=(Vantage(name="front", namespace="shop", mode="continuous", every="30s"),))
    text = message(check("deny db:5432", "violation"), check("allow api:80"))
    crashed = {"terminated": {"exitCode": 1, "message": text, "finishedAt": stamp(NOON)}}
    running = {"running": {"startedAt": stamp(NOON + 60)}}
    watch.world.continuous(state=running, lastState=crashed, restartCount=1, started=True)
    for hours in (1, 25, 26):
        (vantage,) = watch.look(NOON + hours * HOUR).vantages
    known = vantage.known
    days = range(known.day - 1, known.day + 1)
    assert known.worst(days, "deny tcp://db:5432") == ["violation", "pass"]
    assert [known.on(day).runs for day in days] == [1, 0]


def test_a_continuous_vantage_that_is_gone_is_overdue() -> None:
    watch = Watch(vantages=(Vantage(name="front", namespace="shop", mode="continuous", every="30s"),))
    watch.world.continuous(state={"running": {"startedAt": stamp(NOON)}}, started=True)
    assert watch.look(NOON + HOUR).state == "pass"
    watch.world.items = []
    watch.look(NOON + HOUR)
    (finding,) = watch.look(NOON + 2 * HOUR).findings
    assert finding.evidence == "no run has ended since 2026-06-01 13:00 UTC. See: kubectl get pods -n shop"


def test_what_left_is_forgotten_when_its_history_is_too_old_to_be_shown() -> None:
    watch = Watch(vantages=(Vantage(name="front", namespace="shop"), Vantage(name="back", namespace="shop")))
    for name in ("front", "back"):
        watch.world.cronjob(name)
        watch.world.run(message(check("deny db:5432")), name=name)
    watch.look()
    watch.world.run(message(check("allow api:80")), at=NOON + HOUR)
    watch.settings = Settings(release="np", vantages=(Vantage(name="front", namespace="shop"),))
    watch.world.items = [each for each in watch.world.items if "back" not in each["metadata"]["name"]]
    for days, vantages, checks in ((1, 2, 2), (399, 2, 2), (402, 1, 1)):
        now = NOON + days * 24 * HOUR
        watch.world.run(message(check("allow api:80")), at=now)
        watch.look(now)
        front = watch.state.vantages["shop/np/front"]
        assert (len(watch.state.vantages), len(front.checks)) == (vantages, checks)
        assert front.worst([front.day], "allow tcp://api:80") == ["pass"]

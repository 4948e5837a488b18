"""Runs without a complete report, and what a leak in them becomes."""

from __future__ import annotations

import json

import pytest

from checker import report, termination
from tests.reporter.objects import HOUR, NOON, Watch, check, kinds, message


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


def test_a_message_that_leaves_out_a_violation_is_a_finding() -> None:
    watch = Watch()
    watch.world.cronjob()
    text = json.loads(message(check("deny db:5432", "violation")))
    text["summary"]["violation"], text["leftOut"] = 2, 1
    watch.world.run(json.dumps(text))
    leak, incomplete = watch.look().findings
    assert leak.check.target == "tcp://db:5432"
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
    (known,) = watch.findings.values()
    assert (known.kind, known.since, known.ended) == ("leak", NOON - 60, NOON)
    (vantage,) = watch.state.vantages.values()
    assert vantage.on(vantage.day).runs == 1  # a retry is no run of its own: it would hide one that was missed
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
    (vantage,) = watch.look(NOON + 90).vantages
    assert vantage.on(vantage.day).runs == 2


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


def test_a_leak_is_not_over_because_the_configuration_is_broken() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny db:5432", "violation")))
    watch.look()
    error = report.of_error("The configuration has 1 mistake: nothing was probed.", ["deny.lst:1: no port"], 2, {})
    watch.world.run(termination.shorten(error), at=NOON + HOUR)
    assert kinds(watch.look(NOON + HOUR)) == [("leak", "tcp://db:5432", 1), ("inconclusive", "front in shop", 1)]


def test_a_run_whose_end_is_in_the_future_hides_no_later_run() -> None:
    watch = Watch()
    watch.world.cronjob()
    watch.world.run(message(check("deny db:1")), at=NOON + 1000 * 24 * HOUR)
    watch.look(NOON)
    watch.world.run(message(check("deny db:1", "violation")), at=NOON + HOUR)
    assert kinds(watch.look(NOON + HOUR)) == [("leak", "tcp://db:1", 1)]

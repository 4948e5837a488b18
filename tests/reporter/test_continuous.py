"""Continuous vantages: restarts, rounds that go on, and other lists."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from reporter.settings import Settings, Vantage
from tests.reporter.objects import HOUR, NOON, Watch, check, kinds, message, stamp


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
    assert [each.since for each in watch.findings.values()] == [NOON]
    running = {"state": {"running": {"startedAt": stamp(NOON + 90)}}, "started": True, "restartCount": 3}
    pod["status"]["containerStatuses"][0] |= running
    assert kinds(watch.look(NOON + 120)) == [("leak", "tcp://db:5432", 1)]  # one round may be inconclusive
    situation = watch.look(NOON + 90 + 10 * 30 + 430)
    assert situation.findings == ()
    assert situation.state == "pass"
    assert watch.look(NOON + 9 * HOUR).findings == ()


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
    (known,) = watch.findings.values()
    assert known.gone
    remembered = watch.look(NOON + 36 * HOUR).vantages[1]
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
    known = situation.vantages[0]
    assert known.worst([known.day]) == ["violation" if left else "pass"]

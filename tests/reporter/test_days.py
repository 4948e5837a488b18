"""The worst verdict of each check on each day."""

from __future__ import annotations

from reporter.history import DAYS, Day
from reporter.settings import Settings, Vantage
from tests.reporter.objects import HOUR, NOON, Watch, check, message, stamp


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
    known = vantage
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
    days = [vantage.day - 1, vantage.day]
    assert vantage.worst(days, "deny tcp://db:1") == ["violation", "pass"]
    assert [each.target for each in vantage.current] == ["tcp://db:1"]


def test_each_day_of_a_continuous_vantage_whose_rounds_go_on_has_a_verdict() -> None:
    watch = Watch(vantages=(Vantage(name="front", namespace="shop", mode="continuous", every="30s"),))
    text = message(check("deny db:5432", "violation"), check("allow api:80"))
    crashed = {"terminated": {"exitCode": 1, "message": text, "finishedAt": stamp(NOON)}}
    running = {"running": {"startedAt": stamp(NOON + 60)}}
    watch.world.continuous(state=running, lastState=crashed, restartCount=1, started=True)
    for hours in (1, 25, 26):
        (vantage,) = watch.look(NOON + hours * HOUR).vantages
    known = vantage
    days = range(known.day - 1, known.day + 1)
    assert known.worst(days, "deny tcp://db:5432") == ["violation", "pass"]
    assert [known.on(day).runs for day in days] == [1, 0]


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

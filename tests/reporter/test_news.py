"""When a channel is notified: once, again after a day, and at the end; each channel by itself."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from notifications.render import render
from reporter import history, news
from reporter.settings import Vantage
from tests.reporter.objects import HOUR, NOON, Watch, check, message

MINUTE = 60
DAY = 24 * HOUR


class Release(Watch):
    """A release with channels that are notified."""

    def __init__(self, *channels: str, **settings: Any) -> None:
        super().__init__(**settings)
        self.channels = list(channels) or ["all"]

    def notify(self, now: int = NOON, down: str = "") -> dict[str, dict[str, list[str]]]:
        """Make one round. Return what each channel is notified of: targets by group. One channel may be down."""
        situation = self.look(now)
        notified = {}
        self.documents = {}
        for each in news.due(self.state, situation, self.channels):
            news.sent(self.state, each, "HTTP 500" if each.channel == down else None, now)
            if each.channel != down:
                groups = ("new", "still", "over", "notChecked")
                notified[each.channel] = {
                    group: [item["target"] for item in each.document[group]] for group in groups if each.document[group]
                }
                self.documents[each.channel] = each.document
        news.settle(self.state, self.channels)
        self.state = history.load(history.dump(self.state))  # a reporter may restart at any time
        return notified

    @property
    def failing(self) -> list[str]:
        """The channels that could not be reached."""
        return [name for name, channel in self.state.channels.items() if channel.failing]

    def ran(self, verdict: str, at: int, *names: str) -> None:
        for name in names or ("front",):
            self.world.run(message(check("deny db:5432", verdict)), name=name, at=at)


def test_new_then_a_reminder_then_over_each_once() -> None:
    release = Release()
    release.world.cronjob()
    release.ran("pass", NOON)
    assert release.notify(NOON) == {}
    notified = {}
    for hour in range(1, 50):
        release.ran("violation" if hour < 40 else "pass", NOON + hour * HOUR)
        release.world.items = [release.world.items[0], *release.world.items[-6:]]
        for minute in (0, 20, 40):
            if found := release.notify(NOON + hour * HOUR + minute * MINUTE):
                notified[hour] = found["all"]
    assert notified == {
        1: {"new": ["tcp://db:5432"]},
        25: {"still": ["tcp://db:5432"]},
        40: {"over": ["tcp://db:5432"]},
    }
    assert release.findings == {}


def test_a_finding_at_more_vantages_is_one_message() -> None:
    release = Release()
    names = [f"v{n}" for n in range(12)]
    for name in names:
        release.world.cronjob(name)
        release.ran("pass", NOON, name)
    assert release.notify(NOON) == {}
    notified: list[Any] = []
    for n, name in enumerate(names):
        release.ran("violation", NOON + HOUR + n * MINUTE, name)
        notified += release.notify(NOON + HOUR + n * MINUTE + 30).values()
    assert notified == [{"new": ["tcp://db:5432"]}]
    release.ran("pass", NOON + 2 * HOUR, *names)
    assert release.notify(NOON + 2 * HOUR) == {"all": {"over": ["tcp://db:5432"]}}
    assert len(release.documents["all"]["over"][0]["places"]) == 12


def test_a_vantage_that_passed_after_the_finding_began_is_a_new_message() -> None:
    release = Release()
    for name in ("a", "b"):
        release.world.cronjob(name)
    release.ran("violation", NOON, "a")
    release.ran("pass", NOON + MINUTE, "b")
    assert release.notify(NOON + 5 * MINUTE) == {"all": {"new": ["tcp://db:5432"]}}
    release.ran("violation", NOON + HOUR, "b")
    assert release.notify(NOON + HOUR) == {"all": {"new": ["tcp://db:5432"]}}
    release.ran("violation", NOON + 2 * HOUR, "b")
    assert release.notify(NOON + 2 * HOUR) == {}


def test_worse_is_a_new_message_and_better_is_not_the_end() -> None:
    release = Release()
    release.world.cronjob()
    notified: list[Any] = []
    for hour, verdict in enumerate(["inconclusive", "violation", "inconclusive", "pass"]):
        release.ran(verdict, NOON + hour * HOUR)
        notified.append(release.notify(NOON + hour * HOUR).get("all", {}))
    assert notified == [{"new": ["tcp://db:5432"]}, {"new": ["tcp://db:5432"]}, {}, {"over": ["tcp://db:5432"]}]


def test_without_a_finding_there_is_no_reminder() -> None:
    release = Release(remind_every="0s")
    release.world.cronjob()
    release.ran("pass", NOON)
    assert release.notify(NOON) == {}
    release.ran("violation", NOON + HOUR)
    assert [release.notify(NOON + HOUR + second) for second in (0, 1)] == [
        {"all": {"new": ["tcp://db:5432"]}},
        {"all": {"still": ["tcp://db:5432"]}},
    ]


def test_a_message_waits_for_running_jobs_at_most_group_within() -> None:
    release = Release()
    release.world.cronjob()
    release.ran("violation", NOON)
    release.world.start(NOON)
    assert release.notify(NOON + 110) == {}
    assert release.notify(NOON + 130) == {"all": {"new": ["tcp://db:5432"]}}


def test_a_message_does_not_wait_for_a_time_that_a_wrong_clock_gave() -> None:
    release = Release()
    release.world.cronjob()
    release.ran("violation", NOON + HOUR)
    release.world.start(NOON)
    assert release.notify(NOON + HOUR) == {}
    assert release.notify(NOON) == {"all": {"new": ["tcp://db:5432"]}}


def test_a_channel_that_was_down_is_notified_of_everything_once_and_delays_no_other() -> None:
    release = Release("chat", "mail")
    release.world.cronjob()
    release.ran("violation", NOON)
    assert release.notify(NOON, down="mail") == {"chat": {"new": ["tcp://db:5432"]}}
    release.ran("pass", NOON + HOUR)
    assert release.notify(NOON + HOUR, down="mail") == {"chat": {"over": ["tcp://db:5432"]}}
    (undelivered,) = release.documents["chat"]["undelivered"]
    assert (undelivered["channel"], undelivered["reason"]) == ("mail", "HTTP 500")
    assert release.notify(NOON + 2 * HOUR) == {"mail": {"over": ["tcp://db:5432"]}}
    assert release.notify(NOON + 2 * HOUR + MINUTE) == {}
    assert (release.findings, release.failing) == ({}, [])


def test_a_channel_that_fails_is_tried_less_often_but_at_least_every_five_minutes() -> None:
    release = Release()
    release.world.cronjob()
    release.ran("violation", NOON)
    tries = []
    for time in range(NOON, NOON + HOUR, 20):
        tries += [time for _ in news.due(release.state, release.look(time), release.channels)]
        release.notify(time, down="all")
    pauses = [later - earlier for earlier, later in pairwise(tries)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-2:]) == (20, [300, 300])


def test_a_failing_channel_that_is_removed_is_forgotten() -> None:
    release = Release("chat", "mail")
    release.world.cronjob()
    release.ran("violation", NOON)
    release.notify(NOON, down="mail")
    assert release.failing == ["mail"]
    release.channels = ["chat"]
    release.notify(NOON + MINUTE)
    assert not release.failing


def test_a_leak_that_began_and_ended_again_is_sent_to_a_channel_that_got_the_end_before() -> None:
    release = Release("chat", "mail")
    release.world.cronjob()
    for time, verdict in enumerate(("violation", "pass")):
        release.ran(verdict, NOON + time)
        release.notify(NOON + time, down="mail")
    release.ran("violation", NOON + HOUR)
    release.ran("pass", NOON + HOUR + MINUTE)
    assert release.notify(NOON + HOUR + MINUTE, down="mail") == {"chat": {"over": ["tcp://db:5432"]}}


@pytest.mark.parametrize("failing", [True, False])
def test_a_channel_that_may_have_read_of_an_end_is_notified_if_the_leak_is_back(failing: bool) -> None:
    release = Release()
    release.world.cronjob()
    release.ran("violation", NOON)
    release.notify(NOON)
    release.ran("pass", NOON + HOUR)
    if failing:
        release.notify(NOON + HOUR, down="all")
    else:  # the reporter ended after it had sent the message
        release.look(NOON + HOUR)
        release.state.channels["all"].until = NOON + HOUR + news.CLAIM
    release.ran("violation", NOON + HOUR + MINUTE)
    assert release.notify(NOON + HOUR + MINUTE) == {"all": {"new": ["tcp://db:5432"]}}
    assert release.notify(NOON + HOUR + 2 * MINUTE) == {}


def test_a_leak_that_is_back_is_new_for_a_channel_that_got_its_end() -> None:
    release = Release("chat", "mail")
    release.world.cronjob()
    release.ran("violation", NOON)
    release.notify(NOON, down="mail")
    release.ran("pass", NOON + HOUR)
    release.notify(NOON + HOUR, down="mail")
    release.ran("violation", NOON + 2 * HOUR)
    assert release.notify(NOON + 2 * HOUR, down="mail") == {"chat": {"new": ["tcp://db:5432"]}}


def test_a_channel_is_notified_of_what_one_of_its_vantages_sees_with_another() -> None:
    vantages = (Vantage(name="a", namespace="shop", channels=("ops",)), Vantage(name="b", namespace="shop"))
    release = Release("ops", "dev", vantages=vantages)
    for name in ("a", "b"):
        release.world.cronjob(name)
    release.ran("violation", NOON, "a", "b")
    assert release.notify(NOON) == {key: {"new": ["tcp://db:5432"]} for key in ("ops", "dev")}


def test_a_finding_that_another_reporter_removed_is_not_noted_again() -> None:
    release = Release()
    release.world.cronjob()
    release.ran("violation", NOON)
    (due,) = news.due(release.state, release.look(NOON), release.channels)
    release.state = history.State()
    news.sent(release.state, due, None, NOON)
    news.settle(release.state, release.channels)
    assert release.state == history.State(channels={"all": history.Channel(NOON)})


def test_a_claim_keeps_a_second_reporter_from_sending_for_a_minute() -> None:
    release = Release()
    release.world.cronjob()
    release.ran("violation", NOON)
    release.state.channels["all"] = history.Channel(until=NOON + news.CLAIM)
    assert release.notify(NOON + 59) == {}
    assert release.notify(NOON + 60) == {"all": {"new": ["tcp://db:5432"]}}


def test_times_of_a_clock_that_was_wrong_delay_nothing() -> None:
    release = Release()
    release.world.cronjob()
    release.ran("violation", NOON)
    release.state.channels["all"] = history.Channel(until=NOON + DAY, failing=NOON + DAY, reason="HTTP 500")
    assert release.notify(NOON) == {"all": {"new": ["tcp://db:5432"]}}
    release.state.channels["all"].at = NOON + 300 * DAY
    assert release.notify(NOON + MINUTE) == {"all": {"still": ["tcp://db:5432"]}}


def test_what_became_worse_waits_no_longer_if_jobs_run_all_the_time() -> None:
    release = Release()
    for name in ("a", "b"):
        release.world.cronjob(name)
    release.ran("inconclusive", NOON, "a")
    release.ran("pass", NOON, "b")
    release.notify(NOON)
    running = release.world.start(NOON, "b")[0]
    notified: list[Any] = []
    for minute in range(1, 5):
        release.ran("violation", NOON + minute * MINUTE, "a")
        running["status"]["startTime"] = release.world.items[-1]["metadata"]["creationTimestamp"]
        notified += release.notify(NOON + minute * MINUTE).values()
    assert notified == [{"new": ["tcp://db:5432"]}]


@pytest.mark.parametrize(("minute", "due"), [(59, False), (60, True)])
def test_the_summary_waits_for_its_time_after_it_was_off_or_a_clock_was_wrong(minute: int, due: bool) -> None:
    release = Release()
    release.state.digest = NOON - 30 * DAY
    assert not news.summary_is_due(release.state, release.look())
    release.settings = Watch(digest="0 * * * *").settings
    assert not news.summary_is_due(release.state, release.look(NOON + 1))
    release.state.digest = NOON + 30 * DAY
    assert not news.summary_is_due(release.state, release.look(NOON + MINUTE))
    assert news.summary_is_due(release.state, release.look(NOON + minute * MINUTE)) is due


def test_channels_that_fail_get_one_message_together() -> None:
    release = Release("chat", "mail", "pager")
    release.world.cronjob()
    failing = history.Channel(failing=NOON, reason="HTTP 500")
    release.state.channels = {"chat": failing, "mail": failing}
    release.ran("violation", NOON)
    due = news.due(release.state, release.look(), release.channels)
    assert len(due) == 3
    assert due[0].document == due[1].document == due[2].document


def test_a_finding_that_is_no_longer_checked_is_not_over() -> None:
    release = Release()
    release.world.cronjob()
    release.ran("violation", NOON)
    release.notify(NOON)
    release.world.run(message(check("allow api:80")), at=NOON + HOUR)
    assert release.notify(NOON + HOUR) == {"all": {"notChecked": ["tcp://db:5432"]}}


def test_a_vantage_that_left_is_reported_once() -> None:
    release = Release(vantages=(Vantage(name="front", namespace="shop"),))
    release.world.cronjob()
    release.ran("violation", NOON)
    release.notify(NOON)
    release.world.items, release.settings = [], Watch(vantages=(Vantage(name="other", namespace="x"),)).settings
    release.world.cronjob("other", "x")
    release.world.run(message(check("allow api:80")), name="other", namespace="x")
    assert release.notify(NOON + MINUTE) == {"all": {"notChecked": ["tcp://db:5432", "front in shop"]}}
    assert release.notify(NOON + 2 * MINUTE) == {}


def test_a_vantage_names_the_channels_to_notify() -> None:
    vantages = (
        Vantage(name="pay", namespace="pay", channels=("payments", "security")),
        Vantage(name="front", namespace="shop", channels=("security",)),
        Vantage(name="free", namespace="free"),
    )
    release = Release("payments", "security", vantages=vantages)
    for each in vantages:
        release.world.cronjob(each.name, each.namespace)
        target = f"deny {each.name}:1"
        release.world.run(message(check(target, "violation")), name=each.name, namespace=each.namespace)
    notified = release.notify()
    assert notified["payments"]["new"] == ["tcp://free:1", "tcp://pay:1"]
    assert notified["security"]["new"] == ["tcp://free:1", "tcp://front:1", "tcp://pay:1"]


def test_the_end_of_a_vantage_is_for_the_channels_that_it_named() -> None:
    front, back = Vantage(name="front", namespace="shop"), Vantage(name="pay", namespace="pay", channels=("payments",))
    release = Release("payments", "security", vantages=(front, back))
    for each in (front, back):
        release.world.cronjob(each.name, each.namespace)
        release.world.run(message(check("allow api:80")), name=each.name, namespace=each.namespace)
    release.world.run(message(check("deny db:1", "violation")), name="pay", namespace="pay", at=NOON + 1)
    assert release.notify(NOON + 1) == {"payments": {"new": ["tcp://db:1"]}}
    release.settings = Watch(vantages=(front,)).settings
    release.world.items = [each for each in release.world.items if each["metadata"]["namespace"] == "shop"]
    assert release.notify(NOON + 2) == {"payments": {"notChecked": ["tcp://db:1", "pay in pay"]}}


@pytest.mark.parametrize("form", ["slack", "teams", "html", "text"])
def test_the_title_of_every_form_names_what_changed(form: str) -> None:
    release = Release()
    release.world.cronjob()
    release.ran("violation", NOON)
    release.notify(NOON)
    assert "1 new leak" in render(release.documents["all"], form).title
    release.ran("pass", NOON + 3 * HOUR)
    release.notify(NOON + 3 * HOUR)
    over = render(release.documents["all"], form)
    assert "over" in over.title
    assert "15:00" in over.body  # and how long it took


def test_hostile_text_of_a_run_is_harmless_in_every_form() -> None:
    release = Release()
    release.world.cronjob()
    bad = "<!channel> <script>alert(1)</script> \x1b[2J \u202e {{ 7*7 }} @everyone"
    release.world.run(message(check("deny db:5432", "violation", seen=bad, because=bad, name=bad)))
    release.notify()
    for form in ("slack", "teams", "html", "text"):
        body = render(release.documents["all"], form).body
        assert "\x1b" not in body
        assert "\u202e" not in body
        assert "49" not in body
        assert form == "text" or ("<script>" not in body and "<!channel>" not in body)

"""Who hears what, and when: once, again after a day, and when it is over; each channel by itself."""

from __future__ import annotations

from typing import Any

import pytest

from notifications.render import render
from reporter import history, news
from reporter.settings import Vantage
from tests.reporter.objects import HOUR, NOON, Watch, check, message

MINUTE = 60
DAY = 24 * HOUR


class Town(Watch):
    """A release with channels that hear of it."""

    def __init__(self, *channels: str, **settings: Any) -> None:
        super().__init__(**settings)
        self.channels = list(channels) or ["all"]

    def hear(self, now: int = NOON, down: str = "") -> dict[str, dict[str, list[str]]]:
        """One round: what each channel gets, as targets by group. One channel may be down."""
        situation = self.look(now)
        heard = {}
        self.documents = {}
        for each in news.due(self.state, situation, self.settings, self.channels, now):
            news.sent(self.state, each, "HTTP 500" if each.channel == down else None, now)
            if each.channel != down:
                groups = ("new", "still", "over", "notChecked")
                heard[each.channel] = {
                    group: [item["target"] for item in each.document[group]] for group in groups if each.document[group]
                }
                self.documents[each.channel] = each.document
        news.settle(self.state, self.settings, self.channels)
        self.state = history.load(history.dump(self.state))  # a reporter may begin anew at any time
        return heard

    def ran(self, verdict: str, at: int, *names: str) -> None:
        for name in names or ("front",):
            self.world.run(message(check("deny db:5432", verdict)), name=name, at=at)


def test_new_then_a_reminder_then_over_each_once() -> None:
    town = Town()
    town.world.cronjob()
    town.ran("pass", NOON)
    assert town.hear(NOON) == {}
    heard = {}
    for hour in range(1, 50):
        town.ran("violation" if hour < 40 else "pass", NOON + hour * HOUR)
        town.world.items = [town.world.items[0], *town.world.items[-6:]]
        for minute in (0, 20, 40):
            if found := town.hear(NOON + hour * HOUR + minute * MINUTE):
                heard[hour] = found["all"]
    assert heard == {1: {"new": ["tcp://db:5432"]}, 25: {"still": ["tcp://db:5432"]}, 40: {"over": ["tcp://db:5432"]}}
    assert town.state.findings == {}


def test_vantages_that_come_late_to_one_event_say_nothing_new() -> None:
    town = Town()
    names = [f"v{n}" for n in range(12)]
    for name in names:
        town.world.cronjob(name)
        town.ran("pass", NOON, name)
    assert town.hear(NOON) == {}
    heard: list[Any] = []
    for n, name in enumerate(names):
        town.ran("violation", NOON + HOUR + n * MINUTE, name)
        heard += town.hear(NOON + HOUR + n * MINUTE + 30).values()
    assert heard == [{"new": ["tcp://db:5432"]}]
    town.ran("pass", NOON + 2 * HOUR, *names)
    assert town.hear(NOON + 2 * HOUR) == {"all": {"over": ["tcp://db:5432"]}}
    assert len(town.documents["all"]["over"][0]["places"]) == 12


def test_a_vantage_that_was_fine_after_it_began_is_news() -> None:
    town = Town()
    for name in ("a", "b"):
        town.world.cronjob(name)
    town.ran("violation", NOON, "a")
    town.ran("pass", NOON + MINUTE, "b")
    assert town.hear(NOON + 5 * MINUTE) == {"all": {"new": ["tcp://db:5432"]}}
    town.ran("violation", NOON + HOUR, "b")
    assert town.hear(NOON + HOUR) == {"all": {"new": ["tcp://db:5432"]}}


def test_worse_is_news_and_better_is_not_over() -> None:
    town = Town()
    town.world.cronjob()
    heard: list[Any] = []
    for hour, verdict in enumerate(["inconclusive", "violation", "inconclusive", "pass"]):
        town.ran(verdict, NOON + hour * HOUR)
        heard.append(town.hear(NOON + hour * HOUR).get("all", {}))
    assert heard == [{"new": ["tcp://db:5432"]}, {"new": ["tcp://db:5432"]}, {}, {"over": ["tcp://db:5432"]}]


def test_it_waits_for_the_jobs_that_run_but_not_for_long() -> None:
    town = Town()
    town.world.cronjob()
    town.ran("violation", NOON)
    running = town.world.start(NOON, "back")
    running[0]["metadata"]["labels"] = town.world.items[0]["metadata"]["labels"]
    assert town.hear(NOON + 110) == {}
    assert town.hear(NOON + 130) == {"all": {"new": ["tcp://db:5432"]}}


def test_a_channel_that_is_down_hears_everything_once_when_it_is_back_and_holds_up_nobody() -> None:
    town = Town("chat", "mail")
    town.world.cronjob()
    town.ran("violation", NOON)
    assert town.hear(NOON, down="mail") == {"chat": {"new": ["tcp://db:5432"]}}
    town.ran("pass", NOON + HOUR)
    assert town.hear(NOON + HOUR, down="mail") == {"chat": {"over": ["tcp://db:5432"]}}
    (undelivered,) = town.documents["chat"]["undelivered"]
    assert (undelivered["channel"], undelivered["reason"]) == ("mail", "HTTP 500")
    assert town.hear(NOON + 2 * HOUR) == {"mail": {"over": ["tcp://db:5432"]}}
    assert town.hear(NOON + 2 * HOUR + MINUTE) == {}
    assert (town.state.findings, town.state.failing) == ({}, {})


def test_a_channel_that_fails_is_tried_less_often_but_at_least_every_five_minutes() -> None:
    town = Town()
    town.world.cronjob()
    town.ran("violation", NOON)
    for time in range(NOON, NOON + HOUR, 20):
        town.hear(time, down="all")
    tries, time = 0, NOON + HOUR
    while not town.hear(time):
        tries, time = tries + 1, time + 20
    assert tries <= 15


def test_a_claim_keeps_a_second_reporter_from_sending_for_a_minute() -> None:
    town = Town()
    town.world.cronjob()
    town.ran("violation", NOON)
    town.state.claims["all"] = NOON + news.CLAIM
    assert town.hear(NOON + 59) == {}
    assert town.hear(NOON + 60) == {"all": {"new": ["tcp://db:5432"]}}


def test_what_is_no_longer_checked_is_not_over() -> None:
    town = Town()
    town.world.cronjob()
    town.ran("violation", NOON)
    town.hear(NOON)
    town.world.run(message(check("allow api:80")), at=NOON + HOUR)
    assert town.hear(NOON + HOUR) == {"all": {"notChecked": ["tcp://db:5432"]}}


def test_a_vantage_that_left_is_reported_once() -> None:
    town = Town(vantages=(Vantage(name="front", namespace="shop"),))
    town.world.cronjob()
    town.ran("violation", NOON)
    town.hear(NOON)
    town.world.items, town.settings = [], Watch(vantages=(Vantage(name="other", namespace="x"),)).settings
    town.world.cronjob("other", "x")
    town.world.run(message(check("allow api:80")), name="other", namespace="x")
    assert town.hear(NOON + MINUTE) == {"all": {"notChecked": ["tcp://db:5432", "front in shop"]}}
    assert town.hear(NOON + 2 * MINUTE) == {}


def test_a_vantage_names_who_hears_of_it() -> None:
    vantages = (
        Vantage(name="pay", namespace="pay", channels=("payments", "security")),
        Vantage(name="front", namespace="shop", channels=("security",)),
        Vantage(name="free", namespace="free"),
    )
    town = Town("payments", "security", vantages=vantages)
    for each in vantages:
        town.world.cronjob(each.name, each.namespace)
        target = f"deny {each.name}:1"
        town.world.run(message(check(target, "violation")), name=each.name, namespace=each.namespace)
    heard = town.hear()
    assert heard["payments"]["new"] == ["tcp://pay:1", "tcp://free:1"]
    assert heard["security"]["new"] == ["tcp://pay:1", "tcp://front:1", "tcp://free:1"]


@pytest.mark.parametrize("form", ["slack", "teams", "html", "text"])
def test_every_form_says_what_changed_in_its_title(form: str) -> None:
    town = Town()
    town.world.cronjob()
    town.ran("violation", NOON)
    town.hear(NOON)
    assert "1 new leak" in render(town.documents["all"], form).title
    town.ran("pass", NOON + 3 * HOUR)
    town.hear(NOON + 3 * HOUR)
    over = render(town.documents["all"], form)
    assert "over" in over.title
    assert "15:00" in over.body  # and how long it took


def test_hostile_text_of_a_run_is_harmless_in_every_form() -> None:
    town = Town()
    town.world.cronjob()
    bad = "<!channel> <script>alert(1)</script> \x1b[2J \u202e {{ 7*7 }} @everyone"
    town.world.run(message(check("deny db:5432", "violation", seen=bad, because=bad, name=bad)))
    town.hear()
    for form in ("slack", "teams", "html", "text"):
        body = render(town.documents["all"], form).body
        assert "\x1b" not in body
        assert "\u202e" not in body
        assert "49" not in body
        assert form == "text" or ("<script>" not in body and "<!channel>" not in body)

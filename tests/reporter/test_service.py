"""The reporter's rounds against an API server over real HTTPS, and channels over real HTTP."""

from __future__ import annotations

import base64
import socket
import threading
from threading import Event
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import pytest

from notifications.deliver import Delivery
from notifications.errors import NotificationError
from notifications.render import render as rendered
from reporter import history, news, service
from reporter.api import Api, ApiError
from reporter.findings import findings
from reporter.service import Service
from tests.chart.chart import ONE, render
from tests.notifications import servers
from tests.reporter.conftest import SETTINGS, Reporter, titles
from tests.reporter.objects import HOUR, NOON, check, message

if TYPE_CHECKING:
    from pathlib import Path


CONFLICT = 409


def test_a_leak_and_its_end_are_one_message_each(reporter: Reporter) -> None:
    reporter.api.secret["data"] = {"other": "eA=="}
    with servers.http(*[servers.OK] * 9) as slack:
        reporter.channel("slack", slack.port)
        reporter.round()
        reporter.world.run(message(check("deny db:5432", "violation")), at=NOON + HOUR)
        for second in (0, 20, 40):
            reporter.round(NOON + HOUR + second)
        assert (reporter.service.delivered, reporter.service.failed) == ({"slack": 1}, {})
        reporter.world.run(message(check("deny db:5432")), at=NOON + HOUR + 60)
        for second in (60, 80):
            reporter.service = reporter.new()  # the state is in the Secret
            reporter.round(NOON + HOUR + second)
    assert [title.partition("netproof: ")[2] for title in titles(slack)] == [
        "1 new leak: tcp://db:5432 from shop/front",
        "1 leak over: tcp://db:5432 from shop/front",
    ]
    assert (reporter.api.secret["metadata"]["labels"], reporter.api.secret["data"]["other"]) == ({"by": "helm"}, "eA==")
    assert findings(history.load(reporter.api.state).vantages.values()) == {}


def test_an_idle_round_writes_nothing(reporter: Reporter) -> None:
    reporter.round()
    reporter.round(NOON + 20)
    reporter.api.requests.clear()
    reporter.round(NOON + 40)
    assert {method for method, _ in reporter.api.requests} == {"GET"}
    assert not any("secrets" in path for _, path in reporter.api.requests)
    assert len(reporter.api.requests) == 6


def test_it_uses_each_right_that_the_chart_gives_it_and_needs_no_other(reporter: Reporter) -> None:
    with servers.http(*[servers.OK] * 9) as slack:
        reporter.channel("slack", slack.port)
        reporter.world.run(message(check("deny db:5432", "violation")), at=NOON)
        reporter.round()
    used = set()
    for method, path in reporter.api.requests:
        resource, *name = urlsplit(path).path.partition("/namespaces/")[2].split("/")[1:]
        used.add(({"GET": "get" if name else "list", "PUT": "update"}[method], resource))
    roles = [each for each in render({**ONE, "reporter": {"enabled": True}}) if each["kind"] == "Role"]
    rules = [rule for role in roles for rule in role["rules"]]
    assert used == {(verb, what) for rule in rules for verb in rule["verbs"] for what in rule["resources"]}


def test_pages_are_read_to_the_end(reporter: Reporter) -> None:
    for _ in range(300):
        reporter.world.run(message(check("allow api:80")), at=NOON)
    reporter.round()
    assert sum("pods" in path for _, path in reporter.api.requests) == 3
    assert reporter.service.situation
    assert len(history.load(reporter.api.state).vantages["shop/np/front"].runs) == 301


def test_two_reporters_at_once_send_nothing_twice_and_lose_nothing(reporter: Reporter) -> None:
    with servers.http(*[servers.OK] * 9) as slack:
        reporter.channel("slack", slack.port)
        others = [reporter.new() for _ in range(2)]
        for each in others:
            reporter.api.items = reporter.world.items
            each.round(NOON)
        reporter.world.run(message(check("deny db:5432", "violation")), at=NOON + HOUR)
        threads = [threading.Thread(target=_rounds, args=(each, NOON + HOUR)) for each in others]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(slack.requests) == 1


def _rounds(service: Service, now: int) -> None:
    for second in range(5):
        try:
            service.round(now + second)
        except ApiError as error:
            if error.status != CONFLICT:
                raise


def test_a_reporter_that_dies_after_sending_sends_again_and_one_that_dies_before_sends(reporter: Reporter) -> None:
    with servers.http(*[servers.OK] * 9) as slack:
        reporter.channel("slack", slack.port)
        reporter.round()
        reporter.world.run(message(check("deny db:5432", "violation")), at=NOON + HOUR)
        reporter.service._note_sent = lambda: None  # type: ignore[method-assign]  # noqa: SLF001 - it is killed here
        reporter.round(NOON + HOUR)
        reporter.service = reporter.new()
        reporter.round(NOON + HOUR + 30)
        assert len(slack.requests) == 1  # the channel that the killed one had claimed
        reporter.round(NOON + HOUR + 61)
        reporter.round(NOON + HOUR + 80)
    assert len(slack.requests) == 2


class KilledError(BaseException):
    """The reporter ends here, as by SIGKILL: nothing of it runs any more."""


@pytest.mark.parametrize("moment", range(14))  # with more the reporter would not be killed
def test_a_reporter_that_is_killed_at_any_moment_loses_nothing(
    reporter: Reporter, moment: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The moments: before and after each dealing with the state and the channel, around a leak and its end."""
    left = [moment // 2]

    def deadly(call: Any) -> Any:
        def wrapped(*args: Any, **given: Any) -> Any:
            left[0] -= 1
            if left[0] == -1 and moment % 2:
                raise KilledError
            answer = call(*args, **given)
            if left[0] == -1:
                raise KilledError
            return answer

        return wrapped

    titles_: list[str] = []

    def take(document: Any, channels: dict[str, Path], *_: object) -> list[Delivery]:
        titles_.append(rendered(document, "text").title.partition("netproof: ")[2].partition(":")[0])
        return [Delivery(name, delivered=True) for name in channels]

    reporter.channel("slack", 1)
    reporter.round()
    for name in ("secret", "update"):
        monkeypatch.setattr(Api, name, deadly(getattr(Api, name)))
    monkeypatch.setattr(service, "deliver", deadly(take))
    reporter.service = reporter.new()
    time_ = NOON + HOUR
    for verdict in ("violation", "pass"):
        reporter.world.run(message(check("deny db:5432", verdict)), at=time_)
        for _ in range(3):
            try:
                reporter.round(time_)
            except KilledError:
                reporter.service = reporter.new()
            time_ += news.CLAIM + 1
    assert left[0] < 0, "it was never killed"
    assert list(dict.fromkeys(titles_)) == ["1 new leak", "1 leak over"]
    assert len(titles_) <= 3


def test_a_lost_or_damaged_state_costs_a_repeated_message(reporter: Reporter) -> None:
    with servers.http(*[servers.OK] * 9) as slack:
        reporter.channel("slack", slack.port)
        reporter.world.run(message(check("deny db:5432", "violation")), at=NOON)
        reporter.round(NOON)
        reporter.api.secret["data"] = {"state": "AAAA"}
        reporter.service = reporter.new()
        reporter.round(NOON + 20)
    assert len(slack.requests) == 2
    assert any("the state is damaged" in text for _, text in reporter.notes)


def test_a_message_that_cannot_be_noted_as_sent_is_sent_again(reporter: Reporter) -> None:
    def sent(connection: socket.socket, over: Event) -> None:
        reporter.api.faults = [(403, "")]
        servers.OK(connection, over)

    with servers.http(sent, servers.OK) as chat:
        reporter.channel("chat", chat.port)
        reporter.world.run(message(check("deny db:5432", "violation")), at=NOON)
        with pytest.raises(ApiError, match="HTTP 403"):
            reporter.round(NOON)
        reporter.service = reporter.new()
        reporter.round(NOON + news.CLAIM)
    assert len(chat.requests) == 2


def test_a_leak_is_sent_once_while_the_state_cannot_be_written(reporter: Reporter) -> None:
    with servers.http(*[servers.OK] * 3) as chat:
        reporter.channel("chat", chat.port)
        reporter.round()
        reporter.api.refused = {"secret"}
        reporter.world.run(message(check("deny db:5432", "violation")), at=NOON + 60)
        for second in (60, 80, 160):
            with pytest.raises(ApiError, match="HTTP 403: cannot update resource"):
                reporter.round(NOON + second)
        assert len(chat.requests) == 1
        reporter.api.refused = set()
        reporter.round(NOON + 180)
    assert len(chat.requests) == 1
    assert [each.kind for each in findings(history.load(reporter.api.state).vantages.values()).values()] == ["leak"]


def test_a_leak_that_is_back_is_sent_if_its_end_could_not_be_noted(reporter: Reporter) -> None:
    with servers.http(*[servers.OK] * 3) as chat:
        reporter.channel("chat", chat.port)
        reporter.world.run(message(check("deny db:5432", "violation")), at=NOON)
        reporter.round()
        reporter.world.run(message(check("deny db:5432")), at=NOON + 60)
        reporter.api.refused = {"secret"}
        with pytest.raises(ApiError, match="HTTP 403"):
            reporter.round(NOON + 60)
        reporter.api.refused = set()
        reporter.api.secret["metadata"]["resourceVersion"] = "99"  # another reporter has written
        reporter.world.run(message(check("deny db:5432", "violation")), at=NOON + 120)
        with pytest.raises(ApiError, match="HTTP 409"):
            reporter.round(NOON + 120)
        reporter.round(NOON + 140)
    counts = [title.partition("netproof: ")[2].partition(":")[0] for title in titles(chat)]
    assert counts == ["1 new leak", "1 leak over", "1 new leak"]


def test_a_running_reporter_keeps_its_state_if_the_secret_is_emptied(reporter: Reporter) -> None:
    with servers.http(*[servers.OK] * 3) as chat:
        reporter.channel("chat", chat.port)
        _, failed = reporter.world.run(message(check("deny db:5432", "violation")), at=NOON)
        reporter.round()
        reporter.api.secret |= {"metadata": reporter.api.secret["metadata"] | {"resourceVersion": "99"}, "data": {}}
        reporter.world.items.remove(failed)
        reporter.world.run(message(check("allow api:80")), at=NOON + 60)
        with pytest.raises(ApiError, match="HTTP 409"):
            reporter.round(NOON + 60)
        reporter.round(NOON + 60 + news.CLAIM)
    assert titles(chat)[1:] == ["🟢 netproof: 1 leak no longer checked: tcp://db:5432 from shop/front"]


def test_a_summary_does_not_overwrite_what_another_reporter_has_written(reporter: Reporter) -> None:
    def sent(connection: socket.socket, over: Event) -> None:
        other = history.load(reporter.api.state)
        left = msgspec.structs.replace(other.vantages["shop/np/front"], key="shop/np/other", left=NOON)
        other.vantages["shop/np/other"] = left
        metadata = reporter.api.secret["metadata"] | {"resourceVersion": "99"}
        data = {"state": base64.b64encode(history.dump(other)).decode()}
        reporter.api.secret |= {"metadata": metadata, "data": data}
        servers.OK(connection, over)

    reporter.service.settings = msgspec.structs.replace(SETTINGS, digest="* * * * *")
    with servers.http(sent, servers.OK) as chat:
        reporter.round()
        reporter.channel("chat", chat.port)
        reporter.world.run(message(check("deny db:5432", "violation")), at=NOON)
        with pytest.raises(ApiError, match="HTTP 409"):
            reporter.round(NOON + 60)
        assert len(chat.requests) == 1
        reporter.round(NOON + 80)
    assert len(chat.requests) == 2
    assert "shop/np/other" in history.load(reporter.api.state).vantages


def test_a_message_that_cannot_be_made_is_a_failure_of_its_channels(
    reporter: Reporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def invalid(*_: object) -> list[Delivery]:
        raise NotificationError("not a document of netproof")

    with servers.http(servers.OK) as chat:
        reporter.channel("chat", chat.port)
        reporter.world.run(message(check("deny db:5432", "violation")), at=NOON)
        with monkeypatch.context() as patched:
            patched.setattr(service, "deliver", invalid)
            reporter.round(NOON)
        why = "the message cannot be made: not a document of netproof"
        assert reporter.notes == [("ERROR", f"channel chat: not delivered: {why}")]
        assert history.load(reporter.api.state).channels["chat"].reason == why
        reporter.round(NOON + 20)
    assert len(chat.requests) == 1


def test_a_channel_of_the_summary_that_does_not_exist_is_printed(reporter: Reporter) -> None:
    reporter.service.settings = msgspec.structs.replace(SETTINGS, digest="* * * * *", digest_channels=("boss",))
    reporter.round()
    reporter.round(NOON + 60)
    assert reporter.notes == [("ERROR", "channel boss: not delivered: there is no file with its URL")]


@pytest.mark.parametrize(("namespaces", "healthy"), [(2, False), (100, True)])
def test_a_round_over_many_namespaces_may_take_longer(reporter: Reporter, namespaces: int, healthy: bool) -> None:
    several = tuple(f"team-{number}" for number in range(namespaces))
    reporter.service.settings = msgspec.structs.replace(SETTINGS, namespaces=several)
    reporter.service.alive -= 1000
    assert reporter.service.healthy is healthy


def test_the_heartbeat_fails_while_there_is_a_finding(reporter: Reporter, tmp_path: Path) -> None:
    with servers.http(*[servers.OK] * 9) as beats:
        (tmp_path / "beat").write_text(f"http://localhost:{beats.port}/ping")
        reporter.service.heartbeat = tmp_path / "beat"
        reporter.round()
        reporter.service.beat()
        reporter.service._beaten = -1e9  # noqa: SLF001 - a minute later
        reporter.world.run(message(check("deny db:5432", "violation")), at=NOON)
        reporter.round(NOON + 60)
        reporter.service.beat()
    assert [each.line.split()[1] for each in beats.requests] == ["/ping", "/ping/fail"]


def test_a_heartbeat_that_fails_is_printed(reporter: Reporter, tmp_path: Path) -> None:
    with servers.http(servers.answer("500 Internal Server Error", b"")) as beats:
        (tmp_path / "beat").write_text(f"http://localhost:{beats.port}/")
        reporter.service.heartbeat = tmp_path / "beat"
        reporter.service.beat()
    assert reporter.notes == [("WARN", "heartbeat: HTTP 500")]


def test_a_folder_of_channels_that_cannot_be_read_is_printed(reporter: Reporter) -> None:
    reporter.folder.rmdir()
    reporter.round()
    level, text = reporter.notes[0]
    assert (level, "channels: cannot be read (No such file or directory)" in text) == ("ERROR", True)
    assert reporter.service.situation


def test_an_end_is_sent_when_the_folder_of_channels_can_be_read_again(reporter: Reporter) -> None:
    with servers.http(*[servers.OK] * 9) as chat:
        reporter.channel("chat", chat.port)
        reporter.world.run(message(check("deny db:5432", "violation")), at=NOON + HOUR)
        reporter.round(NOON + HOUR)
        reporter.world.run(message(check("deny db:5432")), at=NOON + 2 * HOUR)
        hidden = reporter.folder.rename(reporter.folder.with_name("hidden"))
        reporter.round(NOON + 2 * HOUR)
        hidden.rename(reporter.folder)
        reporter.round(NOON + 2 * HOUR + 20)
    assert "1 leak over" in titles(chat)[-1]


def test_without_channels_the_situation_is_still_judged(reporter: Reporter) -> None:
    reporter.service.channels = None
    reporter.world.run(message(check("deny db:5432", "violation")), at=NOON)
    reporter.round()
    assert reporter.service.situation
    assert reporter.service.situation.state == "violation"
    assert not reporter.notes


def test_the_summary_comes_by_the_calendar_with_the_page(reporter: Reporter) -> None:
    settings = msgspec.structs.replace(SETTINGS, digest="0 8 * * 1", digest_channels=("boss",), cluster="prod")
    reporter.service.settings = settings
    with servers.http(*[servers.OK] * 3) as boss, servers.http(*[servers.OK] * 3) as team:
        reporter.channel("boss", boss.port)
        reporter.channel("team", team.port)
        reporter.world.run(message(check("deny db:5432", "violation"), check("allow api:80")), at=NOON + HOUR)
        reporter.round(NOON + HOUR + 60)
        for now in (NOON + 24 * HOUR - 1, 6 * 24 * HOUR + NOON + 20 * HOUR, 6 * 24 * HOUR + NOON + 20 * HOUR + 20):
            reporter.service.settings = msgspec.structs.replace(settings, remind_every="900h")
            reporter.round(now)  # noon is a Monday; eight o'clock of the next one is six days and twenty hours later
    summaries = [each.json for each in boss.requests if each.json["attachments"]]
    assert len(summaries) == 1
    assert "2 vantages, 3 checks: 2 pass, 1 violation; 0 of 0 blocked targets proven" in summaries[0]["message"]
    (attached,) = summaries[0]["attachments"]
    assert attached["filename"] == "netproof-2026-06-08.html"
    assert "<!doctype html>" in base64.b64decode(attached["base64"]).decode()
    assert not [each for each in team.requests if each.json["attachments"]]

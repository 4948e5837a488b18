"""The reporter's rounds against an API server over real HTTPS, and channels over real HTTP."""

from __future__ import annotations

import base64
import json
import socket
import struct
import threading
import time
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import msgspec
import pytest
import trustme

from notifications.deliver import Delivery
from notifications.errors import NotificationError
from notifications.render import render as rendered
from reporter import history, news, service
from reporter.api import Api, ApiError
from reporter.server import Answer, serve
from reporter.service import Service
from reporter.settings import Settings, SettingsError, Vantage, load
from tests.chart.chart import ONE, render
from tests.notifications import servers
from tests.reporter.objects import HOUR, NOON, World, check, message
from tests.reporter.standin import StandIn, standin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


CONFLICT = 409
SETTINGS = Settings(
    release="np",
    namespace="ops",
    state_secret="state",
    interval="0",
    namespaces=("shop", "pay"),
    vantages=(Vantage(name="front", namespace="shop"), Vantage(name="back", namespace="pay")),
)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[StandIn]:
    with standin(tmp_path / "account") as server:
        yield server


class Reporter:
    """A release of two vantages, its reporter, and its channels."""

    def __init__(self, api: StandIn, folder: Path) -> None:
        self.api, self.folder, self.world, self.notes = api, folder, World(), list[tuple[str, str]]()
        folder.mkdir()
        for name, namespace in (("front", "shop"), ("back", "pay")):
            self.world.cronjob(name, namespace)
            self.world.run(message(check("allow api:80")), name=name, namespace=namespace, at=NOON)
        self.service = self.new()

    def new(self) -> Service:
        return Service(SETTINGS, self.api.api, lambda level, text: self.notes.append((level, text)), self.folder)

    def channel(self, name: str, port: int) -> None:
        (self.folder / name).write_text(f"json://localhost:{port}/?retry=0")

    def round(self, now: int = NOON) -> None:
        self.api.items = self.world.items
        self.service.round(now)


@pytest.fixture
def reporter(api: StandIn, tmp_path: Path) -> Reporter:
    return Reporter(api, tmp_path / "channels")


def titles(server: servers.Server) -> list[str]:
    return [each.json["title"] for each in server.requests]


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
    assert history.load(reporter.api.state).findings == {}


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
        reporter.service._record = lambda *_: None  # type: ignore[method-assign]  # noqa: SLF001 - it dies here
        reporter.round(NOON + HOUR)
        reporter.service = reporter.new()
        reporter.round(NOON + HOUR + 30)
        assert len(slack.requests) == 1  # what the dead one claimed
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
    assert [each.kind for each in history.load(reporter.api.state).findings.values()] == ["leak"]


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
    assert counts == ["1 new leak", "1 leak over", "still 1 leak"]


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
        other.vantages["other"] = history.Vantage(Vantage(name="other", namespace="shop"))
        metadata = reporter.api.secret["metadata"] | {"resourceVersion": "99"}
        data = {"state": base64.b64encode(history.dump(other)).decode()}
        reporter.api.secret |= {"metadata": metadata, "data": data}
        servers.OK(connection, over)

    reporter.service.settings = msgspec.structs.replace(SETTINGS, digest="* * * * *")
    with servers.http(sent, servers.OK) as chat:
        reporter.round()
        reporter.channel("chat", chat.port)
        reporter.world.run(message(check("deny db:5432", "violation")), at=NOON)
        reporter.round(NOON + 60)
    assert len(chat.requests) == 2
    assert "other" in history.load(reporter.api.state).vantages


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
        assert history.load(reporter.api.state).failing["chat"].reason == why
        reporter.round(NOON + 20)
    assert len(chat.requests) == 1


def test_a_channel_of_the_summary_that_does_not_exist_is_printed(reporter: Reporter) -> None:
    reporter.service.settings = msgspec.structs.replace(SETTINGS, digest="* * * * *", digest_channels=("boss",))
    reporter.round()
    reporter.round(NOON + 60)
    assert reporter.notes == [("ERROR", "channel boss: not delivered: there is no such file; give one URL in a file")]


# --- an API that does not do as asked ----------------------------------------------------------


@pytest.mark.parametrize("fault", [(429, "0"), (503, ""), (500, ""), (429, "")])
def test_a_request_that_fails_for_a_moment_is_sent_again(reporter: Reporter, fault: tuple[int, str]) -> None:
    reporter.api.faults = [fault, fault]
    reporter.round()
    assert reporter.service.situation is not None


def test_an_api_that_is_overloaded_is_not_asked_without_a_pause(reporter: Reporter) -> None:
    reporter.api.faults = [(429, "0")] * 100
    with pytest.raises(ApiError, match="HTTP 429"):
        replace(reporter.api.api, patience=1.2).objects(SETTINGS)
    assert len(reporter.api.requests) == 2


def test_an_api_that_fails_for_long_is_an_error_with_its_answer(reporter: Reporter) -> None:
    reporter.api.faults = [(503, "60")]
    with pytest.raises(ApiError, match="HTTP 503: a fault"):
        reporter.round()


def test_a_refusal_without_a_reason_has_its_status_alone(reporter: Reporter) -> None:
    reporter.api.faults, reporter.api.fault = [(403, "")], b"<html>a proxy</html>"
    with pytest.raises(ApiError, match=r"HTTP 403$"):
        reporter.round()


def test_an_answer_that_is_too_large_is_an_error(reporter: Reporter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reporter.api._LARGEST", 10)
    with pytest.raises(ApiError, match="the answer has more than 10 bytes"):
        replace(reporter.api.api, patience=0.1).objects(SETTINGS)


def test_an_answer_that_takes_longer_than_the_limit_is_an_error(reporter: Reporter) -> None:
    with pytest.raises(ApiError, match="the answer takes too long"):
        replace(reporter.api.api, patience=0.0).objects(SETTINGS)


def test_a_list_whose_next_page_expired_is_read_again_in_the_next_round(reporter: Reporter) -> None:
    for _ in range(300):
        reporter.world.run(message(check("allow api:80")), at=NOON)
    reporter.world.run(message(check("deny db:5432", "violation")), at=NOON)
    reporter.api.expired = "pods"
    with pytest.raises(ApiError, match="HTTP 410"):
        reporter.round(NOON + 60)
    reporter.api.expired = ""
    reporter.round(NOON + 80)
    assert reporter.service.situation
    assert [each.kind for each in reporter.service.situation.findings] == ["leak"]


def test_a_namespace_that_is_refused_is_a_finding_and_nothing_there_is_over(reporter: Reporter) -> None:
    reporter.world.run(message(check("deny db:5432", "violation")), at=NOON)
    reporter.round()
    reporter.api.refused = {"shop"}
    reporter.round(NOON + 20)
    assert reporter.service.situation
    texts = [(each.kind, each.evidence) for each in reporter.service.situation.findings]
    assert texts[0][0] == "leak"
    assert "namespace shop cannot be listed: apis/batch/v1/namespaces/shop/cronjobs: HTTP 403" in texts[1][1]


def test_a_leak_is_not_lost_while_the_pods_of_its_namespace_cannot_be_listed(reporter: Reporter) -> None:
    reporter.round()
    reporter.world.run(message(check("deny db:5432", "violation")), at=NOON)
    reporter.api.refused = {"shop/pods"}
    reporter.round(NOON + 60)
    reporter.api.refused = set()
    reporter.round(NOON + 80)
    assert reporter.service.situation
    assert [each.kind for each in reporter.service.situation.findings] == ["leak"]


def test_the_token_is_read_again_for_each_request(reporter: Reporter, tmp_path: Path) -> None:
    reporter.round()
    reporter.api.token = "token-2"
    with pytest.raises(ApiError, match="401"):
        reporter.round()
    (tmp_path / "account" / "token").write_text("token-2\n")
    reporter.round()


def test_a_certificate_of_another_authority_is_refused(reporter: Reporter, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "account" / "ca.crt")
    with pytest.raises(ApiError, match="CERTIFICATE_VERIFY_FAILED"):
        Service(SETTINGS, type(reporter.api.api)(reporter.api.api.url, tmp_path / "account", 0.1), print).round(NOON)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"items": 3}', b'{"items": [' * 1000])
def test_an_answer_that_is_not_a_list_is_an_error(reporter: Reporter, body: bytes) -> None:
    reporter.api.bodies = {kind: [body] for kind in ("cronjobs", "jobs", "pods")}
    with pytest.raises(ApiError, match="not a list of Kubernetes objects"):
        reporter.round()


def test_a_secret_that_is_not_an_object_is_an_error(reporter: Reporter) -> None:
    reporter.api.secret = {"kind": "Secret"}
    with pytest.raises(ApiError, match="not a Secret: Object missing required field `metadata`"):
        reporter.round()


def test_an_api_that_cannot_be_reached_is_printed_once_and_no_reason_to_restart(reporter: Reporter) -> None:
    reporter.api.faults = [(401, "")] * 3
    stop = threading.Event()
    reporter.api.items = reporter.world.items
    thread = threading.Thread(target=reporter.service.run, args=(stop,))
    thread.start()
    end = time.monotonic() + 20
    while len(reporter.notes) < 2 and time.monotonic() < end:
        time.sleep(0.01)
    stop.set()
    thread.join()
    levels = [level for level, text in reporter.notes]
    assert levels[:2] == ["ERROR", "INFO"]
    assert reporter.notes[1][1] == "the API answers again"
    assert reporter.service.healthy


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


# --- the rest of the edge ------------------------------------------------------------------------


def test_pages_are_served_from_a_table() -> None:
    server = serve(("127.0.0.1", 0), {"/healthz": lambda _: Answer(b"ok\n")})
    with urlopen(f"http://127.0.0.1:{server.server_port}/healthz") as answer:
        assert answer.read() == b"ok\n"
    with urlopen(Request(f"http://127.0.0.1:{server.server_port}/healthz", method="HEAD")) as answer:
        assert (answer.headers["Content-Length"], answer.read()) == ("3", b"")
    with pytest.raises(HTTPError, match="404") as refused:
        urlopen(f"http://127.0.0.1:{server.server_port}/etc/passwd")
    refused.value.close()
    server.shutdown()
    server.server_close()


def test_a_client_that_disconnects_early_leaves_no_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    asked, gone = Event(), Event()

    def late(_: object) -> Answer:
        asked.set()
        gone.wait()
        return Answer(bytes(10_000_000))

    server = serve(("127.0.0.1", 0), {"/late": late})
    with socket.create_connection(("127.0.0.1", server.server_port)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close() sends a reset
        client.sendall(b"GET /late HTTP/1.0\r\n\r\n")
        asked.wait()
    gone.set()
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join()
    server.shutdown()
    server.server_close()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("interval: soon", r"Expected `str` matching regex .* - at `\$.interval`"),
        ("vantages: [{name: a}]", "missing required field `namespace`"),
        ("releese: x", "unknown field `releese`"),
        ("{", "is not YAML"),
        ("digest: every Monday", "the schedule 'every Monday' cannot be read"),
    ],
)
def test_invalid_settings_are_an_error_with_the_place(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "reporter.yaml").write_text(text)
    with pytest.raises(SettingsError, match=why):
        load(tmp_path / "reporter.yaml")


def test_settings_are_read(tmp_path: Path) -> None:
    values: dict[str, Any] = {"release": "np", "interval": "20s", "vantages": [{"name": "a", "namespace": "b"}]}
    (tmp_path / "reporter.yaml").write_text(json.dumps(values))
    assert load(tmp_path / "reporter.yaml").vantages[0].namespace == "b"


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

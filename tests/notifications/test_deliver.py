"""Messages arrive at real servers on loopback, each in the right form."""

import ssl
from pathlib import Path

import pytest

from notifications.channels import folder
from notifications.deliver import deliver, send_test
from notifications.errors import NotificationError
from notifications.render import render
from tests.notifications import conftest as sample
from tests.notifications import servers

REFUSED = "its URL is not one that apprise accepts; see https://appriseit.com/services/"


def test_every_channel_gets_its_form(
    leaking: sample.Report, channels: sample.Channels, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        servers.http(servers.OK, tls=tls) as slack,
        servers.proxy(slack.port) as proxy,
        servers.http(servers.answer("202 Accepted"), tls=tls) as teams,
        servers.smtp() as mailbox,
        servers.http(servers.OK) as other,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "localhost")
        listed = channels(
            slack=sample.SLACK,
            teams=sample.workflows(teams.port),
            mail=sample.mail(mailbox.port).replace("ops:pa55wordSecret@", ""),
            other=sample.json(other.port),
        )
        deliveries = deliver(leaking, listed)

    assert [(each.channel, each.delivered, each.reason) for each in deliveries] == [
        (name, True, None) for name in ("mail", "other", "slack", "teams")
    ]
    assert proxy.hosts == ["hooks.slack.com:443"]

    (attachment,) = slack.requests[0].json["attachments"]
    header, section = attachment["blocks"]
    assert header["text"]["text"] == "🔴 netproof: 1 leak, 1 unreachable target, 1 inconclusive check from shop in prod"
    assert section["text"]["type"] == "mrkdwn"
    assert "• `tcp://mongo.db:27017` Customer database\n" in section["text"]["text"]

    (post,) = teams.requests
    (card,) = post.json["attachments"]
    title, body = (block["text"] for block in card["content"]["body"])
    assert title.startswith("🔴 netproof: 1 leak")
    assert "- **tcp://mongo.db:27017** Customer database · 10.42.0.9: accepted" in body

    (mail,) = mailbox.mails
    assert mail["Subject"] == header["text"]["text"]
    assert mail["To"] == "team@example.com"
    parts = [part for kind in ("plain", "html") if (part := mail.get_body([kind]))]
    text, html = (part.get_content().replace("\r\n", "\n") for part in parts)
    assert "\ntcp://mongo.db:27017 Customer database\n10.42.0.9: accepted after 0.4 ms\n" in text
    assert text.endswith("\nRunbook: https://wiki.example.com/netproof")
    assert '<a href="https://wiki.example.com/netproof">' in html

    assert other.requests[0].json["message"].startswith("1 leak · must be blocked")
    assert other.requests[0].json["type"] == "failure"


def test_the_content_of_a_message_and_its_order(
    leaking: sample.Report,
    channels: sample.Channels,
) -> None:
    with servers.http(servers.OK) as other:
        deliver(leaking, channels(other=sample.json(other.port)))
    message = other.requests[0].json["message"]
    places = [
        message.index(text)
        for text in (
            "1 leak · must be blocked",
            "• tcp://mongo.db:27017 Customer database",
            "10.42.0.9: accepted after 0.4 ms",
            "It must be blocked, and it let us in.",
            "Because: customer data",
            "1 unreachable target · must answer",
            "nothing came back within 3 s",
            "1 inconclusive check · could not be decided",
            "NXDOMAIN: there is no such name",
            "From: shop · cluster prod · namespace shop · labels app=shop · node ip-10-0-0-7",
            "Time: Tue 24 Nov 2026, 08:00:00 UTC · 4 of 7 checks pass",
            "Run it again: kubectl -n shop create job --from=cronjob/netproof-shop netproof-shop-$(date +%s)",
            "Runbook: https://wiki.example.com/netproof",
        )
    ]
    assert places == sorted(places)


def test_a_long_report_is_one_post_with_a_count(
    channels: sample.Channels, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = sample.of(*(sample.check("leak", target=f"tcp://10.0.{n}.1:443", because="b" * 300) for n in range(200)))
    with (
        servers.http(servers.OK, tls=tls) as slack,
        servers.proxy(slack.port) as proxy,
        servers.http(servers.answer("202 Accepted"), tls=tls) as teams,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("NO_PROXY", "localhost")
        listed = channels(slack=sample.SLACK + "&overflow=truncate", teams=sample.workflows(teams.port))
        assert all(each.delivered for each in deliver(report, listed))
    (slack_post,), (teams_post,) = slack.requests, teams.requests
    texts = [block["text"]["text"] for block in slack_post.json["attachments"][0]["blocks"]]
    assert len(texts[0]) <= 150
    assert len(texts[1]) <= 3000
    assert "*200 leaks*" in texts[1]
    assert f"… and {200 - texts[1].count('• ')} more" in texts[1]
    texts = [block["text"] for block in teams_post.json["attachments"][0]["content"]["body"]]
    assert 2000 < sum(map(len, texts)) <= 2900
    assert len(teams_post.body) < 28_000
    assert "**200 leaks**" in texts[1]
    assert "[Runbook](https://wiki.example.com/netproof)" in texts[1]


def test_a_message_fits_a_service_with_a_small_limit(leaking: sample.Report) -> None:
    # An apprise service for SMS: 160 characters, and its title is part of the body.
    message = render(leaking, "text", size=158)
    assert len(message.title) + len(message.body) <= 158
    assert message.title.startswith("🔴 netproof: 1 leak")


def test_a_failed_try_is_tried_again(
    leaking: sample.Report,
    channels: sample.Channels,
) -> None:
    with servers.http(servers.answer("503 Busy"), servers.OK) as other:
        (delivery,) = deliver(leaking, channels(other=sample.json(other.port, "retry=1&wait=0.1")))
    assert delivery.delivered
    assert len(other.requests) == 2


def test_it_is_tried_three_times_unless_the_url_changes_this(leaking: sample.Report, channels: sample.Channels) -> None:
    with servers.http(servers.answer("503 Busy")) as other:
        (delivery,) = deliver(leaking, channels(other=sample.json(other.port, "wait=0")))
    assert len(other.requests) == 3
    assert delivery.reason == "HTTP 503 after 3 tries"


def test_mail_over_starttls_trusts_the_ca(
    leaking: sample.Report, channels: sample.Channels, tls: ssl.SSLContext
) -> None:
    with servers.smtp(tls=tls) as mailbox:
        url = f"mailtos://localhost:{mailbox.port}/?to=team@example.com&from=netproof@example.com&mode=starttls"
        (delivery,) = deliver(leaking, channels(mail=url))
    assert (delivery.delivered, delivery.reason) == (True, None)
    assert mailbox.mails[0]["Subject"].startswith("🔴 netproof: 1 leak")


def test_a_test_message_is_marked_as_one(channels: sample.Channels, tls: ssl.SSLContext) -> None:
    with servers.http(servers.OK, tls=tls) as teams, servers.http(servers.OK) as other:
        listed = channels(broken="slack://", other=sample.json(other.port), teams=sample.workflows(teams.port))
        broken, *good = send_test(listed)
    assert not broken.delivered
    assert all(each.delivered for each in good)
    assert other.requests[0].json["title"] == "🟢 netproof: This is a test message: nothing is wrong"
    assert "netproof notify --test" in other.requests[0].json["message"]
    assert "This is a test message" in teams.requests[0].body.decode()


def test_invalid_channels_are_reported_by_name_and_the_others_are_delivered(
    leaking: sample.Report, channels: sample.Channels, tmp_path: Path
) -> None:
    with servers.http(servers.OK) as other:
        channels(
            a_empty="# nothing\n",
            b_two="json://one\njson://two",
            c_no_url="T0SECRETAA/B0SECRETBB",
            d_unknown="slak://T0SECRETAA/B0SECRETBB/cSecretToken0123456789ab",
            e_wrong="slack://T0SECRETAA",
            g_good=f"\ufeff# our chat, written by Notepad\n\n{sample.json(other.port)}\n",
        )
        path = tmp_path / "channels"
        (path / "f_binary").write_bytes(b"\xff\xfe")
        (path / "..data").mkdir()
        (path / ".hidden").write_text("json://nobody")
        deliveries = deliver(leaking, folder(path))
    assert {each.channel: each.reason for each in deliveries} == {
        "a_empty": "its file is empty; it must hold one URL (lines that begin with # are ignored)",
        "b_two": "its file holds more than one line; it must hold one URL (lines that begin with # are ignored)",
        "c_no_url": REFUSED,
        "d_unknown": REFUSED,
        "e_wrong": REFUSED,
        "f_binary": "its file is not UTF-8 text",
        "g_good": None,
    }
    assert len(other.requests) == 1


def test_a_file_that_is_too_large_is_reported(leaking: sample.Report, tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as stream:
        stream.truncate(2**28)
    (delivery,) = deliver(leaking, folder(tmp_path))
    assert (delivery.delivered, delivery.reason) == (False, "needs more than 32 MB of memory")


def test_a_secret_that_kubernetes_has_mounted(leaking: sample.Report, tmp_path: Path) -> None:
    # Each file is a link into ..data, itself a link to a folder with a time in its name.
    with servers.http(servers.OK) as other:
        data = tmp_path / "..2026_11_24_08_00_00.1"
        data.mkdir()
        (data / "chat").write_text(sample.json(other.port))
        (tmp_path / "..data").symlink_to(data.name)
        (tmp_path / "chat").symlink_to("..data/chat")
        deliveries = deliver(leaking, folder(tmp_path))
    assert [(each.channel, each.delivered) for each in deliveries] == [("chat", True)]


def test_a_missing_folder_and_an_invalid_document_raise_an_error(
    leaking: sample.Report, channels: sample.Channels, tmp_path: Path
) -> None:
    with pytest.raises(NotificationError, match="nowhere: cannot be read"):
        folder(tmp_path / "nowhere")
    invalid: list[sample.Report] = [{"some": "thing"}, {"version": 2}, {**leaking, "kind": "poem"}]
    for document in (*invalid, *({**leaking, "started": when} for when in ("today", "0001-01-01T00:00:00+14:00"))):
        with pytest.raises(NotificationError, match="not a document of netproof"):
            deliver(document, channels(chat="json://localhost"))
    with pytest.raises(NotificationError, match="its version is 1"):
        deliver({**leaking, "version": 1}, {})
    assert deliver(leaking, {}) == []


def test_a_failure_of_the_checker_is_sent(channels: sample.Channels) -> None:
    error = {"title": "The configuration has 1 mistake.", "problems": ["netproof.yaml:3: deny[3].tiemout: unknown key"]}
    with servers.http(servers.OK) as other:
        report = sample.of(verdict=None, exitCode=2, error=error)
        (delivery,) = deliver(report, channels(other=sample.json(other.port)))
    assert delivery.delivered
    sent = other.requests[0].json
    assert sent["title"] == "🟡 netproof: The configuration has 1 mistake from shop in prod"
    assert "• netproof.yaml:3: deny[3].tiemout: unknown key\n" in sent["message"]
    assert sent["type"] == "warning"


def test_a_pass_is_sent_with_its_warnings(channels: sample.Channels) -> None:
    warning = "deny.lst:4: this name has no dot, so that the search domains of the pod decide what it means to say"
    report = sample.of(warnings=[warning])
    report["checks"] = [{**sample.check("leak"), "verdict": "pass", "finding": None}] * 4
    with servers.http(servers.OK) as other:
        (delivery,) = deliver(report, channels(other=sample.json(other.port)))
    assert delivery.delivered
    sent = other.requests[0].json
    assert sent["title"] == "🟢 netproof: all 4 checks pass from shop in prod"
    assert "4 of 4 checks pass\n" in sent["message"]
    assert f"Warning: {warning}\n" in sent["message"]
    assert sent["type"] == "success"

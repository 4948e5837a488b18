"""A situation as a message: what is new, what has not ended, what is over, and what could not be delivered."""

import json
from pathlib import Path
from typing import Any

import pytest

from notifications.channels import folder
from notifications.deliver import Attachment, deliver
from notifications.forms import FORMS
from notifications.render import render
from tests.notifications import conftest as sample
from tests.notifications import servers

LEAK = sample.found("leak")


@pytest.mark.parametrize(
    ("given", "title"),
    [
        ({"new": [LEAK]}, "🔴 netproof: 1 new leak: tcp://mongo.db:27017 from prod/shop/web-1"),
        ({"new": [sample.found("leak", 12)]}, "🔴 netproof: 1 new leak: tcp://mongo.db:27017 from 12 places"),
        ({"over": [LEAK]}, "🟢 netproof: 1 leak over: tcp://mongo.db:27017 from prod/shop/web-1"),
        ({"over": [LEAK, LEAK], "still": [LEAK]}, "🔴 netproof: 2 leaks over"),
        ({"still": [LEAK, sample.found("inconclusive")]}, "🔴 netproof: still 1 leak, still 1 inconclusive check"),
        (
            {"new": [sample.found("overdue", target=None, name="shop/web")]},
            "🟡 netproof: 1 new overdue vantage: shop/web from prod/shop/web-1",
        ),
        (
            {"new": [LEAK, LEAK, sample.found("unreachable")], "over": [sample.found("inconclusive")]},
            "🔴 netproof: 2 new leaks, 1 new unreachable target, 1 inconclusive check over",
        ),
        (
            {"notChecked": [LEAK]},
            "🟢 netproof: 1 leak no longer checked: tcp://mongo.db:27017 from prod/shop/web-1",
        ),
        ({"undelivered": sample.situation()["undelivered"]}, "🟢 netproof: nothing changed"),
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_the_title_names_what_changed(form: str, given: Any, title: str) -> None:
    assert render(sample.situation(**given), form).title == title


def test_a_message_has_the_beginning_and_the_duration() -> None:
    body = render(sample.situation(), "text").body
    places = [
        body.index(text)
        for text in (
            "1 new leak · must be blocked",
            "Since Mon 23 Nov 2026, 04:00:00 UTC (28 h)",
            "From: prod/shop/web-1, prod/shop/web-2, ",
            "1 new overdue vantage · did not run, or left no report",
            "no run for 3 h",
            "1 unreachable target over · this has ended",
            "Lasted from Mon 23 Nov 2026, 04:00:00 UTC to Tue 24 Nov 2026, 08:00:00 UTC (28 h)",
            "1 leak no longer checked · ",
            "tcp://old.db:5432",
            "still 1 inconclusive check · could not be decided",
            "Warning: channel mail received nothing since Tue 24 Nov 2026, 07:00:00 UTC: HTTP 500 after 3 tries",
            "Runbook: https://wiki.example.com/netproof",
        )
    ]
    assert places == sorted(places)


@pytest.mark.parametrize(("form", "shown"), [("slack", 6), ("teams", 6), ("html", 12), ("text", 12)])
def test_one_finding_with_many_places_is_one_entry(form: str, shown: int) -> None:
    body = render(sample.situation(new=[sample.found("leak", 1000)]), form).body
    assert body.count("Customer database") == 1
    assert body.count("prod/shop/web-") == shown
    assert f" and {1000 - shown} more" in body


@pytest.mark.parametrize("form", FORMS)
def test_a_thousand_findings_fit(form: str) -> None:
    found = [sample.found("leak", 1000, target=f"tcp://10.0.{n}.1:443") for n in range(1000)]
    message = render(sample.situation(new=found, still=found), form)
    assert len(message.title) + len(message.body) <= FORMS[form].size
    assert "10.0.0.1:443" in message.body
    assert "1000 new leaks" in message.body


OWN = """{{ sign }} {{ headline }}
{% for group in groups %}{{ group.count }} {{ group.what }} {{ group.more }}
{% for check in group.checks %}
{{ check.target | code }} {{ check.name }} {{ check.seen }} {{ check.meaning }} {{ check.because }}{{ check.where }}
{% endfor %}{% endfor %}
{% for key, place in vantage.items() %}{{ key }}={{ place }} {% endfor %}
{{ error }}{{ problems }}{{ more_problems }}{{ time }} {{ duration }} {{ tally }} {{ warnings }} {{ rerun }}
{% if runbook %}{{ runbook | link("Runbook") }}{% endif %}"""


@pytest.mark.parametrize("form", FORMS)
def test_a_template_written_for_a_run_renders_every_document(form: str, leaking: sample.Report, tmp_path: Path) -> None:
    (tmp_path / f"{form}.j2").write_text(OWN)
    keep = ("kind", "version", "verdict", "exitCode", "started", "duration", "vantage", "summary", "stopped", "error")
    checks = [{key: check[key] for key in ("finding", "list", "target", "verdict")} for check in leaking["checks"]]
    shortened = {**{key: leaking[key] for key in keep}, "checks": checks}
    for document in (leaking, shortened, sample.situation()):
        message = render(document, form, tmp_path)
        assert message.fault is None
        assert "mongo.db" in message.body
        assert "None" not in message.body


def test_it_goes_to_the_channels_that_are_named_with_a_file(channels: sample.Channels, tmp_path: Path) -> None:
    page = Attachment("netproof.html", "<!doctype html><p>æ</p>")
    with servers.smtp() as mailbox, servers.http(servers.OK) as other, servers.http(servers.OK) as third:
        mail = sample.mail(mailbox.port).replace("ops:pa55wordSecret@", "")
        channels(mail=mail, other=sample.json(other.port), third=sample.json(third.port))
        there = folder(tmp_path / "channels")
        named = {"mail": there["mail"], "nobody": Path(), "other": there["other"]}
        deliveries = deliver(sample.situation(), named, attachment=page)
    absent = "there is no file with its URL"
    assert [(each.channel, each.delivered, each.reason) for each in deliveries] == [
        ("mail", True, None),
        ("nobody", False, absent),
        ("other", True, None),
    ]
    assert not third.requests
    assert json.loads(other.requests[0].body)["attachments"][0]["filename"] == "netproof.html"
    (attached,) = mailbox.mails[0].iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == ("netproof.html", "text/html")
    body = attached.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert body.decode().strip() == page.content

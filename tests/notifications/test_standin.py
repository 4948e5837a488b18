"""The stand-in for Slack takes what the ordinary path sends, and shows it as a person sees it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from apprise.plugins.slack import NotifySlack

from notifications import standin
from notifications.deliver import deliver
from tests.notifications import conftest as sample


def test_it_shows_what_arrived(
    leaking: sample.Report, channels: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    leaking["checks"][2]["because"] = "a < b & *c*"
    real = NotifySlack.webhook_url
    with standin.slack() as slack:
        (delivery,) = deliver(leaking, channels(slack=slack.url))
    assert delivery.delivered
    assert NotifySlack.webhook_url == real
    assert "NO_PROXY" not in os.environ
    (shown,) = slack.shown()
    assert shown.startswith("🔴 netproof: 1 leak, 1 unreachable, 1 inconclusive from shop in prod\n\n1 leak · must be")
    assert "\n• tcp://mongo.db:27017 Customer database\n    10.42.0.9: accepted after 0.4 ms\n" in shown
    assert "Because: a < b & *c*\n" in shown
    assert shown.endswith("\nRunbook: https://wiki.example.com/netproof")

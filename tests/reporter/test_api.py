"""The client of the Kubernetes API, over real HTTPS: what fails, and what a round makes of it."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import trustme

from reporter.api import ApiError
from reporter.service import Service
from tests.reporter.objects import NOON, check, message

if TYPE_CHECKING:
    from pathlib import Path
from tests.reporter.conftest import SETTINGS, Reporter


@pytest.mark.parametrize("fault", [(429, "0"), (503, ""), (500, ""), (429, "")])
def test_a_request_that_fails_for_a_moment_is_sent_again(reporter: Reporter, fault: tuple[int, str]) -> None:
    reporter.api.faults = [fault, fault]
    reporter.round()
    assert reporter.service.situation is not None


def test_requests_to_an_overloaded_api_have_pauses(reporter: Reporter) -> None:
    reporter.api.faults = [(429, "0")] * 100
    with pytest.raises(ApiError, match="HTTP 429"):
        replace(reporter.api.api, patience=1.2).objects(SETTINGS)
    assert len(reporter.api.requests) == 2


def test_an_api_that_fails_for_long_is_an_error_with_its_answer(reporter: Reporter) -> None:
    reporter.api.faults = [(503, "60")]
    with pytest.raises(ApiError, match="HTTP 503: a fault"):
        reporter.round()


def test_a_refusal_without_a_reason_has_only_its_status(reporter: Reporter) -> None:
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

"""Servers that fail in every way: the reason is reported in plain words, in time, and without any secret."""

import json
import logging
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from notifications.deliver import Delivery, deliver
from tests.notifications import conftest as sample
from tests.notifications import servers

# Seconds: the limit for what never ends, and a limit that is long enough on a busy machine.
LIMIT, AMPLE = 1.5, 25.0
LATE = f"timed out after {LIMIT:g} s"
ONCE, HASTY = "retry=0&cto=20&rto=20", "retry=0&cto=0.3&rto=0.3"

HTTP = {
    "500": (servers.answer("500 Oops", b"T0SECRETAA pathSecret"), "HTTP 500 after 1 try"),
    "404": (servers.answer("404 Not Found"), "HTTP 404: is the URL still valid? after 1 try"),
    "redirect": (
        servers.answer("302 Found", b"", "Location: http://localhost:9/pathSecret"),
        "HTTP 302: a redirect, not followed after 1 try",
    ),
    "hang": (servers.hang, "no answer in time after 1 try"),
    "trickle": (servers.trickle, LATE),
    "reset": (servers.reset, "it closed the connection after 1 try"),
    "garbage": (servers.garbage, "its answer is invalid after 1 try"),
}
SMTP = {
    "hang": (servers.hang, "no answer in time after 1 try"),
    "trickle": (servers.trickle_mail, LATE),
    "reset": (servers.reset, "it closed the connection after 1 try"),
    "garbage": (servers.garbage, "its answer is invalid after 1 try"),
}


@pytest.fixture
def secretive(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[list[Delivery]]:
    """Log at every level, then search for secrets in all output, and in the deliveries that a test appends."""
    caplog.set_level(logging.DEBUG)
    deliveries: list[Delivery] = []
    yield deliveries
    captured = capfd.readouterr()
    everything = "\n".join((captured.out, captured.err, caplog.text, repr(deliveries)))
    assert deliveries, "nothing was delivered: nothing was tested"
    assert not [secret for secret in sample.SECRETS if secret in everything]


@contextmanager
def all_services(
    behaviour: servers.Behaviour, tls: ssl.SSLContext, patch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """Run a server that fails for each kind of channel; yield the channels."""
    with ExitStack() as stack:
        secure = stack.enter_context(servers.http(behaviour, tls=tls))
        plain = stack.enter_context(servers.http(behaviour))
        proxy = stack.enter_context(servers.proxy(secure.port))
        patch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        patch.setenv("NO_PROXY", "localhost")
        yield {
            "slack": f"{sample.SLACK}&{haste(behaviour)}",
            "teams": sample.workflows(secure.port, haste(behaviour)),
            "other": sample.json(plain.port, haste(behaviour)),
        }


def haste(behaviour: servers.Behaviour) -> str:
    return HASTY if behaviour is servers.hang else ONCE


def limit(behaviour: servers.Behaviour) -> float:
    return LIMIT if behaviour in (servers.trickle, servers.trickle_mail) else AMPLE


@pytest.mark.parametrize(("behaviour", "reason"), HTTP.values(), ids=HTTP)
def test_http_that_fails(
    behaviour: servers.Behaviour,
    reason: str,
    leaking: sample.Report,
    channels: sample.Channels,
    tls: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
    secretive: list[Delivery],
) -> None:
    with all_services(behaviour, tls, monkeypatch) as urls:
        secretive += deliver(leaking, channels(**urls), limit=limit(behaviour))
    reasons = dict.fromkeys(urls, reason)
    if behaviour is servers.reset:  # urllib3 reports an error of the proxy for what is behind it
        reasons["slack"] = "the proxy (HTTPS_PROXY) did not connect after 1 try"
    assert not any(each.delivered for each in secretive)
    assert {each.channel: each.reason for each in secretive} == reasons


@pytest.mark.parametrize(("behaviour", "reason"), SMTP.values(), ids=SMTP)
def test_mail_that_fails(
    behaviour: servers.Behaviour,
    reason: str,
    leaking: sample.Report,
    channels: sample.Channels,
    secretive: list[Delivery],
) -> None:
    with servers.tcp(behaviour) as server:
        secretive += deliver(leaking, channels(mail=sample.mail(server.port, haste(behaviour))), limit=limit(behaviour))
    assert secretive == [Delivery("mail", delivered=False, reason=reason)]


def test_mail_that_is_refused(
    leaking: sample.Report,
    channels: sample.Channels,
    secretive: list[Delivery],
) -> None:
    with servers.smtp(refuse="550 no such pa55wordSecret here") as mailbox:
        url = sample.mail(mailbox.port).replace("ops:pa55wordSecret@", "")
        secretive += deliver(leaking, channels(mail=url), limit=AMPLE)
    assert secretive == [Delivery("mail", delivered=False, reason="SMTP 550 after 1 try")]


def test_a_mail_server_without_login(
    leaking: sample.Report, channels: sample.Channels, secretive: list[Delivery]
) -> None:
    with servers.smtp() as mailbox:
        secretive += deliver(leaking, channels(mail=sample.mail(mailbox.port)), limit=AMPLE)
    assert secretive == [
        Delivery("mail", delivered=False, reason="the server offers no login, or no STARTTLS after 1 try")
    ]


def test_nobody_listens(
    leaking: sample.Report, channels: sample.Channels, monkeypatch: pytest.MonkeyPatch, secretive: list[Delivery]
) -> None:
    port = servers.refused()
    folder = channels(
        mail=sample.mail(port, ONCE),
        other=sample.json(port, ONCE),
        teams=sample.workflows(port, ONCE),
        unknown=f"json://ops:pa55wordSecret@nowhere.invalid/pathSecret?{ONCE}",
    )
    secretive += deliver(leaking, folder, limit=AMPLE)
    reasons = {each.channel: each.reason for each in secretive}
    assert reasons.pop("unknown") == "its name does not resolve after 1 try"
    assert set(reasons.values()) == {"connection refused after 1 try"}
    monkeypatch.setenv("HTTPS_PROXY", f"http://ops:pa55wordSecret@127.0.0.1:{port}")
    secretive += (late := deliver(leaking, channels(slack=f"{sample.SLACK}&{ONCE}"), limit=AMPLE))
    assert late[2].reason == "the proxy (HTTPS_PROXY) did not connect after 1 try"


def test_a_certificate_that_is_not_trusted(
    leaking: sample.Report,
    channels: sample.Channels,
    ca: tuple[ssl.SSLContext, Path],
    monkeypatch: pytest.MonkeyPatch,
    secretive: list[Delivery],
) -> None:
    with servers.http(servers.OK, tls=ca[0]) as teams, servers.smtp(tls=ca[0]) as mailbox:
        mails = f"mailtos://localhost:{mailbox.port}/?to=team@example.com&from=n@example.com&mode=starttls&retry=0"
        folder = channels(teams=sample.workflows(teams.port), mail=mails)
        secretive += deliver(leaking, folder, limit=AMPLE)
        untrusted = "its certificate is not trusted (SSL_CERT_FILE names the CA) after 1 try"
        assert [each.reason for each in secretive] == [untrusted, untrusted]
        monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
        secretive += (second := deliver(leaking, channels(teams=sample.workflows(teams.port)), limit=AMPLE))
        assert second[1].reason == "the CA file that SSL_CERT_FILE names cannot be read after 1 try"
        assert "SSL_CERT_FILE" in os.environ
        assert "REQUESTS_CA_BUNDLE" not in os.environ
        monkeypatch.delenv("SSL_CERT_FILE")
        secretive += (third := deliver(leaking, channels(teams=sample.workflows(teams.port, "verify=no&retry=0"))))
    assert third[1].delivered


def test_a_late_channel_does_not_delay_the_others(
    leaking: sample.Report,
    channels: sample.Channels,
) -> None:
    with servers.http(servers.trickle) as slow, servers.http(servers.OK) as good:
        folder = channels(good=sample.json(good.port), slow=sample.json(slow.port))
        fine, late = deliver(leaking, folder, limit=4.0)
    assert fine == Delivery("good", delivered=True)
    assert late == Delivery("slow", delivered=False, reason="timed out after 4 s")


def test_the_process_ends_in_time_and_prints_no_secret(
    leaking: sample.Report, channels: sample.Channels, tmp_path: Path
) -> None:
    """A thread that waits for an endless answer must not prevent the exit of the interpreter."""
    (tmp_path / "report.json").write_text(json.dumps(leaking))
    with servers.http(servers.trickle) as http, servers.tcp(servers.trickle_mail) as smtp:
        channels(mail=sample.mail(smtp.port), other=sample.json(http.port), wrong="slak://T0SECRETAA/pathSecret")
        script = (
            "import json, sys, logging; from pathlib import Path\n"
            "from notifications.channels import folder; from notifications.deliver import deliver\n"
            "logging.basicConfig(level=logging.DEBUG)\n"
            "print(deliver(json.load(open(sys.argv[1])), folder(Path(sys.argv[2])), limit=5.0))"
        )
        ended = subprocess.run(  # every warning shown, every log on stderr
            [sys.executable, "-W", "always", "-c", script, tmp_path / "report.json", tmp_path / "channels"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert ended.stdout.count("timed out after 5 s") == 2
    assert not [secret for secret in sample.SECRETS if secret in ended.stdout + ended.stderr]


def test_a_crash_of_apprise_is_reported_by_its_type(
    leaking: sample.Report, channels: sample.Channels, monkeypatch: pytest.MonkeyPatch, secretive: list[Delivery]
) -> None:
    import apprise  # noqa: PLC0415

    def crash(*_: object, **__: object) -> None:
        raise RuntimeError(sample.SLACK)

    monkeypatch.setattr(apprise.Apprise, "notify", crash)
    secretive += deliver(leaking, channels(slack=sample.SLACK), limit=AMPLE)
    assert secretive == [Delivery("slack", delivered=False, reason="apprise failed: RuntimeError")]

"""Documents to send, a CA that only these tests trust, and channels to write."""

import resource
import ssl
from collections.abc import Callable
from copy import deepcopy
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import coverage
import pytest
import trustme

from notifications import limits
from notifications.channels import folder

Report = dict[str, Any]
Channels = Callable[..., dict[str, Path]]
SECRETS = (
    "T0SECRETAA",
    "B0SECRETBB",
    "cSecretToken0123456789ab",
    "wfSecretId",
    "sigSecret42",
    "pa55wordSecret",
    "pathSecret",
)
SLACK = f"slack://{'/'.join(SECRETS[:3])}/?retry=0"


def workflows(port: int, rest: str = "retry=0") -> str:
    return f"workflows://localhost:{port}/wfSecretId/sigSecret42/?{rest}"


def mail(port: int, rest: str = "retry=0") -> str:
    return f"mailto://ops:pa55wordSecret@localhost:{port}/?to=team@example.com&from=netproof@example.com&{rest}"


def json(port: int, rest: str = "retry=0") -> str:
    return f"json://ops:pa55wordSecret@localhost:{port}/pathSecret?{rest}"


def check(finding: str, **given: Any) -> Report:
    """Make the entry of one check that found something."""
    expect, verdict = {"leak": ("blocked", "violation"), "unreachable": ("reachable", "violation")}.get(
        finding, ("blocked", "inconclusive")
    )
    entry: Report = {
        "list": "allow" if finding == "unreachable" else "deny",
        "target": "tcp://mongo.db:27017",
        "name": "Customer database",
        "because": "customer data",
        "where": "deny.lst:3",
        "expect": expect,
        "verdict": verdict,
        "finding": finding,
        "outcome": "open",
        "address": "10.42.0.9",
        "seen": "10.42.0.9: accepted after 0.4 ms",
        "meaning": "It must be blocked, and it let us in.",
        "proxied": False,
        "lag": None,
        "controls": [],
        "attempts": [],
    }
    return {**entry, **given}


def of(*checks: Report, **given: Any) -> Report:
    """Make a report of a run with these findings."""
    findings = [each["finding"] for each in checks]
    violations = findings.count("leak") + findings.count("unreachable")
    report = {
        "kind": "run",
        "version": 2,
        "netproof": "0.1.0",
        "started": "2026-11-24T08:00:00.123Z",
        "duration": 10.3,
        "verdict": "violation" if violations else "inconclusive" if checks else "pass",
        "exitCode": 1 if violations else 3 if checks else 0,
        "summary": {
            "checks": len(checks) + 4,
            "pass": 4,
            "violation": violations,
            "inconclusive": findings.count("inconclusive"),
            "leaks": findings.count("leak"),
            "unreachable": findings.count("unreachable"),
        },
        "stopped": None,
        "warnings": [],
        "error": None,
        "vantage": {
            "name": "shop",
            "cluster": "prod",
            "namespace": "shop",
            "node": "ip-10-0-0-7",
            "labels": {"app": "shop"},
            "role": "vantage",
            "isolated": False,
        },
        "settle": 10.0,
        "notify": {"runbookUrl": "https://wiki.example.com/netproof", "cronjob": "netproof-shop"},
        "checks": list(checks),
        "leftOut": 0,
        "channels": [],
        "heartbeat": None,
    }
    return {**report, **given}


def found(finding: str, vantages: int = 1, **given: Any) -> Report:
    """Make a finding of a situation, seen by so many vantages."""
    entry = {key: check(finding)[key] for key in ("list", "target", "name", "because", "outcome", "seen", "meaning")}
    places = [{"cluster": "prod", "namespace": "shop", "vantage": f"web-{n}"} for n in range(1, vantages + 1)]
    times = {"since": "2026-11-23T04:00:00Z", "until": "2026-11-24T08:00:00Z", "proven": None}
    return {"finding": finding, **entry, **times, "places": places, **given}


def situation(**given: Any) -> Report:
    """Make a situation with one finding of every sort, or as given."""
    lists = {
        "new": [found("leak", 12), found("overdue", target=None, name=None, seen="no run for 3 h", meaning=None)],
        "still": [found("inconclusive", target="tcp://ledger.billing:5432")],
        "over": [found("unreachable", target="tcp://orders.shop:8080")],
        "notChecked": [found("leak", target="tcp://old.db:5432")],
        "undelivered": [{"channel": "mail", "reason": "HTTP 500 after 3 tries", "since": "2026-11-24T07:00:00Z"}],
    }
    notify = {"runbookUrl": "https://wiki.example.com/netproof"}
    lists = {name: [] for name in lists} if given else lists
    return {"kind": "situation", "version": 2, "time": "2026-11-24T08:00:00Z", "notify": notify, **lists, **given}


@pytest.fixture
def leaking() -> Report:
    return deepcopy(
        of(
            check("inconclusive", target="tcp://ledger.billing:5432", seen="NXDOMAIN: there is no such name"),
            check("unreachable", target="tcp://orders.shop:8080", seen="10.42.1.17: nothing came back within 3 s"),
            check("leak"),
        )
    )


@pytest.fixture(scope="session")
def ca(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS context, for Slack's name and localhost, and the file of the CA that issued its certificate."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "hooks.slack.com").configure_cert(context)
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    return context, file


@pytest.fixture
def tls(ca: tuple[ssl.SSLContext, Path], monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's TLS context that clients in this test trust, by SSL_CERT_FILE."""
    monkeypatch.setenv("SSL_CERT_FILE", str(ca[1]))
    return ca[0]


@pytest.fixture
def channels(tmp_path: Path) -> Channels:
    """Write the folder `channels`, one file for each keyword, and read it."""

    def write(**urls: str) -> dict[str, Path]:
        path = tmp_path / "channels"
        path.mkdir(exist_ok=True)
        for name, url in urls.items():
            (path / name).write_text(url + "\n")
        return folder(path)

    return write


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
    ):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(autouse=True)
def _coverage_of_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save the coverage of a job before its result is sent, because its process is killed right after."""
    if not (measured := coverage.Coverage.current()):
        return
    send = Connection.send

    def save_and_send(writer: Connection, result: Any) -> None:
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))  # saving takes memory too
        measured.save()
        send(writer, result)

    job = limits._job  # noqa: SLF001

    def saved(call: Callable[[], Any], writer: Connection, megabytes: int) -> None:
        monkeypatch.setattr(Connection, "send", save_and_send)
        job(call, writer, megabytes)

    monkeypatch.setattr(limits, "_job", saved)

"""The termination message: the short form of a report."""

from __future__ import annotations

import base64
import json
import random
import zlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker import report, termination
from checker.model import (
    Attempt,
    Check,
    Expect,
    Family,
    Finding,
    Observation,
    Outcome,
    Plan,
    Result,
    Run,
    Vantage,
    Verdict,
)
from checker.probes.tcp import Tcp
from checker.target import Target
from tests.checker.command import netproof, write

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def result(expect: Expect, verdict: Verdict, name: str, number: int) -> Result:
    check = Check(expect, Target("tcp", "10.0.0.1", number), Tcp(), "deny.lst:1", name, name)
    observation = Observation(Outcome.OPEN, name, "10.0.0.1", Family.IPV4)
    return Result(check, verdict, name, observation, (Attempt(0.0, 0.1, (observation,)),))


def short(whole: report.Report) -> tuple[Any, report.Report]:
    """Return the termination message as JSON, and as it is read. It must be short and complete."""
    message = termination.shorten(whole)
    assert len(message.encode()) <= 4096
    assert message.isprintable()
    return json.loads(message), termination.read(message)


def counted(checks: Iterable[report.Check]) -> Counter[Any]:
    return Counter((each.list, each.target, each.expect, each.verdict, each.finding, each.outcome) for each in checks)


def some_checks(number: int, violations: int = 0) -> list[report.Check]:
    """Checks with ordinary names."""
    chance = random.Random(number)
    words = [
        "orders",
        "billing",
        "vault",
        "ledger",
        "users",
        "payments",
        "search",
        "cart",
        "stock",
        "invoice",
        "mail",
        "audit",
        "auth",
        "token",
    ]
    ports = (443, 5432, 6379, 8080, 9092, 27017)
    checks = []
    for n in range(number):
        expect = chance.choice(list(Expect))
        verdict = Verdict.VIOLATION if n < violations else Verdict.PASS
        name, namespace = ("-".join(chance.choices(words, k=2)) for _ in "ab")
        checks.append(
            report.Check(
                list="allow" if expect is Expect.REACHABLE else "deny",
                target=f"tcp://{name}.{namespace}.svc.cluster.local:{chance.choice(ports)}",
                because="customers' data is kept there",
                expect=expect,
                verdict=verdict,
                finding=Finding.of(expect, verdict),
                outcome=chance.choice(list(Outcome)),
                seen="10.42.0.7: accepted after 0.4 ms",
            )
        )
    return checks


def run_of(checks: Iterable[report.Check]) -> report.Report:
    empty = report.of_run(Run(Plan((), Vantage("frontend", "prod", "shop", "node-1", {"app": "shop"})), 0.0, 1.0, ()))
    return msgspec.structs.replace(empty, checks=tuple(checks))


@pytest.mark.parametrize("violations", [0, 1, 10, 150])
def test_a_hundred_and_fifty_checks_with_ordinary_names_fit(violations: int) -> None:
    whole = run_of(some_checks(150, violations))
    plain, read = short(whole)
    assert read.left_out == 0
    assert counted(read.checks) == counted(whole.checks)
    assert min(violations, 3) <= len(plain["checks"]) <= violations
    for shown in plain["checks"]:  # for a person, who reads `kubectl describe pod`
        assert {"finding", "list", "target", "outcome", "seen", "because"} <= shown.keys()
    assert list(plain)[:4] == ["kind", "version", "verdict", "exitCode"]


def test_what_does_not_fit_is_counted() -> None:
    whole = run_of(some_checks(5_000, 20))
    plain, read = short(whole)
    assert len(plain["checks"]) == 3
    assert read.left_out > 0
    assert len(read.checks) + read.left_out == 5_000
    assert counted(read.checks) <= counted(whole.checks)
    assert sum(each.verdict is Verdict.VIOLATION for each in read.checks) == 20


def test_lag_requirements_and_proxies_are_kept() -> None:
    check = msgspec.structs.replace(
        some_checks(1)[0], lag=2.5, proxied=True, controls=("PCI DSS 11.4.5", "A\tB\nC"), seen="", because=None
    )
    (read,) = short(run_of([check]))[1].checks
    assert (read.lag, read.proxied, read.controls) == (2.5, True, ("PCI DSS 11.4.5", "A\tB\nC"))


def test_an_exempt_target_is_kept() -> None:
    check = msgspec.structs.replace(some_checks(1)[0], expect=Expect.BLOCKED, exempt=True, proxied=False)
    for verdict in (Verdict.PASS, Verdict.VIOLATION):
        finding = Finding.of(Expect.BLOCKED, verdict)
        given = msgspec.structs.replace(check, verdict=verdict, finding=finding)
        (read,) = short(run_of([given]))[1].checks
        assert (read.exempt, read.expect, read.proxied) == (True, Expect.BLOCKED, False)


def test_the_target_of_a_finding_is_never_cut() -> None:
    target = f"https://db:443/{'x' * 1000}"
    (leak,) = some_checks(1, violations=1)
    plain, read = short(run_of([msgspec.structs.replace(leak, target=target, because="y" * 1000)]))
    assert [each.target for each in read.checks] == [target]
    assert len(plain["checks"][0]["because"]) < 200


def test_findings_with_targets_that_do_not_fit_are_left_out() -> None:
    leaks = some_checks(3, violations=3)
    targets = [f"https://db-{number}:443/{'x' * 1900}" for number in range(3)]
    changed = [msgspec.structs.replace(leak, target=to) for leak, to in zip(leaks, targets, strict=True)]
    plain, read = short(run_of(changed))
    assert 0 < len(plain["checks"]) < 3
    assert len(read.checks) + read.left_out == 3


def test_a_full_report_is_read_as_it_is() -> None:
    whole = run_of(some_checks(20, 2))
    assert termination.read(report.dumps(whole)) == whole


def test_a_template_written_for_a_report_renders_the_termination_message(
    server: str, nobody: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    netproof("check", "--settle", "0", "--allow", server, "--allow", nobody, "--termination-log", log)
    shown = netproof("render", "--report", log, "--form", "text")
    assert shown.returncode == 0
    assert f"tcp://{nobody}" in shown.stdout
    assert "1 of 2 checks pass" in shown.stdout


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is not JSON"),
        ("Traceback (most recent call last):", "it is not JSON"),
        ("[" * 100_000, "it is not JSON, or nested too deeply"),
        ("[]", "it is not a report of netproof"),
        ('{"version": 2}', "it is not a report of netproof"),
        ('{"version": 1, "verdict": "pass"}', "it has version 1; this netproof reads version 2"),
        ('{"version": 2, "verdict": "green"}', "it is damaged: "),
    ],
)
def test_an_unreadable_report_is_an_error_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(termination.UnreadableError) as caught:
        termination.read(text)
    assert str(caught.value).startswith(why)


@pytest.mark.parametrize("change", ["", "~~~~", "0" * 50, "bomb"])
def test_packed_checks_that_are_damaged_are_no_report(change: str) -> None:
    message = json.loads(termination.shorten(run_of(some_checks(30))))
    if change == "bomb":
        change = base64.b85encode(zlib.compress(b"[" + b" " * 2_000_000 + b"]")).decode()
    message["packed"] = change or message["packed"][:-20]
    with pytest.raises(termination.UnreadableError, match="it is damaged: "):
        termination.read(json.dumps(message))


def test_five_hundred_leaks_with_long_names_are_counted(tmp_path: Path, server: str) -> None:
    port = server.rpartition(":")[2]
    name = "Kundendatenbank 客户数据库 \U0001f512" * 30
    leaks = [{"target": f"127.0.0.1:{n}", "name": name, "because": name} for n in range(20_000, 20_500)]
    config = {"allow": [f"127.0.0.1:{port}"], "deny": leaks, "settle": 0, "vantage": {"name": name}}
    ran = netproof("check", write(tmp_path / "c.yaml", config), "--termination-log", tmp_path / "log")
    assert ran.returncode == 1
    message = (tmp_path / "log").read_bytes()
    assert len(message) <= 4096
    shown = json.loads(message)
    assert shown["summary"]["violation"] == 500
    assert shown["checks"][0]["finding"] == "leak"
    assert shown["checks"][0]["target"].startswith("tcp://127.0.0.1:")
    read = termination.read(message.decode())
    assert len(read.checks) + read.left_out == 501


def test_leaks_come_before_all_else() -> None:
    results = [result(Expect.REACHABLE, Verdict.VIOLATION, "x" * 200, n) for n in range(1, 100)]
    results += [
        result(Expect.BLOCKED, Verdict.INCONCLUSIVE, "x", 100),
        result(Expect.BLOCKED, Verdict.VIOLATION, "", 101),
    ]
    plain, read = short(report.of_run(Run(Plan(()), 0.0, 1.0, tuple(results))))
    assert [check["finding"] for check in plain["checks"]][:2] == ["leak", "unreachable"]
    assert len(read.checks) + read.left_out == 101


texts = st.text(st.characters(exclude_categories=[]), max_size=60).map(lambda text: text * 20)


@given(
    st.lists(
        st.builds(result, st.sampled_from(Expect), st.sampled_from(Verdict), texts, st.integers(1, 65535)), max_size=60
    ),
    st.builds(Vantage, texts, texts, texts, texts, st.dictionaries(texts, texts, max_size=40)),
    st.lists(st.builds(report.Delivery, channel=texts, delivered=st.booleans(), reason=texts), max_size=40),
)
def test_any_report_is_shortened_to_complete_json(results: Any, vantage: Vantage, channels: Any) -> None:
    whole = report.of_run(Run(Plan((), vantage), 0.0, 1.0, tuple(results)))
    _, read = short(msgspec.structs.replace(whole, channels=tuple(channels)))
    assert read.summary == whole.summary
    assert len(read.checks) + read.left_out == len(whole.checks)
    assert counted(read.checks) <= counted(whole.checks)


@given(texts, st.lists(texts, max_size=100))
def test_an_error_is_short_and_complete(title: str, problems: list[str]) -> None:
    assert short(report.of_error(title, problems, 2, {}))[1].exit_code == 2


def test_long_escapes_in_every_text() -> None:
    worst = "\x01" * 5000
    vantage = Vantage(worst, worst, worst, worst, {f"{worst}{n}": worst for n in range(100)})
    leaks = tuple(result(Expect.BLOCKED, Verdict.VIOLATION, worst, n + 1) for n in range(100))
    plain, read = short(report.of_run(Run(Plan((), vantage), 0.0, 1.0, leaks)))
    assert len(read.checks) + read.left_out == 100
    assert plain["vantage"]["name"].startswith("\x01")


def test_control_characters_in_a_report_are_escaped() -> None:
    check = msgspec.structs.replace(some_checks(1, 1)[0], seen="\x9b31m \u202e \x1b[2J \U000e0041")
    whole = run_of([check])
    assert report.dumps(whole).replace("\n", "").isprintable()
    assert termination.read(report.dumps(whole)) == whole

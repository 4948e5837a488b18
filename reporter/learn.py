"""Stores the results of a run in the state: checks with their findings, and days."""

from collections.abc import Iterable
from functools import lru_cache

from checker.report import Check as Reported
from checker.target import identify
from checker.words import harmless, seconds
from reporter.history import OLDEST, Check, Vantage
from reporter.runs import Run

RESTART = 420  # seconds that a continuous vantage has for a restart
_COARSE = 300  # seconds between two updates of the last round: each one writes the state
_PASSED = 10  # rounds: after as many inconclusive ones in a row the process has ended
_identify = lru_cache(200_000)(identify)  # runs name the same targets again and again


def learn(vantage: Vantage, run: Run, cluster_domain: str) -> None:
    """Note one run of a vantage. Its runs come in the order in which they ended."""
    vantage.runs.append(run.id)
    report, late = run.report, run.finished < vantage.last
    listed = {harmless(f"{check.list} {check.target}"): check for check in report.checks} if report else {}
    for key, check in listed.items():
        vantage.checks.setdefault(key, Check(check.list, harmless(check.target), ""))
    vantage.count(run.finished, {key: check.verdict for key, check in listed.items()}, runs=int(not run.retry))
    if not late:
        vantage.last, vantage.exit_code, vantage.problem = run.finished, run.exit_code, harmless(run.problem)
    if report is None:
        return
    if late:  # a later one was read before it, or clocks differ: only its findings count
        listed = {key: check for key, check in listed.items() if check.verdict != "pass"}
    else:
        vantage.reported, vantage.duration, vantage.role = run.finished, report.duration, report.vantage.role
        vantage.netproof, vantage.image = harmless(report.netproof)[:40], harmless(run.image)
    for key, check in listed.items():
        known = vantage.checks[key]
        if not known.findings:
            known.identity = str(_identify(check.target, vantage.listed.namespace, cluster_domain) or check.target)
        _learn(known, check, vantage.key, run.finished)
    if not late and report.checks and not report.left_out:
        leave(vantage, vantage.checks.keys() - listed.keys(), run.finished)
        vantage.forget(run.finished - OLDEST)


def learn_rounds(vantage: Vantage, now: int) -> None:
    """Note that the rounds of a continuous vantage go on: after a violation its process would have ended."""
    if not vantage.rounds:
        return
    long = now - vantage.rounds > _PASSED * seconds(vantage.listed.every) + RESTART
    if now - vantage.last > _COARSE:
        vantage.last = now
        if long:
            vantage.count(now, {key: "pass" for key, check in vantage.checks.items() if check.state}, runs=0)
    bad = [check for check in vantage.current if check.state != "pass"]
    if long and (vantage.problem or bad):
        vantage.problem, vantage.exit_code, vantage.last = "", None, now
        for check in bad:
            check.note("pass", vantage.key, now)


def leave(vantage: Vantage, keys: Iterable[str], time: int) -> None:
    """Note that checks are no longer on the lists of their vantage."""
    for key in keys:
        vantage.checks[key].note("", vantage.key, time)


def _learn(known: Check, check: Reported, place: str, time: int) -> None:
    if known.expect not in ("", check.expect):  # a vantage became a control
        known.find("", place, time, gone=True)
    known.expect, known.exempt, known.proxied, known.lag = check.expect, check.exempt, check.proxied, check.lag
    known.name, known.because = _plain(check.name) or known.name, _plain(check.because) or known.because
    known.outcome, known.seen, known.controls = check.outcome, _plain(check.seen), check.controls
    known.note(check.verdict, place, time)


def _plain(text: str | None) -> str:
    return harmless(text or "")[:200]

"""What the state takes from a run: checks, findings, days."""

from collections.abc import Iterable
from functools import lru_cache

from msgspec.structs import replace

from checker.model import Finding as Kind
from checker.report import Check as Reported
from checker.target import identify
from checker.words import harmless
from reporter.history import DAYS, OLDEST, SEVERITY, Check, Day, State, Vantage
from reporter.runs import Run
from reporter.situation import utc

_VERDICTS = ("", "pass", "inconclusive", "violation")  # the worst last
_identify = lru_cache(200_000)(identify)  # runs name the same targets again and again


def learn(state: State, run: Run, cluster_domain: str) -> None:
    """Update the state with one run. Runs come in the order in which they ended."""
    vantage, (report, problem) = state.vantages.setdefault(run.vantage, Vantage()), run.report()
    vantage.runs.append(run.id)
    _count(vantage, run.finished, (report and report.verdict) or "")
    late = run.finished < vantage.last
    if not late:
        vantage.last, vantage.exit_code, vantage.problem = run.finished, run.exit_code, harmless(problem)
    if report is None:
        return
    if late:  # a later one was read before it, or clocks differ: only its findings count
        report = replace(report, checks=tuple(each for each in report.checks if each.verdict != "pass"), left_out=1)
    else:
        vantage.reported, vantage.duration, vantage.role = run.finished, report.duration, report.vantage.role
        vantage.netproof, vantage.image = harmless(report.netproof)[:40], harmless(run.image)
    listed = {f"{check.list} {check.target}": check for check in report.checks}
    for key, check in listed.items():
        known = vantage.checks.setdefault(key, Check(check.list, harmless(check.target), ""))
        if not known.finding:
            namespace = run.vantage.partition("/")[0]
            known.identity = str(_identify(check.target, namespace, cluster_domain) or check.target)
        _learn(state, run, known, check)
    if report.checks and not report.left_out and not report.error:
        gone = (check for key, check in vantage.checks.items() if key not in listed)
        leave(state, run.vantage, gone, run.finished)
        vantage.checks = {
            key: check for key, check in vantage.checks.items() if check.state or check.since >= run.finished - OLDEST
        }


def all_pass(state: State, key: str, time: int) -> None:
    """Note that all checks of a vantage pass."""
    vantage = state.vantages[key]
    vantage.problem, vantage.exit_code, vantage.last = "", None, time
    for check in vantage.checks.values():
        if check.state in ("violation", "inconclusive"):
            check.change("pass", time)
            check.passed = time
        _close(state, key, check, time)


def leave(state: State, vantage: str, checks: Iterable[Check], time: int) -> None:
    """Note that checks are no longer on the lists of a vantage."""
    for check in checks:
        check.change("", time)
        _close(state, vantage, check, time, gone=True)


def _count(vantage: Vantage, finished: int, verdict: str) -> None:
    """Count the run of its day, and keep the worst verdict of the day."""
    day = vantage.days.setdefault(utc(finished).toordinal(), Day())
    day.runs, day.worst = day.runs + 1, max(day.worst, verdict, key=_VERDICTS.index)
    if len(vantage.days) > DAYS:
        del vantage.days[min(vantage.days)]


def _learn(state: State, run: Run, known: Check, check: Reported) -> None:
    known.expect, known.exempt, known.proxied, known.lag = check.expect, check.exempt, check.proxied, check.lag
    known.name, known.because = _plain(check.name) or known.name, _plain(check.because) or known.because
    known.outcome, known.seen, known.controls = check.outcome, _plain(check.seen), check.controls
    known.change(check.verdict, run.finished)
    kind = Kind.of(check.expect, check.verdict)
    if kind is None:
        known.passed = run.finished
        _close(state, run.vantage, known, run.finished)
    elif SEVERITY[kind] >= SEVERITY[known.finding]:  # an inconclusive run does not end a leak
        before = state.findings.get(known.key)
        about = {"list": known.list, "target": known.target, "name": known.name, "because": known.because}
        found = state.open(known.key, run.vantage, kind, run.finished, known.seen, **about)
        if before and not known.finding and known.passed > found.since and SEVERITY[kind] >= SEVERITY[found.kind]:
            found.worse += 1  # the check passed here after the finding began
        known.finding = kind


def _close(state: State, vantage: str, check: Check, time: int, *, gone: bool = False) -> None:
    if check.finding:
        check.finding = ""
        others = state.vantages[vantage].checks.values()
        if not any(
            other.finding and other.key == check.key for other in others
        ):  # two paths of one server, for example
            state.close(check.key, vantage, time, gone=gone)


def _plain(text: str | None) -> str:
    return harmless(text or "")[:200]

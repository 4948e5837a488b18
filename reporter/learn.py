"""What the state takes from a run: checks, findings, days."""

from collections.abc import Iterable
from functools import lru_cache

from checker.model import Finding as Kind
from checker.report import Check as Reported
from checker.target import identify
from checker.words import harmless, seconds
from reporter.history import OLDEST, SEVERITY, Check, State
from reporter.runs import Run
from reporter.situation import RESTART, Vantage

_COARSE = 300  # seconds between two updates of the last round: each one writes the state
_PASSED = 10  # rounds: after as many inconclusive ones in a row the process has ended
_identify = lru_cache(200_000)(identify)  # runs name the same targets again and again


def learn(state: State, run: Run, cluster_domain: str) -> None:
    """Update the state with one run. Runs come in the order in which they ended."""
    vantage, (report, problem) = state.vantages[run.vantage], run.report()
    vantage.runs.append(run.id)
    before = _found(state, run.vantage)
    listed = {harmless(f"{check.list} {check.target}"): check for check in report.checks} if report else {}
    for key, check in listed.items():
        vantage.checks.setdefault(key, Check(check.list, harmless(check.target), ""))
    vantage.count(run.finished, {key: check.verdict for key, check in listed.items()})
    late = run.finished < vantage.last
    if not late:
        vantage.last, vantage.exit_code, vantage.problem = run.finished, run.exit_code, harmless(problem)
    if report is None:
        return
    if late:  # a later one was read before it, or clocks differ: only its findings count
        listed = {key: check for key, check in listed.items() if check.verdict != "pass"}
    else:
        vantage.reported, vantage.duration, vantage.role = run.finished, report.duration, report.vantage.role
        vantage.netproof, vantage.image = harmless(report.netproof)[:40], harmless(run.image)
    for key, check in listed.items():
        known = vantage.checks[key]
        if not known.finding:
            namespace = run.vantage.partition("/")[0]
            known.identity = str(_identify(check.target, namespace, cluster_domain) or check.target)
        _learn(state, run, known, check)
    _close(state, run.vantage, before, run.finished)
    if not late and report.checks and not report.left_out:
        leave(state, run.vantage, vantage.checks.keys() - listed.keys(), run.finished)
        vantage.forget(run.finished - OLDEST)


def learn_rounds(state: State, vantage: Vantage, now: int) -> None:
    """Note that the rounds of a continuous vantage go on: after a violation its process would have ended."""
    known = vantage.known
    if not vantage.rounds_since:
        return
    long = now - vantage.rounds_since > _PASSED * seconds(vantage.every) + RESTART
    if now - known.last > _COARSE:
        known.last = now
        if long:
            known.count(now, {key: "pass" for key, check in known.checks.items() if check.state}, runs=0)
    if long and (known.problem or any(check.state != "pass" for check in vantage.checks)):
        known.problem, known.exit_code, known.last = "", None, now
        before = _found(state, vantage.key)
        for check in vantage.checks:
            check.passed = check.passed if check.state == "pass" else now
            check.change("pass", now)
            check.finding = ""
        _close(state, vantage.key, before, now)


def leave(state: State, place: str, keys: Iterable[str], time: int) -> None:
    """Note that checks are no longer on the lists of a vantage."""
    before = _found(state, place)
    for key in keys:
        check = state.vantages[place].checks[key]
        check.change("", time)
        check.finding = ""
    _close(state, place, before, time)


def _learn(state: State, run: Run, known: Check, check: Reported) -> None:
    if known.expect not in ("", check.expect):  # a vantage became a control
        state.close(known.key, run.vantage, run.finished, gone=True)
        known.finding = ""
    known.expect, known.exempt, known.proxied, known.lag = check.expect, check.exempt, check.proxied, check.lag
    known.name, known.because = _plain(check.name) or known.name, _plain(check.because) or known.because
    known.outcome, known.seen, known.controls = check.outcome, _plain(check.seen), check.controls
    known.change(check.verdict, run.finished)
    kind = Kind.of(check.expect, check.verdict)
    if kind is None:
        known.passed, known.finding = run.finished, ""
    elif SEVERITY[kind] >= SEVERITY[known.finding]:  # an inconclusive run does not end a leak
        known.finding, joined = kind, not known.finding
        found = state.open(known, run.vantage, kind, run.finished)
        if joined and known.passed > found.since:
            found.worse, found.changed = found.worse + 1, run.finished  # it passed here after the finding began


def _found(state: State, place: str) -> set[str]:
    """Return the keys of the findings that a vantage has. Several checks may have one: two paths of a server do."""
    return {check.key for check in state.vantages[place].checks.values() if check.finding}


def _close(state: State, place: str, before: set[str], time: int) -> None:
    """Note the end of findings that a vantage had before and has no more."""
    found = _found(state, place)
    for key in before - found:
        about = key.partition(" ")[2]
        gone = all(check.about != about or not check.state for check in state.vantages[place].checks.values())
        worse = {f"leak {about}", f"unreachable {about}"} & found
        if state.close(key, place, time, gone=gone) and worse:
            del state.findings[key]  # it is not over: it became worse


def _plain(text: str | None) -> str:
    return harmless(text or "")[:200]

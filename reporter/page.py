"""The situation as one HTML file: a matrix, the days, the findings. With a cover, it is evidence for auditors.

There is no script and nothing is loaded from elsewhere; the page's Content-Security-Policy forbids both
(https://www.w3.org/TR/CSP3/). Days and times are in UTC.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, NamedTuple

from checker import __version__
from reporter.history import Check
from reporter.schedule import count
from reporter.situation import Situation, Vantage, utc

_TEMPLATES = Path(__file__).with_name("templates")
_DAYS = 90  # of the strips, where no period is given
_MOST_FINDINGS = 1000  # rows; a page is for people
_MOST_PLACES = 12  # of one finding


class Sign(NamedTuple):
    """What a cell shows: a colour by its key, a glyph, and words for screen readers."""

    key: str
    glyph: str
    label: str


REACHABLE = Sign("pass", "→", "reachable")
PROVEN = Sign("pass", "⊘", "blocked, and proven")
UNPROVEN = Sign("unproven", "⊘?", "blocked, but not proven: nothing shows that the target is up")
IMPOSSIBLE = Sign("pass", "⊘", "not possible in the container")
EXEMPT = Sign("exempt", "⊘", "blocked; no pod may reach it, so nothing can prove that it is up")
LEAK = Sign("leak", "‼", "leak")
UNREACHABLE = Sign("unreachable", "✗", "unreachable")
INCONCLUSIVE = Sign("inconclusive", "?", "inconclusive")
NEVER = Sign("never", "·", "not checked")
LEGEND = (REACHABLE, PROVEN, UNPROVEN, IMPOSSIBLE, EXEMPT, LEAK, UNREACHABLE, INCONCLUSIVE, NEVER)
_FINDINGS = {"leak": LEAK, "unreachable": UNREACHABLE, "inconclusive": INCONCLUSIVE}
_FINDINGS["overdue"] = Sign("overdue", "!", "overdue")
_DAY_SIGNS = {  # by the worst verdict of a day
    "": Sign("never", "·", "without a run"),
    "pass": Sign("pass", "█", "pass"),
    "inconclusive": Sign("inconclusive", "▒", "inconclusive"),
    "violation": Sign("leak", "▓", "violation"),
}


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days, both included."""

    first: date
    last: date

    @property
    def days(self) -> range:
        """The days as proleptic Gregorian ordinals."""
        return range(self.first.toordinal(), self.last.toordinal() + 1)

    def __str__(self) -> str:
        """Write it as `2026-05-01 to 2026-10-31`."""
        return f"{self.first} to {self.last}"


def page(situation: Situation, period: Period | None = None) -> str:
    """Write the page; with a period, as evidence with a cover."""
    import jinja2  # noqa: PLC0415 - slow, and only the page needs it

    style = _TEMPLATES.joinpath("page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment = jinja2.Environment(
        autoescape=True, loader=jinja2.FileSystemLoader(_TEMPLATES), trim_blocks=True, lstrip_blocks=True
    )
    today = utc(situation.at).date()
    shown = period or Period(today - timedelta(days=_DAYS - 1), today)
    items = tuple(_items(situation, shown))
    return environment.get_template("page.html.j2").render(
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        style=environment.filters["safe"](style),
        version=__version__,
        situation=situation,
        time=_text,
        runs=_runs(situation, period) if period else None,
        legend=LEGEND,
        groups=tuple(_groups(situation)),
        requirements=tuple(_requirements(situation)),
        period=str(shown) if period else f"The last {_DAYS} days",
        strips=tuple(strip for vantage in situation.vantages if (strip := _strip(vantage, shown))),
        findings=items[:_MOST_FINDINGS],
        most_places=_MOST_PLACES,
        left_out=max(0, len(items) - _MOST_FINDINGS),
    )


def sign(check: Check) -> Sign:
    """Return what the cell of a check shows."""
    if check.state != "pass":
        return _bad(check, check.state)
    if check.expect != "blocked":
        return REACHABLE
    if check.exempt:
        return EXEMPT
    return IMPOSSIBLE if check.proven is None else PROVEN if check.proven else UNPROVEN


def _bad(check: Check, state: str) -> Sign:
    return INCONCLUSIVE if state == "inconclusive" else LEAK if check.expect == "blocked" else UNREACHABLE


def _groups(situation: Situation) -> Iterator[tuple[str, Iterable[str], Iterable[Any]]]:
    """Yield, for each namespace, the targets of any of its vantages, and a row for each vantage."""
    vantages = sorted(situation.vantages, key=lambda vantage: (vantage.namespace, vantage.name))
    for namespace, members in groupby(vantages, key=lambda vantage: vantage.namespace):
        listed = tuple(members)
        columns = sorted({(check.list, check.target) for vantage in listed for check in vantage.checks})
        rows = [(vantage, list(_cells(vantage, columns))) for vantage in listed]
        yield namespace, [f"{name} {target}" for name, target in columns], rows


def _cells(vantage: Vantage, columns: Iterable[tuple[str, str]]) -> Iterator[tuple[Sign, str]]:
    """Yield a sign and a sentence for each target."""
    checks = {(check.list, check.target): check for check in vantage.checks}
    for column in columns:
        check = checks.get(column)
        shown = sign(check) if check else NEVER
        by = f" by {check.proven_by}" if check and check.proven and check.proven_by else ""
        yield shown, f"{shown.label}{by}, since {_text(check.since)}" if check else shown.label


def _strip(vantage: Vantage, period: Period) -> tuple[str, Iterable[Any], str] | None:
    """Return the worst verdict of each day of the period. None for a vantage without a day in it."""
    known = vantage.known.days
    days = [known[day].worst if day in known else "" for day in period.days]
    if not any(days):
        return None
    runs = [(_DAY_SIGNS[worst], len(list(group))) for worst, group in groupby(days)]
    counts = ", ".join(f"{days.count(worst)} days {sign.label}" for worst, sign in _DAY_SIGNS.items())
    return f"{vantage.namespace}/{vantage.name}", runs, counts


def _items(situation: Situation, period: Period) -> Iterator[tuple[Sign, str, list[str], str, str, str, str | None]]:
    """Yield the open findings, then what ended in the period, the newest first."""
    for each in situation.findings:
        target = f"{each.name}: {each.target}" if each.name else each.target
        places = [f"{name} ({namespace})" for namespace, name in each.seen_from]
        yield _FINDINGS[each.kind], target, places, _text(each.since), "open", each.evidence, each.because
    ended = []
    for vantage in situation.vantages:
        place = f"{vantage.name} ({vantage.namespace})"
        for check in vantage.checks:
            for (began, state), (over, _) in pairwise(check.changes):
                inside = utc(over).date() >= period.first and utc(began).date() <= period.last
                if inside and state in ("violation", "inconclusive"):
                    ended.append((began, over, _bad(check, state), place, check))
    for began, over, sign, place, check in sorted(ended, key=lambda each: -each[0]):
        yield sign, check.target, [place], _text(began), _text(over), "", check.because


def _requirements(situation: Situation) -> Iterator[tuple[str, int, int, str]]:
    """Yield for each requirement: its name, the number of checks, how many passed and are proven, and the others."""
    named = sorted(((name, check) for check in situation.checks for name in check.controls), key=lambda each: each[0])
    for name, pairs in groupby(named, key=lambda each: each[0]):
        checks = [check for _, check in pairs]
        good = [check for check in checks if sign(check).key == "pass"]
        bad = sorted({f"{check.target} ({sign(check).label})" for check in checks if sign(check).key != "pass"})
        yield name, len(checks), len(good), ", ".join(bad)


def _runs(situation: Situation, period: Period) -> tuple[int, int]:
    """Return how many runs were due in the period until now, from the first day of each vantage, and how many ended."""
    planned, done, end = 0, 0, min(utc(situation.at), datetime.combine(period.last, time.max, UTC))
    for vantage in situation.vantages:
        days = vantage.known.days
        done += sum(days[day].runs for day in days if day in period.days)
        if days and vantage.listed.mode == "cronjob":
            planned += count(vantage.schedule, max(period.first, date.fromordinal(min(days))), end)
    return planned, done


def _text(seconds: int) -> str:
    return f"{utc(seconds):%Y-%m-%d %H:%M}"

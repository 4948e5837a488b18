"""The situation as one HTML file: a matrix, the days, the findings. With a cover, it is evidence for auditors.

There is no script and nothing is loaded from elsewhere; the page's Content-Security-Policy forbids both
(https://www.w3.org/TR/CSP3/). Days and times are in UTC.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from typing import NamedTuple

from checker import __version__
from reporter.findings import Finding
from reporter.history import Check, Episode, Vantage
from reporter.schedule import count
from reporter.situation import Situation, utc

_TEMPLATES = Path(__file__).with_name("templates")
_DAYS = 90  # of the strips, where no period is given
_BAD = {"violation", "inconclusive"}


class Sign(NamedTuple):
    """What a cell shows: a colour by its key, a glyph, and words for screen readers."""

    key: str
    glyph: str
    label: str


LEGEND = {
    "reachable": Sign("pass", "→", "reachable"),
    "proven": Sign("pass", "⊘", "blocked, and proven"),
    "unproven": Sign("unproven", "⊘?", "blocked, but not proven: nothing shows that the target is up"),
    "impossible": Sign("pass", "⊘", "not possible in the container"),
    "exempt": Sign("exempt", "⊘", "blocked; no pod may reach it, so nothing can prove that it is up"),
    "leak": Sign("leak", "‼", "leak"),
    "unreachable": Sign("unreachable", "✗", "unreachable"),
    "inconclusive": Sign("inconclusive", "?", "inconclusive"),
    "never": Sign("never", "·", "not checked"),
}
_SIGNS = {**LEGEND, "overdue": Sign("overdue", "!", "overdue")}
_DAY_SIGNS = {  # by the worst verdict of a day
    "": Sign("never", "·", "without a run"),
    "pass": Sign("pass", "█", "pass"),
    "inconclusive": Sign("inconclusive", "▒", "inconclusive"),
    "violation": Sign("leak", "▓", "violation"),
}


class Period(NamedTuple):
    """Whole days, both included."""

    first: date
    last: date

    @property
    def days(self) -> range:
        """The days as proleptic Gregorian ordinals."""
        return range(self.first.toordinal(), self.last.toordinal() + 1)


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
    return environment.get_template("page.html.j2").render(
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        style=environment.filters["safe"](style),
        version=__version__,
        situation=situation,
        time=lambda seconds: f"{utc(seconds):%Y-%m-%d %H:%M}",
        signs=_SIGNS,
        legend=LEGEND,
        sign=sign,
        targets_of=_targets,
        requirements=tuple(_requirements(situation)),
        period="{} to {}".format(*shown) if period else f"The last {_DAYS} days",
        runs=_runs(situation, period) if period else None,
        strips=tuple(_strips(situation, shown.days)),
        findings=(*situation.findings, *_ended(situation, shown)),
    )


def sign(check: Check | None) -> Sign:
    """Return what the cell of a check shows."""
    if check is None or not check.state:
        return LEGEND["never"]
    if check.state != "pass":
        return LEGEND[_kind(check, check.state)]
    if check.expect != "blocked":
        return LEGEND["reachable"]
    if check.exempt:
        return LEGEND["exempt"]
    return LEGEND[{None: "impossible", True: "proven", False: "unproven"}[check.proven]]


def _kind(check: Check, state: str) -> str:
    return "inconclusive" if state == "inconclusive" else "leak" if check.expect == "blocked" else "unreachable"


def _targets(vantages: Iterable[Vantage]) -> list[str]:
    """Return the keys of all checks of vantages: lists and targets."""
    return sorted({key for vantage in vantages for key, check in vantage.checks.items() if check.state})


def _strips(situation: Situation, days: range) -> Iterator[tuple[str, list[tuple[Sign, int]], str]]:
    """Yield the days of each vantage that ran, and of each of its checks that did not always pass.

    They are a name, signs with their numbers of days, and words for screen readers.
    """
    for vantage in situation.vantages:
        place = f"{vantage.listed.namespace}/{vantage.listed.name}"
        strips = {place: vantage.worst(days)}
        if _BAD & {*strips[place]}:
            strips |= {f"{place} {key}": vantage.worst(days, key) for key in vantage.checks}
        for name, worst in strips.items():
            if _BAD & {*worst} or (name == place and any(worst)):
                runs = [(_DAY_SIGNS[each], len(list(group))) for each, group in groupby(worst)]
                words = (f"{worst.count(each)} days {sign.label}" for each, sign in _DAY_SIGNS.items())
                yield name, runs, ", ".join(words)


def _ended(situation: Situation, period: Period) -> list[Finding]:
    """Return what ended in the period, from the changes of the checks, the newest first."""
    found = []
    for vantage in situation.vantages:
        for check in vantage.current:
            for (began, state), (over, _) in pairwise(check.changes):
                if state in _BAD and utc(over).date() >= period.first and utc(began).date() <= period.last:
                    episode = Episode(vantage.key, began, over)
                    found.append(Finding(_kind(check, state), [check], {episode}))
    return sorted(found, key=lambda each: -each.since)


def _requirements(situation: Situation) -> Iterator[tuple[str, int, int, str]]:
    """Yield for each requirement: its name, the number of checks, how many passed and are proven, and the others."""
    named = sorted(((name, check) for check in situation.checks for name in check.controls), key=lambda each: each[0])
    for name, pairs in groupby(named, key=lambda each: each[0]):
        signs = [(check, sign(check)) for _, check in pairs]
        bad = {f"{check.target} ({shown.label})" for check, shown in signs if shown.key != "pass"}
        yield name, len(signs), sum(shown.key == "pass" for _, shown in signs), ", ".join(sorted(bad))


def _runs(situation: Situation, period: Period) -> tuple[int, int, int]:
    """Count the runs in the period until now: due (from the first day of each vantage), ended, and missed.

    A run that was not planned does not stand for one of another vantage that is missing.
    """
    planned, done, missed, end = 0, 0, 0, min(utc(situation.at), datetime.combine(period.last, time.max, UTC))
    for vantage in situation.vantages:
        due = 0
        if vantage.days and vantage.listed.mode == "cronjob":
            first = max(period.first, date.fromordinal(vantage.day - len(vantage.days) + 1))
            due = count(vantage.listed.schedule, first, end)
        ended = sum(vantage.on(day).runs for day in period.days)
        planned, done, missed = planned + due, done + ended, missed + max(due - ended, 0)
    return planned, done, missed

"""The situation as one HTML file: the findings, a matrix, the days. With a cover, it is evidence for auditors.

There is no script and nothing is loaded from elsewhere; the page's Content-Security-Policy forbids both
(https://www.w3.org/TR/CSP3/). Days and times are in UTC.
"""

import base64
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from checker import __version__
from reporter.findings import Finding
from reporter.history import Check, Episode, Vantage, finding_of
from reporter.schedule import count
from reporter.situation import Situation, utc

_TEMPLATES = Path(__file__).with_name("templates")
_DAYS = 90  # of the strips, where no period is given
_BAD = {"violation", "inconclusive"}


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
    environment = jinja2.Environment(
        autoescape=True, loader=jinja2.FileSystemLoader(_TEMPLATES), trim_blocks=True, lstrip_blocks=True
    )
    today = utc(situation.at).date()
    shown = period or Period(today - timedelta(days=_DAYS - 1), today)
    return environment.get_template("page.html.j2").render(
        style=style,
        digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        version=__version__,
        situation=situation,
        time=lambda seconds: f"{utc(seconds):%Y-%m-%d %H:%M}",
        targets_of=_targets,
        requirements=_requirements(situation),
        period="{} to {}".format(*shown) if period else f"The last {_DAYS} days",
        runs=_runs(situation, period) if period else None,
        strips=list(_strips(situation, shown.days)),
        findings=(*situation.findings, *_ended(situation, shown)),
    )


def _targets(vantages: Iterable[Vantage]) -> list[str]:
    """Return the keys of all checks of vantages: lists and targets."""
    return sorted({key for vantage in vantages for key, check in vantage.checks.items() if check.state})


def _strips(situation: Situation, days: range) -> Iterator[tuple[str, list[str]]]:
    """Yield the worst verdict of each day, of each vantage that ran, and of each check that did not always pass."""
    for vantage in situation.vantages:
        name, worst = f"{vantage.listed.namespace}/{vantage.listed.name}", vantage.worst(days)
        if any(worst):
            yield name, worst
        for key in vantage.checks if _BAD & {*worst} else ():
            if _BAD & {*(of_check := vantage.worst(days, key))}:
                yield f"{name} {key}", of_check


def _ended(situation: Situation, period: Period) -> list[Finding]:
    """Return what ended in the period, from the changes of the checks, the newest first."""
    found = []
    for vantage in situation.vantages:
        for check in vantage.current:
            for (began, state), (over, _) in pairwise(check.changes):
                if state in _BAD and utc(over).date() >= period.first and utc(began).date() <= period.last:
                    episode = Episode(vantage.key, began, over)
                    found.append(Finding(finding_of(check.expect, state), [check], {episode}))
    return sorted(found, key=lambda each: -each.since)


def _requirements(situation: Situation) -> list[tuple[str, list[Check]]]:
    """Return the checks of each requirement."""
    found = defaultdict[str, list[Check]](list)
    for check in situation.checks:
        for name in check.controls:
            found[name].append(check)
    return sorted(found.items())


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

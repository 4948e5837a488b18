"""The situation as one self-contained HTML file: a matrix, the days, the findings; with a cover, it is evidence.

There is no script and nothing is loaded from elsewhere; the page's own policy forbids both
(https://www.w3.org/TR/CSP3/). Days and times are in UTC.
"""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from checker import __version__
from reporter.schedule import count
from reporter.situation import Check, Finding, Situation, Vantage

_TEMPLATES = Path(__file__).with_name("templates")
_DAYS = 90  # of the strips, where no period is given
_MOST_FINDINGS = 1000  # rows; a page is for people
_MOST_PLACES = 12  # of one finding


class Sign(NamedTuple):
    """What a cell shows: a colour by its key, a glyph, and words for whoever sees neither."""

    key: str
    glyph: str
    label: str


REACHABLE = Sign("pass", "→", "reachable")
PROVEN = Sign("pass", "⊘", "blocked, and proven")
UNPROVEN = Sign("unproven", "⊘?", "blocked, but not proven: nothing shows that the target is up")
EXEMPT = Sign("exempt", "⊘", "blocked; no pod may reach it, so nothing can prove that it is up")
LEAK = Sign("leak", "‼", "leak")
UNREACHABLE = Sign("unreachable", "✗", "unreachable")
INCONCLUSIVE = Sign("inconclusive", "?", "inconclusive")
NEVER = Sign("never", "·", "not checked")
LEGEND = (REACHABLE, PROVEN, UNPROVEN, EXEMPT, LEAK, UNREACHABLE, INCONCLUSIVE, NEVER)
_FINDINGS = {"leak": LEAK, "unreachable": UNREACHABLE, "inconclusive": INCONCLUSIVE}
_FINDINGS["overdue"] = Sign("overdue", "!", "overdue")
# A day's worst verdict, worse ones higher, and what a strip shows for it.
_WORSE = str.maketrans("-piv", "0123")
_DAY_SIGNS = (
    Sign("never", "·", "without a run"),
    Sign("pass", "█", "pass"),
    Sign("inconclusive", "▒", "inconclusive"),
    Sign("leak", "▓", "violation"),
)


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days, both included."""

    first: date
    last: date

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
    today = situation.at.date()
    shown = period or Period(today - timedelta(days=_DAYS - 1), today)
    items = tuple(_items(situation, shown))
    return environment.get_template("page.html.j2").render(
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        style=environment.filters["safe"](style),
        version=__version__,
        situation=situation,
        time=_time,
        facts=_facts(situation, shown) if period else (),
        legend=LEGEND,
        groups=tuple(_groups(situation)),
        requirements=tuple(_requirements(situation)),
        period=str(shown) if period else f"The last {_DAYS} days",
        strips=tuple(strip for vantage in situation.vantages if (strip := _strip(vantage, shown))),
        findings=items[:_MOST_FINDINGS],
        left_out=max(0, len(items) - _MOST_FINDINGS),
    )


def sign(check: Check) -> Sign:
    """Choose what the cell of a check shows."""
    if check.state != "pass":
        bad = LEAK if check.list == "deny" and check.expect == "blocked" else UNREACHABLE
        return INCONCLUSIVE if check.state == "inconclusive" else bad
    if check.expect != "blocked":
        return REACHABLE
    if check.exempt:
        return EXEMPT
    return UNPROVEN if check.proven is False else PROVEN


def _groups(situation: Situation) -> Iterator[tuple[str, Iterable[str], Iterable[Any]]]:
    """Give, for each namespace, the targets of any of its vantages, and a row for each vantage."""
    vantages = sorted(situation.vantages, key=lambda vantage: (vantage.namespace, vantage.name))
    for namespace, members in groupby(vantages, key=lambda vantage: vantage.namespace):
        listed = tuple(members)
        columns = sorted({(check.list, check.target) for vantage in listed for check in vantage.checks})
        rows = [(vantage, list(_cells(vantage, columns))) for vantage in listed]
        yield namespace, [f"{name} {target}" for name, target in columns], rows


def _cells(vantage: Vantage, columns: Iterable[tuple[str, str]]) -> Iterator[tuple[Sign, str]]:
    """Give a sign and a sentence for each target."""
    checks: dict[tuple[str, str], Check] = {(check.list, check.target): check for check in vantage.checks}
    for column in columns:
        check = checks.get(column)
        shown = sign(check) if check else NEVER
        by = f" by {check.proven_by}" if check and check.proven and check.proven_by else ""
        yield shown, f"{shown.label}{by}, since {_time(check.since)}" if check else shown.label


def _strip(vantage: Vantage, period: Period) -> tuple[str, Iterable[Any], str] | None:
    """Show the worst verdict of each day of the period. None where the vantage has no day in it."""
    first, count = period.first.toordinal(), (period.last - period.first).days + 1
    lines = []
    for check in vantage.checks:
        before = check.first_day - first
        line = "-" * before + check.days if before >= 0 else check.days[-before:]
        lines.append(line[:count].ljust(count, "-").translate(_WORSE))
    worst = "".join(map(max, zip(*lines, strict=True)))
    if not worst.strip("0"):
        return None
    runs = tuple((_DAY_SIGNS[int(digit)], len(list(days))) for digit, days in groupby(worst))
    counts = (f"{worst.count(str(digit))} days {each.label}" for digit, each in enumerate(_DAY_SIGNS))
    return f"{vantage.namespace}/{vantage.name}", runs, ", ".join(counts)


def _items(situation: Situation, period: Period) -> Iterator[tuple[Sign, str, str, str, str, str, str | None]]:
    """List the open findings, then what ended in the period, the newest first."""
    for each in situation.findings:
        target = f"{each.name}: {each.target}" if each.name else each.target
        yield _FINDINGS[each.kind], target, _places(each), _time(each.since), "open", each.text, each.because
    for began, end, letter, vantage, check in sorted(_ended(situation, period), key=lambda each: -each[0]):
        shown = INCONCLUSIVE if letter == "i" else LEAK if check.expect == "blocked" else UNREACHABLE
        place = f"{vantage.name} ({vantage.namespace})"
        yield shown, check.target, place, _stamp(began), _stamp(end), "", check.because


def _ended(situation: Situation, period: Period) -> Iterator[tuple[int, int, str, Vantage, Check]]:
    """List what was wrong for a while: begin and end in seconds since the epoch, and the letter of the state."""
    first = datetime.combine(period.first, datetime.min.time(), UTC).timestamp()
    last = datetime.combine(period.last + timedelta(days=1), datetime.min.time(), UTC).timestamp()
    for vantage in situation.vantages:
        for check in vantage.checks:
            for (began, letter), (end, _) in zip(check.changes, check.changes[1:], strict=False):
                if letter in "iv" and end >= first and began < last:
                    yield began, end, letter, vantage, check


def _places(finding: Finding) -> str:
    names = [f"{place.vantage} ({place.namespace})" for place in finding.places]
    more = len(names) - _MOST_PLACES
    return ", ".join(names[:_MOST_PLACES]) + (f" and {more} more" if more > 0 else "")


def _requirements(situation: Situation) -> Iterator[tuple[str, int, int, str]]:
    """Group the checks by the requirements that they name: how many, how many are proven, and the others."""
    named = sorted(((name, check) for check in situation.checks for name in check.controls), key=lambda each: each[0])
    for name, pairs in groupby(named, key=lambda each: each[0]):
        checks = [check for _, check in pairs]
        good = [check for check in checks if sign(check).key == "pass"]
        bad = sorted({f"{check.target} ({sign(check).label})" for check in checks if sign(check).key != "pass"})
        yield name, len(checks), len(good), ", ".join(bad)


def _facts(situation: Situation, period: Period) -> Iterable[tuple[str, str]]:
    """Write the facts of the cover."""
    vantages = situation.vantages
    done = sum(count for each in vantages for day, count in each.days if _inside(day, period))
    last = min(period.last, situation.at.date())
    begun = [(each, max(period.first, date.fromordinal(each.days[0][0]))) for each in vantages if each.days]
    due = sum(count(each.schedule, first, last) for each, first in begun if each.mode == "cronjob")
    return (
        ("Cluster", situation.cluster or "not named"),
        ("Release", situation.release or "all releases in the input"),
        ("Period", f"{period} (UTC, whole days)"),
        ("Runs planned", f"{due}, from the first day on which each vantage is known"),
        ("Runs done", str(done)),
        ("Runs missed", str(max(0, due - done))),
        ("Vantages", f"{len(vantages)}, controls among them: {sum(each.role == 'control' for each in vantages)}"),
        ("Checks", str(len(situation.checks))),
        ("netproof", ", ".join(sorted({each.netproof for each in vantages if each.netproof})) or "unknown"),
        ("Image", ", ".join(sorted({each.image for each in vantages if each.image})) or "unknown"),
    )


def _inside(day: int, period: Period) -> bool:
    return period.first.toordinal() <= day <= period.last.toordinal()


def _time(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def _stamp(seconds: int) -> str:
    return _time(datetime.fromtimestamp(seconds, UTC))

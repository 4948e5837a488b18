"""The variables of templates. They are the same for every kind of document; docs/notifications.md lists them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from notifications.forms.base import plain

Document = Mapping[str, Any]
Variables = dict[str, Any]
# Findings, most severe first: singular, plural and meaning.
FINDINGS = {
    "leak": ("leak", "leaks", "must be blocked, but answers"),
    "unreachable": ("unreachable target", "unreachable targets", "must answer, but does not"),
    "overdue": ("overdue vantage", "overdue vantages", "did not run, or left no report"),
    "inconclusive": ("inconclusive check", "inconclusive checks", "could not be decided"),
}
# Default values of the variables, and of those of a check.
_NOTHING: Variables = dict.fromkeys(("error", "duration", "tally", "rerun", "runbook"))
_CHECK = dict.fromkeys(("target", "name", "because", "seen", "meaning", "period", "list", "where", "outcome"))


def variables(document: Document, severity: str, time: str, **given: Any) -> Variables:
    """Return the variables without any limits. ``severity`` is violation, inconclusive or pass."""
    sign = {"violation": "🔴", "pass": "🟢"}.get(severity, "🟡")
    document = {"report": document, "severity": severity, "sign": sign, "time": written(moment(time))}
    return {**_NOTHING, "problems": (), "groups": (), "vantage": {}, "warnings": (), **document, **given}


def fitted(view: Variables, most: int, width: int) -> Variables:
    """Return the variables with at most ``most`` findings, and texts of at most ``width`` characters."""
    groups, room, problems = [], most, view["problems"]
    for group in view["groups"]:
        checks = [_check(check, width) for check in group["checks"][:room]]
        room -= len(checks)
        groups.append({**group, "checks": checks, "more": len(group["checks"]) - len(checks)})
    texts = {"problems": problems[:most], "warnings": view["warnings"][:5], "error": view["error"]}
    more = {"more_problems": len(problems) - len(texts["problems"]), "groups": groups}
    return {**view, **short({**texts, "vantage": view["vantage"]}, width), **more}


def _check(check: Document, width: int) -> Variables:
    """Shorten the texts of a check, and the list of its places."""
    places, shown = check.get("places") or (), width // 25
    shortened = short({**_CHECK, **check, "places": places[:shown]}, width)
    return {**shortened, "more_places": max(0, len(places) - shown)}


def short(value: Any, width: int) -> Any:
    """Cut every text in a value to at most ``width`` characters."""
    if isinstance(value, Mapping):
        return {key: short(each, width) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [short(each, width) for each in value]
    text = plain(value).strip() if isinstance(value, str) else value
    return text[: width - 1] + "…" if isinstance(text, str) and len(text) > width else text


def by_finding(checks: Sequence[Document], pattern: str = "{} {}", **given: str) -> list[Variables]:
    """Group checks by finding, most severe first: each group has a kind, a count, what it means, and its checks.

    ``pattern`` makes the count: with ``{} new {}`` it is "2 new leaks". ``given`` replaces ``kind`` and ``what``.
    """
    groups = []
    for finding, (one, several, what) in FINDINGS.items():
        if found := [check for check in checks if check.get("finding") == finding]:
            count = pattern.format(len(found), one if len(found) == 1 else several)
            groups.append({"kind": finding, "what": what, **given, "count": count, "checks": found})
    return groups


def moment(text: str) -> datetime:
    """Read an ISO 8601 time, as UTC."""
    return datetime.fromisoformat(text).astimezone(UTC)


def written(when: datetime) -> str:
    """Return a time as text: Tue 24 Nov 2026, 08:00:00 UTC."""
    return f"{when:%a %d %b %Y, %H:%M:%S} UTC"

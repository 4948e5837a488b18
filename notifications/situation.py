"""The view of a situation: what changed in a release since the last message, and what has not ended."""

from datetime import datetime, timedelta

from notifications.view import Document, Variables, by_finding, moment, variables, written

_PLACE = ("cluster", "namespace", "vantage")


def view(situation: Document) -> Variables:
    """Make the view. Raises KeyError, TypeError, ValueError or AttributeError if it is not a situation."""
    now = moment(situation["time"])
    new, over, still, unchecked = (
        [_check(each, now, ended=key == "over") for each in situation.get(key) or ()]
        for key in ("new", "over", "still", "notChecked")
    )
    changed = [
        *by_finding(new, "{} new {}"),
        *by_finding(over, "{} {} over", kind="over", what="this has ended"),
        *by_finding(unchecked, "{} {} no longer checked", kind="not checked", what="removed from the lists"),
    ]
    lasting = by_finding(still, "still {} {}")
    summary = situation.get("summary")  # only a scheduled summary has it
    wrong = {check["finding"] for check in (*new, *still)}
    return variables(
        situation,
        "violation" if wrong & {"leak", "unreachable"} else "inconclusive" if wrong else "pass",
        situation["time"],
        headline=f"netproof: {_headline(changed or lasting, 'no findings' if summary else 'nothing changed')}",
        tally=summary,
        groups=changed + lasting,
        warnings=[*(situation.get("warnings") or ()), *map(_undelivered, situation.get("undelivered") or ())],
        runbook=(situation.get("notify") or {}).get("runbookUrl"),
    )


def _headline(groups: list[Variables], otherwise: str) -> str:
    """Return what changed. For a single check, add its target and where it was seen."""
    checks = [check for group in groups for check in group["checks"]]
    counts = ", ".join(group["count"] for group in groups) or otherwise
    if len(checks) != 1:
        return counts
    places = checks[0]["places"]
    where = [f"{len(places)} places"] if len(places) > 1 else places
    return " from ".join([f"{counts}: {checks[0]['target']}", *where])


def _undelivered(delivery: Document) -> str:
    since = written(moment(delivery["since"]))
    return f"channel {delivery['channel']} received nothing since {since}: {delivery['reason']}"


def _check(finding: Document, now: datetime, *, ended: bool) -> Variables:
    """Add the places and the period of a finding, as text."""
    places = ["/".join(filter(None, map(place.get, _PLACE))) for place in finding.get("places") or ()]
    since, until = (moment(finding[key]) if finding.get(key) else now for key in ("since", "until"))
    period = f"Lasted from {written(since)} to {written(until)}" if ended else f"Since {written(since)}"
    duration = _rounded((until if ended else now) - since)
    target = (finding.get("target") or "").strip() or finding.get("name") or (places or ["unknown"])[0]
    return {**finding, "target": target, "places": places, "period": f"{period} ({duration})"}


def _rounded(duration: timedelta) -> str:
    """Return a duration as rounded text: 40 s, 12 min, 3 h, 5 days."""
    seconds = int(duration.total_seconds())
    units = ((172_800, 86_400, "days"), (7_200, 3_600, "h"), (120, 60, "min"), (0, 1, "s"))
    return next(f"{seconds // size} {unit}" for least, size, unit in units if seconds >= least or not least)

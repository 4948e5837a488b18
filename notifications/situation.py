"""The view of a situation: what changed in a release since the last message, and what has not ended."""

from datetime import datetime, timedelta

from notifications.view import FINDINGS, Document, Variables, by_finding, moment, variables, written


def view(situation: Document) -> Variables:
    """Make the view. Raises KeyError, TypeError, ValueError or AttributeError for what is not a situation."""
    now = moment(situation["time"])
    new, over, still, unchecked = (
        [_check(each, now, ended=key == "over") for each in situation.get(key) or ()]
        for key in ("new", "over", "still", "notChecked")
    )
    changed = [
        *by_finding(new, "{} new {}"),
        *by_finding(over, "{} {} over", kind="over", what="this has ended"),
        *by_finding(
            unchecked, "{} {} no longer checked", kind="not checked", what="taken off the lists, perhaps not over"
        ),
    ]
    lasting = by_finding(still, "still {} {}")
    return variables(
        situation,
        _severity({check["finding"] for check in (*new, *still)}),
        situation["time"],
        headline=f"netproof: {_headline(changed or lasting)}",
        groups=changed + lasting,
        warnings=[*map(_undelivered, situation.get("undelivered") or ()), *(situation.get("warnings") or ())],
        runbook=(situation.get("notify") or {}).get("runbookUrl"),
    )


def _severity(findings: set[str]) -> str:
    if findings & {"leak", "unreachable"}:
        return "violation"
    return "inconclusive" if findings & FINDINGS.keys() else "pass"


def _headline(groups: list[Variables]) -> str:
    """Say what changed; of a single check, also its target and where it was seen."""
    checks = [check for group in groups for check in group["checks"]]
    counts = ", ".join(group["count"] for group in groups) or "nothing is wrong"
    if len(checks) != 1:
        return counts
    places = checks[0]["places"] or [""]
    where = f" from {places[0] if len(places) == 1 else f'{len(places)} places'}" if places[0] else ""
    return f"{counts}: {checks[0]['target']}{where}"


def _check(finding: Document, now: datetime, *, ended: bool) -> Variables:
    """Add to a finding its places and its period, as texts."""
    places = [
        "/".join(filter(None, (place.get("cluster"), place.get("namespace"), place.get("vantage"))))
        for place in finding.get("places") or ()
    ]
    since, until = (moment(finding[key]) if finding.get(key) else now for key in ("since", "until"))
    if ended:
        period = f"From {_minute(since)} to {_minute(until)} ({_duration(until - since)})"
    else:
        period = f"Since {_minute(since)} ({_duration(now - since)})"
    target = finding.get("target") or finding.get("name") or (places or ["unknown"])[0]
    return {**finding, "target": target, "places": places, "period": period}


def _minute(when: datetime) -> str:
    return f"{when:%a %d %b %Y, %H:%M} UTC"


def _duration(time: timedelta) -> str:
    """Write a duration in its largest units: ``3 d 4 h``."""
    minutes = max(0, round(time.total_seconds() / 60))
    units = ((minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min"))
    return " ".join(f"{number} {unit}" for number, unit in units if number) or "less than a minute"


def _undelivered(delivery: Document) -> str:
    since = f" since {written(moment(delivery['since']))}" if delivery.get("since") else ""
    reason = f": {delivery['reason']}" if delivery.get("reason") else ""
    return f"channel {delivery['channel']} received nothing{since}{reason}"

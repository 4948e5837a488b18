"""The view of one run's report, complete or shortened to a termination message."""

import shlex

from notifications.forms.base import plain
from notifications.view import Document, Variables, by_finding, variables


def view(report: Document) -> Variables:
    """Make the view. Raises KeyError, TypeError, ValueError or AttributeError if it is not a report."""
    place, notify, error = (report.get(key) or {} for key in ("vantage", "notify", "error"))
    groups, title = by_finding(report.get("checks") or ()), error.get("title")
    place = {**place, "labels": ", ".join(f"{key}={value}" for key, value in (place.get("labels") or {}).items())}
    name, cluster = place.get("name") or place.get("namespace"), place.get("cluster")
    what = title.rstrip(".") if title else ", ".join(group["count"] for group in groups) or _nothing_found(report)
    return variables(
        report,
        report["verdict"] or "inconclusive",
        report["started"],
        headline=f"netproof: {what}" + (f" from {name}" if name else "") + (f" in {cluster}" if cluster else ""),
        groups=groups,
        error=title,
        problems=error.get("problems") or (),
        vantage={key: place[key] for key in ("name", "cluster", "namespace", "labels", "node") if place.get(key)},
        duration=f"{report.get('duration') or 0:.0f} s",
        tally=_tally(report) if report.get("checks") else None,
        warnings=report.get("warnings") or (),
        rerun=_rerun(notify["cronjob"], place.get("namespace")) if notify.get("cronjob") else None,
        runbook=notify.get("runbookUrl"),
    )


def _nothing_found(report: Document) -> str:
    return f"all {report['summary']['checks']} checks pass" if report["verdict"] == "pass" else "nothing was decided"


def _tally(report: Document) -> str:
    """Return how many checks passed, and whether the run was stopped early."""
    summary, stopped = report["summary"], report.get("stopped")
    early = f"; the run was stopped early ({stopped})" if stopped else ""
    return f"{summary['pass']} of {summary['checks']} checks pass{early}"


def _rerun(cronjob: str, namespace: str | None) -> str:
    """Return the command that runs the check again. The time in the name of the Job makes it unique."""
    where = f" -n {shlex.quote(plain(namespace))}" if namespace else ""
    job = shlex.quote(plain(cronjob))
    return f"kubectl{where} create job --from=cronjob/{job} {job}-$(date +%s)"

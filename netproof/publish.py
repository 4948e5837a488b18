"""Publishes a report: to files, channels and the heartbeat.

It is slow to import. `netproof check` imports it only if there is a reader.
"""

from msgspec import convert
from msgspec.structs import replace

from checker.model import FAILED, UNDELIVERED, Verdict
from checker.report import Delivery, Report, document, dumps, write, write_in_place
from checker.termination import shorten
from netproof.arguments import Options
from netproof.console import Console
from notifications.errors import NotificationError
from notifications.settings import due


def publish(report: Report, options: Options, console: Console, *, last: bool = True, notify: bool = True) -> Report:
    """Write the report, notify the channels, call the heartbeat, and write the report again with the results.

    The termination message is the `last` report of a process. `notify` is whether this one may be sent.
    """
    report = _write(report, options, console, last=last)
    if options.no_notify or not notify:
        return report
    if options.channels and due(document(report)):
        report = _send(report, options, console)
    if options.heartbeat:
        from notifications.heartbeat import beat  # noqa: PLC0415 - slow to import

        report = replace(report, heartbeat=beat(options.heartbeat, report.verdict is Verdict.PASS))
        if report.heartbeat:
            console.note("WARN", f"heartbeat: {report.heartbeat}")
    return _write(report, options, console, last=last) if report.channels or report.heartbeat else report


def _write(report: Report, options: Options, console: Console, *, last: bool) -> Report:
    """Write the files that were asked for. If one cannot be written, the message is still sent."""
    log = options.termination_log if last else None
    for file, form, put in ((options.report, dumps, write), (log, shorten, write_in_place)):
        try:
            if file:
                put(file, form(report))
        except OSError as error:
            console.note("ERROR", f"{file} cannot be written: {error.strerror}")
            report = replace(report, exit_code=report.exit_code or FAILED)
    return report


def _send(report: Report, options: Options, console: Console) -> Report:
    """Send the message to every channel. Return the report with the deliveries."""
    from notifications import channels, deliver  # noqa: PLC0415 - slow to import

    try:
        sent = deliver.deliver(document(report), channels.folder(options.channels), options.templates)
    except NotificationError as error:
        sent = [deliver.Delivery("all", delivered=False, reason=str(error))]
    for each in sent:
        console.note(each.level, str(each))
    code = report.exit_code or (0 if all(each.delivered for each in sent) else UNDELIVERED)
    return replace(report, channels=convert(sent, tuple[Delivery, ...], from_attributes=True), exit_code=code)

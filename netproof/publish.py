"""Sends a report to all who read it: files, channels and the heartbeat."""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checker.model import FAILED, INTERRUPTED, Run, Verdict
from netproof.console import Console
from notifications.errors import NotificationError

if TYPE_CHECKING:
    from checker.report import Report
    from notifications.deliver import Delivery

UNDELIVERED = 4
TERMINATION_LOG = Path("/dev/termination-log")


def publish_run(run: Run, options: Namespace, console: Console, *, last: bool) -> int:
    """Print a run, publish its report, and return the exit code.

    With `--every`, only the last run becomes the termination message, and only a pass and the last run are notified.
    """
    if options.output == "text":
        console.summary(run)
    options = Namespace(**vars(options))
    if not last:
        options.termination_log = None
    if options.every and run.verdict is not Verdict.PASS and (not last or run.exit_code in INTERRUPTED.values()):
        options.no_notify = True
    readers = (options.report, options.termination_log, options.channels, options.heartbeat)
    if options.output == "text" and not any(readers):
        return run.exit_code
    from checker.report import dumps, of_run  # noqa: PLC0415 - a run without a reader does not need msgspec

    report = of_run(run)
    try:
        report = publish(report, options, console)
    finally:
        if options.output == "json":
            Console().print(dumps(report).rstrip())
    return report.exit_code


def publish(report: "Report", options: Namespace, console: Console) -> "Report":
    """Write the report, notify the channels, call the heartbeat, and write again what came of it. Return that."""
    from msgspec import convert, structs  # noqa: PLC0415

    from checker.report import Delivery, document  # noqa: PLC0415

    report = _write(report, options, console)
    if options.no_notify:
        return report
    if options.channels:
        sent = _send(document(report), options, console)
        undelivered = report.exit_code == 0 and not all(each.delivered for each in sent)
        report = structs.replace(
            report,
            channels=convert(sent, tuple[Delivery, ...], from_attributes=True),
            exit_code=UNDELIVERED if undelivered else report.exit_code,
        )
    if options.heartbeat:
        from notifications.heartbeat import beat  # noqa: PLC0415

        report = structs.replace(report, heartbeat=beat(options.heartbeat, report.verdict is Verdict.PASS))
        if report.heartbeat:
            console.note("WARN", f"heartbeat: {report.heartbeat}")
    if report.channels or report.heartbeat:
        report = _write(report, options, console)
    return report


def _send(document: dict[str, Any], options: Namespace, console: Console) -> Sequence["Delivery"]:
    """Send the message to every channel, if it is due."""
    from notifications.settings import due  # noqa: PLC0415

    if not due(document):
        return ()
    from notifications.channels import folder  # noqa: PLC0415
    from notifications.deliver import Delivery, deliver  # noqa: PLC0415 - slow to import

    try:
        sent = deliver(document, folder(options.channels), options.templates)
    except NotificationError as error:
        sent = [Delivery("all", delivered=False, reason=str(error))]
    for each in sent:
        console.note(each.level, str(each))
    return sent


def _write(report: "Report", options: Namespace, console: Console) -> "Report":
    """Write the files that were asked for. If one cannot be written, the message still goes out."""
    from msgspec import structs  # noqa: PLC0415

    from checker.report import dumps, write, write_in_place  # noqa: PLC0415
    from checker.termination import shorten  # noqa: PLC0415

    for file, form, put in ((options.report, dumps, write), (options.termination_log, shorten, write_in_place)):
        try:
            if file:
                put(file, form(report))
        except OSError as error:
            console.note("ERROR", f"{file} cannot be written: {error.strerror}")
            report = structs.replace(report, exit_code=report.exit_code or FAILED)
    return report

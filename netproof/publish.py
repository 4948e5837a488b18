"""From a report to its readers: files, channels and the heartbeat."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checker.model import Verdict
from netproof.arguments import CHANNELS
from netproof.console import Console
from notifications.errors import NotificationError

if TYPE_CHECKING:
    from checker import report
    from checker.report import Report

UNDELIVERED, FAILED = 4, 70
TERMINATION_LOG = Path("/dev/termination-log")


@dataclass(frozen=True, slots=True)
class Readers:
    """Who gets the report of a run. Without arguments: what a pod of the chart has mounted."""

    report: Path | None = None
    termination_log: Path | None = None
    channels: Path | None = None
    templates: Path | None = None
    heartbeat: Path | None = None
    notify: bool = True
    last: bool = True  # the process ends with this report, so it becomes the termination message

    @property
    def message(self) -> Path | None:
        """The termination log, where there is one."""
        if not self.last:
            return None
        return self.termination_log or (TERMINATION_LOG if TERMINATION_LOG.exists() else None)

    @property
    def folder(self) -> Path | None:
        """The folder of channels, where there is one."""
        return self.channels or (CHANNELS if CHANNELS.is_dir() else None)

    @property
    def any(self) -> bool:
        """Whether anybody reads the report."""
        return bool(self.report or self.message or self.folder or self.heartbeat)


def publish(document: Report, readers: Readers, console: Console) -> Report:
    """Write the report, notify the channels, and write it again with what was delivered. Return that."""
    from msgspec import structs  # noqa: PLC0415 - a run without a reader does without

    document = _write(document, readers, console)
    if not readers.notify:
        return document
    if readers.folder:
        deliveries = _deliver(document, readers.folder, readers.templates, console)
        code = document.exit_code
        if code == 0 and not all(each.delivered for each in deliveries):
            code = UNDELIVERED
        document = structs.replace(document, channels=deliveries, exit_code=code)
    if readers.heartbeat:
        from notifications.heartbeat import beat  # noqa: PLC0415

        document = structs.replace(document, heartbeat=beat(readers.heartbeat, document.verdict is Verdict.PASS))
        if document.heartbeat:
            console.note("WARN", f"heartbeat: {document.heartbeat}")
    if document.channels or document.heartbeat:
        document = _write(document, readers, console)
    return document


def show(delivery: Any, console: Console) -> bool:
    """Print what became of one message. Return whether it was delivered."""
    reason = f": {delivery.reason}" if delivery.reason else ""
    level = "ERROR" if not delivery.delivered else "WARN" if reason else "INFO"
    console.note(level, f"channel {delivery.channel}: {'delivered' if delivery.delivered else 'not delivered'}{reason}")
    return bool(delivery.delivered)


def _deliver(document: Report, channels: Path, templates: Path | None, console: Console) -> tuple[report.Delivery, ...]:
    """Send the message to every channel where it is due."""
    from checker import report  # noqa: PLC0415
    from notifications.settings import due  # noqa: PLC0415

    plain = report.document(document)
    if not due(plain):
        return ()
    from notifications.channels import folder  # noqa: PLC0415
    from notifications.deliver import Delivery, deliver  # noqa: PLC0415 - slow: only when a message is due

    try:
        deliveries = deliver(plain, folder(channels), templates)
    except NotificationError as error:
        deliveries = [Delivery("all", delivered=False, reason=str(error))]
    return tuple(
        report.Delivery(channel=each.channel, delivered=show(each, console), reason=each.reason) for each in deliveries
    )


def _write(document: Report, readers: Readers, console: Console) -> Report:
    """Write the files that were asked for. If one cannot be written, the message still goes out."""
    from msgspec import structs  # noqa: PLC0415

    from checker import report, termination  # noqa: PLC0415

    for file, form, write in (
        (readers.report, report.dumps, report.write),
        (readers.message, termination.shorten, report.write_in_place),
    ):
        if file:
            try:
                write(file, form(document))
            except OSError as error:
                console.note("ERROR", f"{file} cannot be written: {error.strerror}")
                document = structs.replace(document, exit_code=document.exit_code or FAILED)
    return document

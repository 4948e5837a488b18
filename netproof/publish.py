"""From a report to its readers: files, channels and the heartbeat."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checker import report
from netproof.arguments import CHANNELS
from notifications.errors import NotificationError

if TYPE_CHECKING:
    from netproof.console import Console

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

    @property
    def message(self) -> Path | None:
        """The termination log, where there is one."""
        return self.termination_log or (TERMINATION_LOG if TERMINATION_LOG.exists() else None)

    @property
    def folder(self) -> Path | None:
        """The folder of channels, where there is one."""
        return self.channels or (CHANNELS if CHANNELS.is_dir() else None)

    @property
    def any(self) -> bool:
        """Whether anybody reads the report."""
        return bool(self.report or self.message or self.folder or self.heartbeat)


def publish(document: report.Document, readers: Readers, console: Console) -> int:
    """Write the report, notify the channels, and write it again with what was delivered. Return the exit code."""
    _write(document, readers, console)
    if not readers.notify:
        return int(document["exitCode"])
    if readers.folder:
        document["channels"] = _deliver(document, readers.folder, readers.templates, console)
        if document["exitCode"] == 0 and not all(each["delivered"] for each in document["channels"]):
            document["exitCode"] = UNDELIVERED
    if readers.heartbeat:
        from notifications.heartbeat import beat  # noqa: PLC0415

        document["heartbeat"] = beat(readers.heartbeat, document["verdict"] == "pass")
        if document["heartbeat"]:
            console.note("WARN", f"heartbeat: {document['heartbeat']}")
    if document["channels"] or document["heartbeat"]:
        _write(document, readers, console)
    return int(document["exitCode"])


def show(delivery: Any, console: Console) -> dict[str, Any]:
    """Print what became of one message, and return it for the report."""
    reason = f": {delivery.reason}" if delivery.reason else ""
    level = "ERROR" if not delivery.delivered else "WARN" if reason else "INFO"
    console.note(level, f"channel {delivery.channel}: {'delivered' if delivery.delivered else 'not delivered'}{reason}")
    return {"channel": delivery.channel, "delivered": delivery.delivered, "reason": delivery.reason}


def _deliver(
    document: report.Document, channels: Path, templates: Path | None, console: Console
) -> list[dict[str, Any]]:
    """Send the message to every channel where it is due."""
    from notifications.settings import due  # noqa: PLC0415

    if not due(document):
        return []
    from notifications.deliver import Delivery, deliver  # noqa: PLC0415 - slow: only when a message is due

    try:
        deliveries = deliver(document, channels, templates)
    except NotificationError as error:
        deliveries = [Delivery("all", delivered=False, reason=str(error))]
    return [show(each, console) for each in deliveries]


def _write(document: report.Document, readers: Readers, console: Console) -> None:
    """Write the files that were asked for. If one cannot be written, the message still goes out."""
    for file, form, write in (
        (readers.report, report.dumps, report.write),
        (readers.message, report.termination_message, report.write_in_place),
    ):
        if file:
            try:
                write(file, form(document))
            except OSError as error:
                console.note("ERROR", f"{file} cannot be written: {error.strerror}")
                document["exitCode"] = document["exitCode"] or FAILED

"""Delivers a document to all channels at once, within a time limit.

A forked process loads apprise, and forks again for each channel. What a library loads, logs or leaves unfinished ends
with its process, and a server that answers slowly or without end does not delay the other channels.
"""

import logging
import os
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from notifications import causes, forms, limits
from notifications.channels import one_url
from notifications.errors import NotificationError
from notifications.render import VERSION, render, view
from notifications.view import Document

# Seconds for one channel. The longest case is 26 s: 3 tries with pauses of 1 s, each try with 4 s to connect and 4 s to
# answer (cto and rto of apprise), or with 8 s for the answer of a mail server.
LIMIT, TRIES, PAUSE = 28.0, 3, 1.0
START = 6.0  # more seconds, to load apprise: 0.3 s of processor time, of which a pod may have little
MEGABYTES = 32  # memory of one channel: most services of apprise read the whole answer of a server


@dataclass(frozen=True)
class Delivery:
    """The result for one channel. ``reason``: why it failed, or what is wrong with the template; never the URL."""

    channel: str
    delivered: bool
    reason: str | None = None

    @property
    def level(self) -> str:
        """How serious this is in a log: INFO, WARN or ERROR."""
        return "ERROR" if not self.delivered else "WARN" if self.reason else "INFO"

    def __str__(self) -> str:
        """Write it as `channel mail: not delivered: SMTP 550 after 3 tries`."""
        text = f"channel {self.channel}: {'delivered' if self.delivered else 'not delivered'}"
        return f"{text}: {self.reason}" if self.reason else text


@dataclass(frozen=True)
class Attachment:
    """An HTML page, which is attached if the service of the channel accepts attachments."""

    name: str
    content: str


Sent = Delivery | str  # a delivery, or the reason why there was none


def deliver(
    document: Document,
    channels: Mapping[str, Path],
    templates: Path | None = None,
    attachment: Attachment | None = None,
    *,
    limit: float = LIMIT,
) -> list[Delivery]:
    """Send a report or a situation to channels: URL files by name. Returns within ``limit`` + START seconds.

    Raises NotificationError for an invalid document.
    """
    view(document)  # raises for an invalid document once, not for each channel
    jobs = {name: partial(_send, document, name, file, templates, attachment) for name, file in channels.items()}
    room = MEGABYTES + (8 * len(attachment.content) >> 20 if attachment else 0)
    sent = limits.run({"": partial(_send_all, jobs, limit, room)}, limit + START, 1024)[""] if jobs else {}
    outcomes = dict.fromkeys(jobs, sent) if isinstance(sent, limits.Stopped) else sent
    return [each if isinstance(each, Delivery) else Delivery(name, False, str(each)) for name, each in outcomes.items()]


def send_test(channels: Mapping[str, Path], *, limit: float = LIMIT) -> list[Delivery]:
    """Send a test message, which is clearly marked, to every channel."""
    text = "`netproof notify --test` sent it. This channel works."
    error = {"title": "This is a test message: nothing is wrong.", "problems": [text]}
    report = {"version": VERSION, "started": datetime.now(UTC).isoformat(), "verdict": "pass", "error": error}
    return deliver(report, channels, limit=limit)


def _send_all(jobs: Mapping[str, Callable[[], Sent]], limit: float, megabytes: int) -> dict[str, Sent]:
    """Load apprise, then send to each channel in a fork."""
    warnings.simplefilter("ignore")  # apprise imports what Python deprecates
    if "SSL_CERT_FILE" in os.environ:  # ssl (for mail) reads this variable, but requests reads another
        os.environ.setdefault("REQUESTS_CA_BUNDLE", os.environ["SSL_CERT_FILE"])
    from apprise.plugins import N_MGR  # noqa: PLC0415, slow to import

    N_MGR.load_modules()
    logging.getLogger("apprise").setLevel(logging.DEBUG)  # the cause of a failed try is logged at this level only
    return limits.run(jobs, limit, megabytes)


def connect(url: str) -> tuple[Any, forms.Form]:
    """Make the service that a URL names, and choose its form. Raises NotificationError; its text omits the URL."""
    from apprise import Apprise, AppriseAsset  # noqa: PLC0415
    from apprise.plugins import url_to_dict  # noqa: PLC0415

    # No redirects (a redirected POST would become a GET), no downloads, and no time limit but that of the process.
    asset = AppriseAsset(app_id="netproof", app_desc="netproof", app_url="", async_mode=False, service_timeout=0)
    asset.image_url_mask = asset.image_url_logo = asset.image_path_mask = ""
    asset.http_redirects = asset.pgp_autogen = asset.pem_autogen = False
    asset.default_service_retry, asset.default_service_wait = TRIES - 1, PAUSE
    if parts := url_to_dict(url):
        form = forms.of_schema(parts["schema"])
        parts |= {key: value for key, value in form.settings if not parts.get(key)}
        if plugin := Apprise.instantiate(parts, asset):
            return plugin, form
    raise NotificationError("its URL is not one that apprise accepts; see https://appriseit.com/services/")


def _send(document: Document, name: str, file: Path, templates: Path | None, added: Attachment | None) -> Sent:
    """Deliver to one channel, or return the reason why that failed."""
    from apprise import Apprise  # noqa: PLC0415
    from apprise.attachment.memory import AttachMemory  # noqa: PLC0415

    try:
        plugin, form = connect(one_url(file))
        # Shorten text here, and say how much is left out, before apprise cuts it. A line end separates title and body.
        message = render(document, form.name, templates, plugin.body_maxlen - 2 if form.name == "text" else None)
        page = AttachMemory(added.content, added.name, "text/html") if added and plugin.attachment_support else None
        kind = {"violation": "failure", "pass": "success"}.get(message.severity, "warning")
        result = Apprise(plugin).notify(
            message.body, message.title, kind, body_format=form.body_format, attach=page, log_level=logging.DEBUG
        )
    except NotificationError as e:
        return str(e)
    except MemoryError:
        raise
    except Exception as e:  # noqa: BLE001, a plugin may raise anything, and its text may contain the URL
        return f"apprise failed: {type(e).__name__}"
    tries = [attempt for outcome in result for attempt in outcome]
    if any(tries):
        return Delivery(name, delivered=True, reason=message.fault)
    cause = causes.of_log((entry.level, str(entry.message)) for entry in result.logs())
    return f"{cause} after {len(tries)} {'try' if len(tries) == 1 else 'tries'}"

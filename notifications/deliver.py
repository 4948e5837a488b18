"""From a report to messages that arrive: all channels at once, and never later than the limit.

Each channel has a daemon thread of its own. apprise's own time limits leave a worker of its pool behind, which the
interpreter joins at exit: a far end that trickles would hold the Job for ever. A daemon thread holds nothing.
"""

import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from notifications import channels as listed
from notifications.errors import NotificationError
from notifications.render import render

if TYPE_CHECKING:
    from apprise import AppriseAsset, AppriseResult

T = TypeVar("T")

# Seconds, for everything: 3 tries of 4 s to connect and 4 s to answer (apprise's cto and rto), or of 8 s for an answer
# of a mail server, with 1 s between: 26 s.
LIMIT = 28.0
TRIES = 3
PAUSE = 1.0
# They would print URLs: apprise a mistyped one, urllib3 and httpx each they call.
TALKATIVE = ("apprise", "urllib3", "requests", "httpx", "httpcore", "markdown")


@dataclass(frozen=True)
class Delivery:
    """What became of one channel's message. ``reason`` holds nothing of the URL; it also tells of a bad template."""

    channel: str
    delivered: bool
    reason: str | None = None


def deliver(
    report: Mapping[str, Any], channels: Path, templates: Path | None = None, *, limit: float = LIMIT
) -> list[Delivery]:
    """Send the report to every channel of the folder, at most ``limit`` seconds long, and say what became of each.

    Raises NotificationError when the folder cannot be read, or when the report is none.
    """
    return send(report, listed.folder(channels), templates, limit=limit)


def send(
    report: Mapping[str, Any],
    channels: Sequence[listed.Channel],
    templates: Path | None = None,
    *,
    limit: float = LIMIT,
) -> list[Delivery]:
    """Send the report to channels, as ``deliver`` does."""
    if not channels:
        return []
    render(report, "text")  # what is no report is told once, not by each channel
    with hushed():
        jobs = {channel.name: partial(_send, report, channel, templates) for channel in channels}
        outcomes = at_once(jobs, limit)
    late = f"no end of it within {limit:g} s; given up"
    return [Delivery(name, *outcomes.get(name, (False, late))) for name in jobs]


def trial(channels: Path, *, limit: float = LIMIT) -> list[Delivery]:
    """Send a clearly marked trial message to every channel, and say who got it."""
    report = {
        "kind": "run",
        "version": 2,
        "started": datetime.now(UTC).isoformat(),
        "duration": 0.0,
        "verdict": "pass",
        "exitCode": 0,
        "vantage": {},
        "summary": {},
        "stopped": None,
        "warnings": [],
        "error": {
            "title": "This is a trial: nothing is wrong.",
            "problems": ["Someone ran `netproof notify --test` to see whether this channel works. It does."],
        },
        "checks": [],
        "notify": {},
    }
    return deliver(report, channels, limit=limit)


def at_once(jobs: Mapping[str, Callable[[], T]], limit: float) -> dict[str, T]:
    """Run every job in a daemon thread; return the results that came within ``limit`` seconds, by name.

    Jobs may not raise. One that is late is left behind: it ends with the process, and delays no exit.
    """
    done: SimpleQueue[tuple[str, T]] = SimpleQueue()
    for name, job in jobs.items():
        Thread(target=lambda name=name, job=job: done.put((name, job())), name=name, daemon=True).start()
    results: dict[str, T] = {}
    end = monotonic() + limit
    while len(results) < len(jobs):
        try:
            name, result = done.get(timeout=max(0.0, end - monotonic()))
        except Empty:
            break
        results[name] = result
    return results


@contextmanager
def hushed() -> Iterator[None]:
    """Keep libraries from printing URLs or tokens, and have requests trust the CA that everything else here trusts."""
    for name in TALKATIVE:
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.addHandler(logging.NullHandler())
    # apprise tells why a try failed at debug level only; what it tells is read in _cause and goes nowhere else.
    logging.getLogger("apprise").setLevel(logging.DEBUG)
    # requests knows its own variable only; ssl (mail) and httpx know SSL_CERT_FILE.
    borrowed = "REQUESTS_CA_BUNDLE" not in os.environ and os.environ.get("SSL_CERT_FILE")
    if borrowed:
        os.environ["REQUESTS_CA_BUNDLE"] = borrowed
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # urllib3 warns of verify=no, and names the host
            yield
    finally:
        if borrowed:
            del os.environ["REQUESTS_CA_BUNDLE"]


def _send(report: Mapping[str, Any], channel: listed.Channel, templates: Path | None) -> tuple[bool, str | None]:
    """Deliver to one channel: whether it arrived, and the reason if not."""
    if channel.fault:
        return False, channel.fault
    try:
        from apprise import Apprise, NotifyFormat, NotifyType  # noqa: PLC0415, slow, and not needed by a clean run

        service = listed.connect(channel.url, _asset())
        message = render(report, service.form, templates, _takes(service))
        apprise = Apprise()
        apprise.add(service.plugin)
        severity = {"violation": NotifyType.FAILURE, "pass": NotifyType.SUCCESS}
        kind = severity.get(report["verdict"], NotifyType.WARNING)
        # Only plain text is apprise's to convert; the other forms are what their service reads already.
        form = {"text": NotifyFormat.TEXT, "html": NotifyFormat.HTML}.get(service.form)
        result = apprise.notify(message.body, message.title, kind, body_format=form, log_level=logging.DEBUG)
    except NotificationError as e:
        return False, str(e)
    except Exception as e:  # noqa: BLE001, plugins raise what they like, and quote URLs in it
        return False, f"apprise failed on it: {type(e).__name__}"
    tries = [attempt for outcome in result for attempt in outcome]
    if any(tries):
        return True, message.fault
    return False, f"{_cause(result)} after {len(tries)} {'try' if len(tries) == 1 else 'tries'}"


def _asset() -> "AppriseAsset":
    """Set apprise up: its own retries, no time limit of its own (see above), nothing followed or fetched."""
    from apprise import AppriseAsset  # noqa: PLC0415

    return AppriseAsset(
        app_id="netproof",
        app_desc="netproof",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        image_path_mask="",
        interpret_emojis=False,
        async_mode=False,
        service_timeout=0,
        default_service_retry=TRIES - 1,
        default_service_wait=PAUSE,
        http_redirects=False,  # a redirected POST arrives as a GET of some page, which answers 200
        pgp_autogen=False,
        pem_autogen=False,
        timezone=UTC,
    )


def _takes(service: listed.Service) -> int | None:
    """How many characters the service takes: the text is cut here, with a count, before apprise cuts it anywhere."""
    return service.plugin.body_maxlen - 2 if service.form == "text" else None  # a line's end between title and body


# What apprise logs of a failed try, and what a person is told instead: nothing of the log is quoted, because it holds
# URLs. The first that matches counts.
EXCEPTION = ("Socket Exception", "Notification Exception")
CAUSES: tuple[tuple[str, str], ...] = (
    (r"CERTIFICATE_VERIFY_FAILED|SSLCertVerification", "its certificate is not trusted (SSL_CERT_FILE names the CA)"),
    (r"CA certificate bundle|FileNotFoundError.*certs?", "the CA file that SSL_CERT_FILE names cannot be read"),
    (r"ProxyError|Tunnel connection failed|SOCKS", "no way through the proxy (HTTPS_PROXY)"),
    (
        r"NameResolution|Name or service not known|name resolution|getaddrinfo|No address assoc",
        "its name does not resolve",
    ),
    (r"timed out|Timeout", "no answer in time"),
    (r"Connection refused", "connection refused"),
    (r"unreachable|No route", "its network is unreachable"),
    (r"\[SSL", "TLS failed"),
    (r"BadStatusLine|LineTooLong|InvalidHeader|RemoteProtocolError.*illegal|\(-1, b", "its answer makes no sense"),
    (r"reset by peer|RemoteDisconnected|(?i:connection.* (aborted|closed))|IncompleteRead|disconnected", "it hung up"),
    (r"extension not supported", "the server takes no login, or no STARTTLS"),
)


def _cause(result: "AppriseResult") -> str:
    """Tell in plain words why the last try failed, from what apprise logged."""
    said = ((entry.level, str(entry.message)) for entry in result.logs())
    # At debug level there is also the message itself, whose words are no reason.
    log = "\n".join(words for level, words in said if level != "DEBUG" or words.startswith(EXCEPTION))
    if codes := re.findall(r"error=(\d{3})\b", log):
        code = int(codes[-1])
        hint = {3: ": a redirect, not followed", 2: ", but not the answer of the service"}.get(code // 100, "")
        return f"HTTP {code}{hint or (': is the URL still valid?' if code in (401, 403, 404, 410) else '')}"
    if replies := re.findall(r"\((\d{3}), b['\"]", log):
        return f"SMTP {replies[-1]}{': login refused' if replies[-1] == '535' else ''}"
    return cause(log) or "apprise gives no reason"


def cause(log: str) -> str | None:
    """Recognise a network failure in a library's text."""
    return next((words for pattern, words in CAUSES if re.search(pattern, log)), None)

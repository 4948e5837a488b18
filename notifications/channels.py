"""Channels: a folder (a mounted Secret) in which each file is one channel, holding one apprise URL.

The URL is the secret: it stays out of every message, log and representation.
"""

from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from notifications import escape
from notifications.errors import NotificationError

if TYPE_CHECKING:
    from apprise import AppriseAsset, NotifyBase

LARGEST = 65_536
# Seconds for each answer. A mail server may greet late on purpose (postscreen_greet_wait: 6 s).
MAIL_TIMEOUT = 8.0
TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Channel:
    """A named place to notify: either its URL, or why it has none."""

    name: str
    url: str = field(default="", repr=False)
    fault: str | None = None


@dataclass(frozen=True)
class Service:
    """A channel's service, ready to send, and the form of message that suits it."""

    plugin: "NotifyBase"
    form: str


def folder(path: Path) -> list[Channel]:
    """Read the channels of a folder, by name. Kubernetes' ``..data`` entries and dot files are none.

    Raises NotificationError when the folder cannot be read.
    """
    try:
        files = sorted(file for file in path.iterdir() if not file.name.startswith(".") and not file.is_dir())
    except OSError as e:
        raise NotificationError(
            f"{path}: the channels cannot be read ({e.strerror}); --channels names a folder of files with one URL each"
        ) from None
    return [_channel(file) for file in files]


def _channel(file: Path) -> Channel:
    name = escape.plain(file.name)
    try:
        return Channel(name, one_url(file))
    except NotificationError as e:
        return Channel(name, fault=str(e))


def one_url(file: Path) -> str:
    """Read the one URL in a file of comment lines and blanks. Raises NotificationError with a reason, never content."""
    try:
        if not file.is_file():
            raise NotificationError("is not a file; give one URL in a file")
        with file.open("rb") as stream:
            content = stream.read(LARGEST + 1)
        lines = [line.strip() for line in content.decode().splitlines()]
    except OSError as e:
        raise NotificationError(f"cannot be read ({e.strerror})") from None
    except UnicodeDecodeError:
        raise NotificationError("is not UTF-8 text; give one URL in a text file") from None
    urls = [line for line in lines if line and not line.startswith("#")]
    if len(urls) != 1 or len(content) > LARGEST:
        found = "is empty" if not urls else "holds more than one line"
        raise NotificationError(f"{found}; give one URL, comments on lines of their own")
    return urls[0]


def connect(url: str, asset: "AppriseAsset") -> Service:
    """Make the service that a URL names. Raises NotificationError with a reason that repeats nothing of the URL.

    The services with a form of their own are imported by name. Only another one costs apprise's search
    through all of its plugins (0.1 s and more).
    """
    scheme, separator, _ = url.partition("://")
    if not separator:
        raise NotificationError("is not a URL; an apprise URL begins like slack:// or mailtos://")
    for schemes, module, name, form in _OWN:
        if scheme.lower() in (*schemes, "https"):
            plugin: type[NotifyBase] = getattr(import_module(module), name)
            read = plugin.parse_native_url if scheme.lower() == "https" else plugin.parse_url
            parts = read(url.replace("/#", "/%23"))  # as apprise itself does for a channel's name
            if parts:
                return Service(_build(plugin, {**parts, **_dress(form, parts), "asset": asset}), form)
    from apprise import Apprise, OverflowMode  # noqa: PLC0415, slow to import

    other = Apprise.instantiate(url, asset=asset)
    if other is None:
        raise NotificationError("is not a URL that apprise accepts; see its page for the service")
    # Plain text grows where a service makes HTML or Markdown of it: rather cut at its end than refused.
    other.overflow_mode = OverflowMode.TRUNCATE
    return Service(other, "text")


# Services with a form of their own: schemes, module and class in apprise, form.
_OWN = (
    (("slack",), "apprise.plugins.slack", "NotifySlack", "slack"),
    (("workflow", "workflows"), "apprise.plugins.workflows", "NotifyWorkflows", "teams"),
    (("mailto", "mailtos"), "apprise.plugins.email", "NotifyEmail", "html"),
)


def _build(plugin: "type[NotifyBase]", parts: dict[str, Any]) -> "NotifyBase":
    try:
        return plugin(**parts)
    except Exception:  # noqa: BLE001, plugins raise what they like, and quote tokens in it
        raise NotificationError("is not a URL that apprise accepts; see its page for the service") from None


def _dress(form: str, parts: dict[str, Any]) -> dict[str, Any]:
    """Set what the URL leaves open: for mail the patience with a slow server, else the payload around the text."""
    if form == "html":
        return {"cto": parts.get("cto", MAIL_TIMEOUT)}
    if parts.get("mode") in ("workflow", "trigger"):
        return {}
    # Slack must take blocks: apprise's older payload turns `!channel>` in a text back into a mention.
    blocks = {"use_blocks": True} if form == "slack" else {}
    return {"template": parts.get("template") or str(TEMPLATES / f"{form}.json"), **blocks}

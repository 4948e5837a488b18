"""Channels: a folder (a mounted Secret) in which each file is one channel, holding one apprise URL.

The URL is the secret: it stays out of every message, log and representation.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from notifications.errors import NotificationError
from notifications.forms.base import plain

LARGEST = 65_536  # bytes of a file


@dataclass(frozen=True)
class Channel:
    """A named place to notify: either its URL, or why it has none."""

    name: str
    url: str = field(default="", repr=False)
    fault: str | None = None


def folder(path: Path, only: Collection[str] | None = None) -> list[Channel]:
    """Read the channels of a folder, by name: all, or those that ``only`` names. Dot files are not channels.

    Raises NotificationError when the folder cannot be read.
    """
    try:
        files = sorted(file for file in path.iterdir() if not file.name.startswith(".") and not file.is_dir())
    except OSError as e:
        raise NotificationError(
            f"{path}: the channels cannot be read ({e.strerror}); --channels names a folder of files with one URL each"
        ) from None
    channels = {plain(file.name): file for file in files}
    if only is None:
        return [_channel(name, file) for name, file in channels.items()]
    absent = "there is no channel of this name; the Secret's keys are the names"
    return [
        _channel(name, channels[name]) if name in channels else Channel(plain(name), fault=absent)
        for name in sorted(set(only))
    ]


def _channel(name: str, file: Path) -> Channel:
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

"""Channels: a folder (a mounted Secret) in which each file is one channel, holding one apprise URL.

The URL is the secret: only the process that sends reads it, and it stays out of every message and log.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from notifications.errors import NotificationError
from notifications.forms.base import plain

LARGEST = 65_536  # bytes of a file


@dataclass(frozen=True)
class Channel:
    """A named place to notify, and the file that holds its URL."""

    name: str
    file: Path


def folder(path: Path, only: Collection[str] | None = None) -> list[Channel]:
    """List the channels of a folder by name: all, or those that ``only`` names. Dot files are not channels.

    Raises NotificationError when the folder cannot be read.
    """
    try:
        files = {plain(file.name): file for file in path.iterdir() if not (file.name.startswith(".") or file.is_dir())}
    except OSError as e:
        raise NotificationError(f"{path}: cannot be read ({e.strerror}); give a folder, one URL in a file") from None
    return [Channel(plain(name), files.get(name, Path())) for name in sorted(files if only is None else set(only))]


def one_url(file: Path) -> str:
    """Read the one URL in a file of comment lines and blanks. Raises NotificationError with a reason, never content."""
    try:
        if not file.is_file():
            raise NotificationError("there is no such file; give one URL in a file")
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

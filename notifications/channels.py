"""Channels: a folder, such as a mounted Secret, in which each file is one channel and contains one apprise URL.

The URL is a secret: only the process that sends reads it, and no message or log contains it.
"""

from pathlib import Path

from notifications.errors import NotificationError
from notifications.forms.base import plain


def folder(path: Path) -> dict[str, Path]:
    """List the channels of a folder: the file of each by its name. Dot files are not channels.

    Raises NotificationError when the folder cannot be read.
    """
    try:
        files = [file for file in sorted(path.iterdir()) if not (file.name.startswith(".") or file.is_dir())]
    except OSError as e:
        raise NotificationError(f"{path}: cannot be read ({e.strerror}); name a folder with one URL per file") from None
    return {plain(file.name): file for file in files}


def one_url(file: Path) -> str:
    """Read the URL in a file, without comment lines and blank lines. Raises NotificationError, without any content."""
    try:
        if not file.is_file():
            raise NotificationError("there is no file with its URL")
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except OSError as e:
        raise NotificationError(f"its file cannot be read ({e.strerror})") from None
    except UnicodeDecodeError:
        raise NotificationError("its file is not UTF-8 text") from None
    urls = [line for line in lines if line and not line.startswith("#")]
    if len(urls) != 1:
        found = "is empty" if not urls else "holds more than one line"
        raise NotificationError(f"its file {found}; it must hold one URL (lines that begin with # are ignored)")
    return urls[0]

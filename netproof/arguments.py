"""Arguments that several commands share, and how to read what they name."""

import argparse
import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from checker import config
from checker.model import Plan
from checker.words import seconds

CONFIGURATION, CHANNELS = Path("/etc/netproof"), Path("/etc/netproof-channels")
Options = argparse.Namespace
Add = Callable[..., Any]  # argparse.ArgumentParser.add_argument


class InputError(Exception):
    """Input that cannot be used. Each argument of the exception is one problem, in words for the user."""

    title = "The input cannot be used."


class UsageError(InputError):
    """Invalid arguments."""

    title = "Invalid arguments: nothing was done."


def duration(text: str) -> float:
    """Read a duration such as 500ms, 3s or 1h30m: seconds. Raises argparse.ArgumentTypeError."""
    try:
        return seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def count(text: str) -> int:
    """Read a number from 1 to 100,000. Raises argparse.ArgumentTypeError."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 100_000):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 100000")
    return int(text)


def path(text: str) -> Path:
    """Read a path. Raises argparse.ArgumentTypeError for one that no file can have, and for a URL."""
    if "://" in text:  # the report would show it as a path that does not exist, and it may be a secret
        raise argparse.ArgumentTypeError(f"{text} is a URL; put it into a file, and give the path")
    try:
        os.lstat(text)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise argparse.ArgumentTypeError(f"{error.strerror}: {text[:40]}…") from None
    return Path(text)


# Placeholders in help texts, and the types of their values.
FILE: dict[str, Any] = {"metavar": "FILE", "type": path}
DIR: dict[str, Any] = {"metavar": "DIR", "type": path}
PATHS: dict[str, Any] = {"nargs": "*", "metavar": "PATH", "type": path}
TIME: dict[str, Any] = {"metavar": "TIME", "type": duration}
NUMBER: dict[str, Any] = {"metavar": "N", "type": count}
REPEATABLE: dict[str, Any] = {"action": "append", "default": []}

_CHANNELS = f"folder with one apprise URL per file (default {CHANNELS} if it exists)"


def add_lists(add: Add) -> None:
    """Add the arguments that name lists."""
    add("paths", **PATHS, help="netproof.yaml, or a folder with netproof.yaml, allow.lst or deny.lst")
    add("--allow", **REPEATABLE, metavar="TARGET", help="must be reachable (repeatable)")
    add("--deny", **REPEATABLE, metavar="TARGET", help="must not be reachable (repeatable)")


def add_templates(add: Add) -> None:
    """Add the argument that names templates of messages."""
    add("--templates", **DIR, help="folder with your own message templates (*.j2)")


def add_messages(add: Add) -> None:
    """Add the arguments for messages."""
    add("--channels", **DIR, default=CHANNELS if CHANNELS.is_dir() else None, help=_CHANNELS)
    add_templates(add)


def plan(options: Options) -> Plan:
    """Read the lists that the arguments name. Raises ConfigError."""
    paths = options.paths
    if not (paths or options.allow or options.deny):
        paths = [CONFIGURATION if CONFIGURATION.exists() else Path(config.YAML)]
        if not paths[0].exists():
            what = f"neither {CONFIGURATION} nor ./{config.YAML} exists"
            raise config.ConfigError([f"there is nothing to check: {what}; name a PATH, or --allow and --deny"])
    given = vars(options)
    settings = {key: given[key] for key in ("settle", "deadline", "concurrency") if given.get(key) is not None}
    return config.load(paths, notify_shape, options.allow, options.deny, **settings)


def notify_shape() -> type[Any]:
    """Import the type of the `notify` section, which two lists do not need."""
    from notifications.settings import Notify  # noqa: PLC0415

    return Notify


@contextmanager
def reading(file: Path | None, pattern: str = "{}") -> Iterator[bytes]:
    """Yield what is in a file, or in standard input where no file is named.

    Raises InputError with the name of the file if it cannot be read, and for every error that its content causes;
    `pattern` describes that error.
    """
    name = file or "standard input"
    try:
        yield file.read_bytes() if file else sys.stdin.buffer.read()
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror}") from None
    except Exception as error:
        raise InputError(f"{name}: {pattern.format(' '.join(str(error).split()))}") from error


def report(file: Path) -> dict[str, Any]:
    """Read a report, or the termination message that shortens one. Raises InputError."""
    from checker.report import document  # noqa: PLC0415 - slow to import
    from checker.termination import read  # noqa: PLC0415

    with reading(file) as content:
        return document(read(content.decode()))

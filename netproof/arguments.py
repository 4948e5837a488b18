"""Arguments that several commands share, and the values that they give."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from checker import config, source
from checker.model import Plan
from checker.words import seconds

CONFIGURATION, CHANNELS = Path("/etc/netproof"), Path("/etc/netproof-channels")


class InputError(Exception):
    """Documents that cannot be used, and what is wrong with each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)


class UsageError(Exception):
    """Invalid arguments; the message says which, and what to do."""


def add_lists(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name the lists."""
    add = parser.add_argument
    add(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="netproof.yaml, or a folder with netproof.yaml, allow.lst or deny.lst",
    )
    add("--allow", action="append", default=[], metavar="TARGET", help="must be reachable (repeatable)")
    add("--deny", action="append", default=[], metavar="TARGET", help="must not be reachable (repeatable)")


def add_channels(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names the channels."""
    text = f"folder with one apprise URL per file (default {CHANNELS} if it exists)"
    parser.add_argument("--channels", type=Path, metavar="DIR", help=text)


def add_templates(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names the templates."""
    parser.add_argument("--templates", type=Path, metavar="DIR", help="folder with your own message templates (*.j2)")


def duration(text: str) -> float:
    """Read a duration such as 500ms, 3s or 1h30m: seconds. Raises argparse.ArgumentTypeError."""
    try:
        return seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def period(text: str) -> float:
    """Read a duration that is longer than 0: seconds. Raises argparse.ArgumentTypeError."""
    if not (found := duration(text)):
        raise argparse.ArgumentTypeError("it must be longer than 0")
    return found


def count(text: str) -> int:
    """Read a number from 1 to 100,000. Raises argparse.ArgumentTypeError."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 100_000):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 100000")
    return int(text)


def plan(options: argparse.Namespace) -> Plan:
    """Read the lists that the arguments name. Raises ConfigError."""
    paths = options.paths
    if not (paths or options.allow or options.deny):
        paths = [CONFIGURATION if CONFIGURATION.exists() else Path(config.YAML)]
        if not paths[0].exists():
            what = f"neither {CONFIGURATION} nor ./{config.YAML} exists"
            raise config.ConfigError([f"there is nothing to check: {what}; name a PATH, or --allow and --deny"])
    given = {key: vars(options).get(key) for key in ("settle", "deadline", "concurrency")}
    settings = {key: value for key, value in given.items() if value is not None}
    return config.load(paths, config.Overrides(options.allow, options.deny, settings), notify_shape)


def notify_shape() -> type[Any]:
    """Import the type of the `notify` section, which two lists do without."""
    from notifications.settings import Notify  # noqa: PLC0415

    return Notify


def document(file: Path) -> Any:
    """Read a document of any kind; a termination message becomes the report that it shortens. Raises UsageError."""
    try:
        text = source.text(file)
        found = json.loads(text)
        if not (isinstance(found, dict) and "packed" in found):
            return found
        from checker import report, termination  # noqa: PLC0415 - few need it

        return report.document(termination.read(text))
    except ValueError as error:
        what = f"is not JSON (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else error
        raise UsageError(f"{file} {what}") from None

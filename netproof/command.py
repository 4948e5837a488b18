"""The command line: the table of commands, and the one place where exceptions become exit codes."""

import argparse
import importlib
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, Protocol, cast

from checker import __version__
from checker.config import ConfigError
from checker.words import harmless
from netproof.arguments import InputError, UsageError
from netproof.failure import Failure
from notifications.errors import NotificationError

_MOST_MISTAKES = 100  # that are shown at once
MISCONFIGURED, FAILED = 2, 70  # 70 is EX_SOFTWARE of sysexits.h(3head)
EXIT_CODES = """exit codes: 0 every check passed; 1 a violation; 2 invalid arguments or configuration; 3 inconclusive;
4 passed, but a message that was due could not be delivered; 70 netproof itself failed;
130 and 143 interrupted, no violation known"""

# The module of each command has its name, `netproof/<name>.py`; only the one that is asked for is imported.
COMMANDS = {
    "check": "Probe the lists, report the results, and exit with the verdict.",
    "alive": "Check that `check --every` is still running: exit code 0, else 3.",
    "lint": "Find mistakes in a configuration, without probing.",
    "schema": "Print the JSON Schema of netproof.yaml.",
    "notify": "Send a report again, or a test message.",
    "render": "Show the message for a report.",
    "suggest": "Suggest lists for the chart, from the policies, pods and Services of a cluster or of manifests.",
    "coverage": "Find policies whose removal no check would detect.",
    "status": "Show the results of all Jobs of a cluster, as a table of vantages and targets.",
    "page": "Write the same as an HTML page; with --from and --to, as evidence for auditors.",
    "reporter": "Watch the Jobs of a release in its cluster, and notify the channels of changes.",
    "demo": "Find and report a violation on this machine. Needs no cluster, network or configuration.",
}


class Command(Protocol):
    """What the module of a command has."""

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the arguments of the command."""

    def run(self, options: argparse.Namespace) -> int:
        """Run the command and return its exit code."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see `{self.prog} --help`)")


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    name = arguments[0] if arguments and arguments[0] in COMMANDS else None
    options = None
    try:
        command = cast("Command", importlib.import_module(f"netproof.{name}")) if name else None
        options = _parser(name, command).parse_args(arguments)
        return cast("Command", command).run(options)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not look like a violation
        failure = _failure(error)
    with suppress(OSError):
        lines = (f"  {harmless(problem)}" for problem in failure.problems)
        print(f"netproof: {failure.title}", *lines, sep="\n", file=sys.stderr)
    if name == "check":
        from netproof import check  # noqa: PLC0415 - the one command that has readers

        with suppress(OSError):
            check.failed(failure, options)
    return failure.code


def _parser(name: str | None, command: Command | None) -> argparse.ArgumentParser:
    """Make the parser, with the arguments of the one command that is asked for."""
    parser = _Parser(prog="netproof", description="Proves that network policies hold.", epilog=EXIT_CODES)
    parser.add_argument("--version", action="version", version=f"netproof {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for each, about in COMMANDS.items():
        made = commands.add_parser(each, help=about, description=about, epilog=EXIT_CODES)
        if each == name and command:
            command.arguments(made)
    return parser


def _failure(error: Exception) -> Failure:
    """Turn an exception into an exit code and words."""
    while isinstance(error, ExceptionGroup):  # of the tasks of a run, the first one that failed
        error = error.exceptions[0]
    match error:
        case ConfigError():
            count = f"{len(error.mistakes):,} mistake{'s' if len(error.mistakes) > 1 else ''}"
            title = f"The configuration has {count}: nothing was probed."
            left_out = len(error.mistakes) - _MOST_MISTAKES
            problems = error.mistakes[:_MOST_MISTAKES] + ((f"and {left_out:,} more",) if left_out > 0 else ())
            return Failure(MISCONFIGURED, title, problems, error.notify)
        case InputError():
            return Failure(MISCONFIGURED, "The input cannot be used.", error.problems)
        case UsageError():
            return Failure(MISCONFIGURED, "Invalid arguments: nothing was probed.", (str(error),))
        case NotificationError():
            return Failure(MISCONFIGURED, "The notifications cannot be used.", (str(error),))
    place = traceback.extract_tb(error.__traceback__)[-1]
    problem = f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
    return Failure(FAILED, "netproof itself failed: this run proves nothing. Please report it.", (problem,))

"""The command line: the table of commands, and the one place where exceptions become exit codes."""

import argparse
import importlib
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from checker import __version__
from checker.config import ConfigError
from checker.model import FAILED, MISCONFIGURED
from checker.words import harmless, named
from netproof.arguments import InputError, Options, UsageError
from notifications.errors import NotificationError

_MOST_PROBLEMS = 100  # shown at once
_EXIT_CODES = """exit codes: 0 every check passed; 1 a violation; 2 invalid arguments or configuration; 3 inconclusive;
4 passed, but a message that was due could not be delivered; 70 netproof itself failed;
130 and 143 interrupted, no violation known"""

# Each command is a module with add_arguments() and run(), which returns an exit code or, for 0, None. The first line of
# its docstring is its help. Only the one that is asked for is imported, and all for the list of commands.
COMMANDS = "check alive lint schema notify render suggest coverage status page reporter demo".split()  # noqa: SIM905


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        message = re.sub(r"(?<=://)\S+", "…", message)  # URLs of channels are secrets
        raise UsageError(f"{message} (see `{self.prog} --help`)")


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    name, *rest = arguments or ("",)
    options = Options()  # when parsing fails, it holds the default values
    notify: Mapping[str, Any] = {}
    try:
        if name not in COMMANDS:
            _overview(arguments)
        command = importlib.import_module(f"netproof.{name}")
        parser = _Parser(prog=f"netproof {name}", description=_help(name), epilog=_EXIT_CODES)
        command.add_arguments(parser.add_argument)
        return command.run(parser.parse_args(rest, options)) or 0
    except ConfigError as error:
        code, problems, notify = MISCONFIGURED, error.mistakes, error.notify
        title = (
            f"The configuration has {len(problems):,} mistake{'s' if len(problems) > 1 else ''}: nothing was probed."
        )
    except (InputError, NotificationError) as error:
        code, title, problems = MISCONFIGURED, error.title, error.args
    except Exception as error:  # noqa: BLE001 - no exception may look like a violation
        import traceback  # noqa: PLC0415 - slow to import

        place = traceback.extract_tb(error.__traceback__)[-1]
        code, problems = FAILED, (f"{named(error)} ({Path(place.filename).name}:{place.lineno})",)
        title = "netproof itself failed: this run proves nothing. Please report it."
    if (left_out := len(problems) - _MOST_PROBLEMS) > 0:
        problems = (*problems[:_MOST_PROBLEMS], f"and {left_out:,} more")
    with suppress(OSError):
        print(f"netproof: {title}", *(f"  {harmless(each)}" for each in problems), sep="\n", file=sys.stderr)
    if name == "check" and vars(options):
        from checker.report import of_error  # noqa: PLC0415 - slow to import
        from netproof.console import Console  # noqa: PLC0415
        from netproof.publish import publish  # noqa: PLC0415

        with suppress(OSError):
            publish(of_error(title, problems, code, notify), options, Console(sys.stderr))
    return code


def _help(name: str) -> str:
    return str(importlib.import_module(f"netproof.{name}").__doc__).partition("\n")[0]


def _overview(arguments: Sequence[str]) -> NoReturn:
    """Print the version or the list of commands. Raises UsageError if the arguments ask for neither."""
    parser = _Parser(prog="netproof", description="Tests that network policies work.", epilog=_EXIT_CODES)
    parser.add_argument("--version", action="version", version=f"netproof {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in COMMANDS:
        commands.add_parser(name, help=_help(name))
    parser.parse_args(arguments)
    parser.error("COMMAND must be the first argument")  # pragma: no cover - argparse of some Pythons accepts `-- check`

"""`netproof page`: write the situation as one HTML file; with a period, as evidence."""

from __future__ import annotations

import argparse
from datetime import date
from typing import TYPE_CHECKING

from netproof import status
from netproof.arguments import UsageError

if TYPE_CHECKING:
    from reporter.page import Period


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    status.arguments(parser)
    parser.epilog = f"{status.GET} | netproof page > page.html"
    add = parser.add_argument
    add("--from", dest="first", type=_day, metavar="DAY", help="first day of the evidence, such as 2026-05-01")
    add("--to", dest="last", type=_day, metavar="DAY", help="last day of the evidence")
    add("--cluster", default="", metavar="NAME", help="the name of the cluster, for the title")


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    from reporter.page import page  # noqa: PLC0415 - other commands do without

    print(page(status.situation(options), _period(options)))
    return 0


def _period(options: argparse.Namespace) -> Period | None:
    from reporter.page import Period  # noqa: PLC0415

    if (options.first is None) != (options.last is None):
        raise UsageError("give both --from and --to, or neither")
    if options.first and options.last < options.first:
        raise UsageError("--to is before --from")
    return Period(options.first, options.last) if options.first else None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2026-05-01") from None

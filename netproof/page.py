"""Write the results of all Jobs as an HTML page; with --from and --to, as evidence for auditors."""

import argparse
from datetime import date

from netproof import status
from netproof.arguments import Add, Options, UsageError
from reporter.page import Period, page


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day such as 2026-05-01") from None


def add_arguments(add: Add) -> None:
    """Add the arguments of the command."""
    status.add_arguments(add)
    add("--from", dest="first", type=_day, metavar="DAY", help="first day of the evidence, such as 2026-05-01")
    add("--to", dest="last", type=_day, metavar="DAY", help="last day of the evidence")
    add("--cluster", default="", metavar="NAME", help="the name of the cluster, for the title")


def run(options: Options) -> None:
    """Run the command."""
    if (options.first is None) != (options.last is None):
        raise UsageError("give both --from and --to, or neither")
    if options.first and options.last < options.first:
        raise UsageError("--to is before --from")
    period = Period(options.first, options.last) if options.first else None
    print(page(status.situation(options), period), flush=True)

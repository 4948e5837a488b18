"""Write the results of all Jobs as an HTML page; with --from and --to, as evidence for auditors."""

from datetime import date

from netproof import status
from netproof.arguments import Add, Options, UsageError
from reporter.page import Period, page


def add_arguments(add: Add) -> None:
    """Add the arguments of the command."""
    status.add_arguments(add)
    add("--from", dest="first", metavar="DAY", help="first day of the evidence, such as 2026-05-01")
    add("--to", dest="last", metavar="DAY", help="last day of the evidence")
    add("--cluster", default="", metavar="NAME", help="the name of the cluster, for the title")


def run(options: Options) -> None:
    """Run the command."""
    try:
        days = [date.fromisoformat(each) for each in (options.first, options.last) if each is not None]
    except ValueError:
        raise UsageError("--from and --to must be days such as 2026-05-01") from None
    if len(days) == 1:
        raise UsageError("give both --from and --to, or neither")
    if days != sorted(days):
        raise UsageError("--to is before --from")
    print(page(status.situation(options), Period(*days) if days else None), flush=True)

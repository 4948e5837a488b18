"""`netproof coverage`: find policies whose removal no check of the values would detect."""

from collections.abc import Iterator

import yaml

from netproof.arguments import Add, Options, path
from netproof.suggest import add_objects, load, reading_values
from planner.checks import Checks
from planner.coverage import Coverage, coverage
from planner.values import read_values

_BELOW = 1  # exit code
_WORDS = {True: "noticed", False: "MISSED", None: "no effect"}


def add_arguments(add: Add) -> None:
    """Add the arguments of the command."""
    add("values", type=path, metavar="VALUES", help="file with values of the chart")
    add_objects(add)
    add("--fail-under", type=float, default=0, metavar="PERCENT", help="exit with 1 if less than this is noticed")


def run(options: Options) -> int:
    """Run the command and return its exit code."""
    with reading_values(options.values) as text:
        places = read_values(yaml.safe_load(text) or {}, options.namespace)
    found = coverage(Checks(load(options), places))
    print(*_lines(found), sep="\n")
    return _BELOW if found.percent < options.fail_under else 0


def _lines(found: Coverage) -> Iterator[str]:
    yield from (f"{_WORDS[noticed]:10} {part}" for part, noticed in found.parts.items())
    lists = {"No vantage for": found.workloads, "No check probes": found.services, "Not in the input": found.unknown}
    yield from (f"{what}: {', '.join(names)}." for what, names in lists.items() if names)
    counted = [noticed for noticed in found.parts.values() if noticed is not None]
    yield f"coverage: {found.percent:.0f} % ({sum(counted)} of {len(counted)} policies and rules)"

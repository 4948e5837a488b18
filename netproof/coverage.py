"""Find policies whose removal no check would detect."""

import yaml

from netproof.arguments import Add, Options, path, reading
from netproof.suggest import NO_VALUES, add_objects, load
from netproof.text import text
from planner.checks import Checks
from planner.coverage import coverage
from planner.values import read_values

_BELOW = 1  # exit code


def add_arguments(add: Add) -> None:
    """Add the arguments of the command."""
    add("values", type=path, metavar="VALUES", help="file with values of the chart")
    add_objects(add)
    add("--fail-under", type=float, default=0, metavar="PERCENT", help="exit with 1 if the coverage is lower")


def run(options: Options) -> int:
    """Run the command and return its exit code."""
    with reading(options.values, NO_VALUES) as values:
        places = read_values(yaml.safe_load(values) or {}, options.namespace)
    found = coverage(Checks(load(options), places))
    print(text("coverage.j2", coverage=found))
    return _BELOW if found.percent < options.fail_under else 0

"""`netproof coverage`: the policies whose removal no check of the values would detect."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import yaml

from netproof.suggest import add_objects, load, reading_values
from planner.checks import Checks, read_values
from planner.coverage import Coverage, coverage

BELOW = 1


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("values", type=Path, metavar="VALUES", help="file with values of the chart")
    add_objects(parser)
    parser.add_argument("--fail-under", type=float, default=0, metavar="PERCENT", help="exit with 1 if less is noticed")


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    with reading_values(options.values):
        values = yaml.safe_load(options.values.read_bytes()) or {}
        places = list(read_values(values, options.namespace))
    found = coverage(Checks(load(options), places))
    print(*_lines(found), sep="\n")
    return BELOW if found.percent < options.fail_under else 0


def _lines(found: Coverage) -> Iterator[str]:
    words = {True: "noticed", False: "MISSED", None: "no effect"}
    for part in found.parts:
        yield f"{words[part.noticed]:10} {part.policy} {part.rule}".rstrip()
    for what, names in (
        ("No vantage for", found.workloads),
        ("No check probes", found.services),
        ("Not in the input", found.unknown),
    ):
        if names:
            yield f"{what}: {', '.join(names)}."
    counted = [part.noticed for part in found.parts if part.noticed is not None]
    yield f"coverage: {found.percent:.0f} % ({sum(counted)} of {len(counted)} policies and rules)"

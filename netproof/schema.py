"""`netproof schema`: print the JSON Schema of netproof.yaml, or of the report."""

import argparse
import json

from netproof.arguments import notify_shape


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("--report", action="store_true", help="print the schema of the report instead")


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    if options.report:
        from checker.report import schema  # noqa: PLC0415

        print(json.dumps(schema(), indent=2))
        return 0
    from checker.schema import published  # noqa: PLC0415

    print(json.dumps(published(notify_shape()), indent=2))
    return 0

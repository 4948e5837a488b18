"""`netproof schema`: print the JSON Schema of netproof.yaml, or of the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import checker
from netproof.arguments import notify_shape

if TYPE_CHECKING:
    import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("--report", action="store_true", help="of the report document instead")


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    if options.report:
        print(Path(checker.__file__).with_name("report.schema.json").read_text(encoding="utf-8").rstrip())
        return 0
    from checker.schema import published  # noqa: PLC0415

    print(json.dumps(published(notify_shape()), indent=2))
    return 0

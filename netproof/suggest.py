"""`netproof suggest`: values of the chart, from what `kubectl get -o json` or manifests say."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from netproof.arguments import UsageError
from planner.objects import Objects, read
from planner.reachability import Inventory, pairs
from planner.suggestion import suggest
from planner.values import table, to_json, write

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_objects(parser)
    add = parser.add_argument
    add("--output", choices=("values", "table", "json"), default="values", help="values, or who may reach what")
    add("--max-denials", type=int, default=20, metavar="N", help="denials of a vantage, those first that prove most")
    add("--merge", type=Path, metavar="FILE", help="values to keep; what is new, gone or contradicted is marked")


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    inventory = load(options)
    print(write(suggest(inventory, options.max_denials)), end="")
    return 0


def add_objects(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what to read."""
    add = parser.add_argument
    add("objects", nargs="*", type=Path, metavar="PATH", help="JSON or YAML, a file or a folder (default: standard input)")
    add("--ignore-kind", action="append", default=[], metavar="KIND", help="a kind of policy that does not matter (repeatable)")
    add("--skip-unreadable", action="store_true", help="go on without what cannot be read")


def load(options: argparse.Namespace) -> Inventory:
    """Read the objects."""
    objects = read(_files(options.objects))
    inventory = Inventory(objects, options.ignore_kind)
    for each in (mistakes := objects.mistakes + inventory.mistakes):
        print(each, file=sys.stderr)
    return inventory


def _files(paths: list[Path]) -> Iterator[tuple[str, bytes]]:
    if not paths:
        yield "standard input", sys.stdin.buffer.read()
    for path in paths:
        files = [each for each in sorted(path.rglob("*")) if each.suffix in (".json", ".yaml", ".yml")] if path.is_dir() else [path]
        for file in files:
            yield str(file), file.read_bytes()

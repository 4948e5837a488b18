"""`netproof suggest`: values of the chart, from what `kubectl get -o json` or manifests say."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from checker.words import harmless
from netproof.arguments import InputError, count
from planner.objects import read
from planner.reachability import Inventory, Pair, pairs
from planner.suggestion import Suggestion, suggest
from planner.values import write


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_objects(parser)
    add = parser.add_argument
    add(
        "--output",
        choices=("values", "table", "json"),
        default="values",
        help="values, or a list of who may reach what",
    )
    add(
        "--max-denials", type=count, default=20, metavar="N", help="largest number of denials of a vantage (default 20)"
    )
    add("--merge", type=Path, metavar="FILE", help="your values: they are kept, and differences are marked")


def run(options: argparse.Namespace) -> int:
    """Run the command and return its exit code."""
    inventory = load(options)
    if options.output == "table":
        sys.stdout.writelines(f"{line}\n" for line in _table(pairs(inventory)))
    elif options.output == "json":
        lines = (json.dumps(_document(each)) for each in pairs(inventory))
        print("[", next(lines, ""), sep="\n", end="")
        sys.stdout.writelines(f",\n{line}" for line in lines)
        print("\n]")
    else:
        suggestion = suggest(inventory, options.max_denials)
        if not suggestion.vantages:
            raise InputError(["there is nothing to suggest: no NetworkPolicy keeps a pod from a Service"])
        print(_merged(options, suggestion, inventory) if options.merge else write(suggestion), end="")
    return 0


def _merged(options: argparse.Namespace, suggestion: Suggestion, inventory: Inventory) -> str:
    from planner.merge import merge_into  # noqa: PLC0415 - ruamel.yaml is slow to import

    with reading_values(options.merge):
        return merge_into(options.merge.read_text(encoding="utf-8"), suggestion, inventory, options.namespace)


@contextmanager
def reading_values(file: Path) -> Iterator[None]:
    """Turn what is wrong with values of the chart into an InputError that names the file."""
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    try:
        yield
    except OSError as error:
        raise InputError([f"{file}: {error.strerror}"]) from error
    except (yaml.YAMLError, YAMLError, AttributeError, TypeError, ValueError) as error:
        what = " ".join(str(error).split())
        raise InputError([f"{file}: these are not values of the chart: {what}"]) from error


def add_objects(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say what is read."""
    add = parser.add_argument
    text = "JSON or YAML, files or folders (default: standard input)"
    add("objects", nargs="*", type=Path, metavar="PATH", help=text)
    add("--ignore-kind", action="append", default=[], metavar="KIND", help="kind of policy to ignore (repeatable)")
    add("--skip-unreadable", action="store_true", help="ignore what cannot be read")
    add("--namespace", default="default", metavar="NAME", help="namespace of vantages that set none (default: default)")


def load(options: argparse.Namespace) -> Inventory:
    """Read the objects. Raises InputError with everything that cannot be read, unless that is to be skipped."""
    objects = read(_files(options.objects))
    inventory = Inventory(objects, options.ignore_kind)
    problems = [*objects.mistakes, *inventory.mistakes]
    if not inventory.policies and not problems:
        problems = ["there is no NetworkPolicy in the input"]
    if problems and not (options.skip_unreadable and inventory.policies):
        raise InputError(problems)
    for each in problems:
        print(f"netproof: warning: {harmless(each)}", file=sys.stderr)
    return inventory


def _files(paths: list[Path]) -> Iterator[tuple[str, bytes]]:
    if not paths:
        yield "standard input", sys.stdin.buffer.read()
    for path in paths:
        inside = sorted(each for each in path.rglob("*") if each.suffix in (".json", ".yaml", ".yml"))
        for file in inside if path.is_dir() else [path]:
            try:
                yield str(file), file.read_bytes()
            except OSError as error:
                raise InputError([f"{file}: {error.strerror}"]) from error


def _document(pair: Pair) -> dict[str, object]:
    sender, receiver = pair.sender, pair.receiver
    place = {"namespace": receiver.namespace, "workload": receiver.name, "service": pair.service}
    return {
        "from": {"namespace": sender.namespace, "workload": sender.name, "labels": sender.labels},
        "to": {**place, "protocol": pair.protocol, "port": pair.port},
        "allowed": pair.allowed,
        "policies": list(pair.policies),
    }


def _table(found: Iterable[Pair]) -> Iterator[str]:
    """Lay out the pairs that policies decide; of the others there are many, and all are open."""
    rows, open_ = [("FROM", "TO", "PORT", "ALLOWED", "BY")], 0
    for each in found:
        open_ += not each.policies
        if each.policies:
            sender, receiver = (f"{one.namespace}/{one.name}" for one in (each.sender, each.receiver))
            allowed = each.allowed if isinstance(each.allowed, str) else ("no", "yes")[each.allowed]
            rows.append((sender, receiver, f"{each.port}/{each.protocol}", allowed, ", ".join(each.policies)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
    yield f"{open_} more pairs are open: no policy decides them."

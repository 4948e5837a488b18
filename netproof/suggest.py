"""`netproof suggest`: suggest values of the chart, from the output of `kubectl get -o json` or from manifests."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from checker.words import harmless
from netproof.arguments import FILE, NUMBER, PATHS, REPEATABLE, Add, InputError, Options, content
from netproof.console import table
from planner.inventory import Inventory
from planner.objects import read
from planner.pairs import Pair, pairs
from planner.suggestion import suggest
from planner.values import write

_OUTPUT = "values, or a list of which pods may reach which Services"
_HEAD = ("FROM", "TO", "PORT", "ALLOWED", "BY")


def add_objects(add: Add) -> None:
    """Add the arguments that name Kubernetes objects."""
    add("objects", **PATHS, help="JSON or YAML, files or folders (default: standard input)")
    add("--ignore-kind", **REPEATABLE, metavar="KIND", help="kind of policy to ignore (repeatable)")
    add("--skip-unreadable", action="store_true", help="ignore what cannot be read")
    add("--namespace", default="default", metavar="NAME", help="namespace of vantages that set none (default: default)")


def add_arguments(add: Add) -> None:
    """Add the arguments of the command."""
    add_objects(add)
    add("--output", choices=("values", "table", "json"), default="values", help=_OUTPUT)
    add("--max-denials", **NUMBER, default=20, help="largest number of denials of a vantage (default 20)")
    add("--merge", **FILE, help="your values: they are kept, and differences are marked")


def run(options: Options) -> None:
    """Run the command."""
    inventory = load(options)
    if options.output == "table":
        print(*_table(pairs(inventory)), sep="\n")
    elif options.output == "json":
        lines = (json.dumps(_document(each)) for each in pairs(inventory))
        print("[", next(lines, ""), sep="\n", end="")
        sys.stdout.writelines(f",\n{line}" for line in lines)
        print("\n]", flush=True)
    else:
        print(_values(inventory, options), end="", flush=True)


def load(options: Options) -> Inventory:
    """Read the objects. Raises InputError for all that cannot be read, unless --skip-unreadable is set."""
    objects = read(_files(options.objects))
    inventory = Inventory(objects, options.ignore_kind)
    problems = [*objects.mistakes, *inventory.mistakes]
    if not inventory.policies and not problems:
        problems = ["there is no NetworkPolicy in the input"]
    if problems and not (options.skip_unreadable and inventory.policies):
        raise InputError(*problems)
    for each in problems:
        print(f"netproof: warning: {harmless(each)}", file=sys.stderr)
    return inventory


@contextmanager
def reading_values(file: Path) -> Iterator[str]:
    """Yield the text of a file with values. An error while they are read becomes an InputError that names the file."""
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415 - slow to import

    try:
        yield content(file).decode()
    except (yaml.YAMLError, YAMLError, AttributeError, TypeError, ValueError) as error:
        what = " ".join(str(error).split())
        raise InputError(f"{file}: these are not values of the chart: {what}") from error


def _files(paths: list[Path]) -> Iterator[tuple[str, bytes]]:
    if not paths:
        yield "standard input", content(None)
    for each in paths:
        inside = sorted(file for file in each.rglob("*") if file.suffix in (".json", ".yaml", ".yml"))
        for file in inside if each.is_dir() else [each]:
            yield str(file), content(file)


def _values(inventory: Inventory, options: Options) -> str:
    suggestion = suggest(inventory, options.max_denials)
    if not suggestion.vantages:
        raise InputError("there is nothing to suggest: no NetworkPolicy blocks a pod from a Service")
    if not options.merge:
        return write(suggestion)
    from planner.merge import merge_into  # noqa: PLC0415 - slow to import

    with reading_values(options.merge) as text:
        return merge_into(text, suggestion, inventory, options.namespace)


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
    """Return a table of the pairs that policies decide. All other pairs are open; they are only counted."""
    rows, others = [_HEAD], 0
    for each in found:
        if not each.policies:
            others += 1
            continue
        sender, receiver = (f"{one.namespace}/{one.name}" for one in (each.sender, each.receiver))
        allowed = each.allowed if isinstance(each.allowed, str) else ("no", "yes")[each.allowed]
        rows.append((sender, receiver, f"{each.port}/{each.protocol}", allowed, ", ".join(each.policies)))
    yield from table(rows)
    yield f"{others} more pairs are open: no policy selects them."

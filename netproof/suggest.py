"""Suggest lists for the chart, from the policies, pods and Services of a cluster or of manifests."""

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from checker.words import harmless
from netproof.arguments import FILE, NUMBER, PATHS, REPEATABLE, Add, InputError, Options, reading
from planner import objects, pairs, suggestion
from planner.inventory import Inventory, Workload

NO_VALUES = "these are not values of the chart: {}"
_OUTPUT = "values; or which workloads may reach which ports, as a table or as JSON"


def add_objects(add: Add) -> None:
    """Add the arguments that name Kubernetes objects."""
    add("objects", **PATHS, help="JSON or YAML, files or folders (default: standard input)")
    add("--ignore-kind", **REPEATABLE, metavar="KIND", help="kind of policy to ignore (repeatable)")
    add("--skip-unreadable", action="store_true", help="ignore what cannot be read")
    add("--namespace", default="default", metavar="NAME", help="namespace of vantages without one (default: default)")


def add_arguments(add: Add) -> None:
    """Add the arguments of the command."""
    add_objects(add)
    add("--output", choices=("values", "table", "json"), default="values", help=_OUTPUT)
    add("--max-denials", **NUMBER, default=20, help="largest number of denials of a vantage (default 20)")
    add("--merge", **FILE, help="your values: they are kept, and differences are marked")


def run(options: Options) -> None:
    """Run the command."""
    make = {"values": _values, "table": _table, "json": _json}[options.output]
    sys.stdout.writelines(make(load(options), options))  # not as one text: there may be a million pairs
    sys.stdout.flush()


def load(options: Options) -> Inventory:
    """Read the objects. Raises InputError for all that cannot be read, unless --skip-unreadable is set."""
    found = objects.read(_files(options.objects or [None]))
    inventory = Inventory(found, options.ignore_kind)
    problems = [*found.mistakes, *inventory.mistakes]
    if not inventory.policies and not problems:
        problems = ["there is no NetworkPolicy in the input"]
    if problems and not (options.skip_unreadable and inventory.policies):
        raise InputError(*problems)
    for each in problems:
        print(f"netproof: warning: {harmless(each)}", file=sys.stderr)
    return inventory


def _files(paths: Iterable[Path | None]) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        if path and path.is_dir():
            yield from _files(sorted(file for file in path.rglob("*") if file.suffix in (".json", ".yaml", ".yml")))
        else:
            with reading(path) as content:
                yield str(path or "standard input"), content


def _values(inventory: Inventory, options: Options) -> Iterator[str]:
    suggested = suggestion.Suggestion(inventory, options.max_denials)
    if not suggested.vantages:
        raise InputError("there is nothing to suggest: no NetworkPolicy blocks a pod from a Service")
    if options.merge:
        from planner.merge import merge_into  # noqa: PLC0415 - slow to import

        with reading(options.merge, NO_VALUES) as content:
            yield merge_into(content.decode(), suggested, inventory, options.namespace)
    else:
        yield suggestion.write(suggested)


def _json(inventory: Inventory, _: Options) -> Iterator[str]:
    separator = "["
    for pair in pairs.pairs(inventory):
        sender, receiver = pair.sender, pair.receiver
        place = {"namespace": receiver.namespace, "workload": receiver.name, "service": pair.service}
        document = {
            "from": {"namespace": sender.namespace, "workload": sender.name, "labels": sender.labels},
            "to": {**place, "protocol": pair.protocol, "port": pair.port},
            "allowed": pair.allowed,
            "policies": pair.policies,
        }
        yield f"{separator}\n{json.dumps(document)}"
        separator = ","
    yield "\n]\n"


def _table(inventory: Inventory, _: Options) -> Iterator[str]:
    """Yield the lines of a table of the pairs that policies decide. All other pairs are open; they are only counted."""
    width = max((len(_name(each)) for each in inventory.workloads.values()), default=0)
    line = f"{{:{width}}}  {{:{width}}}  {{:10}}  {{:7}}  {{}}".format
    yield line("FROM", "TO", "PORT", "ALLOWED", "BY") + "\n"
    others = 0
    for each in pairs.pairs(inventory):
        if each.policies:
            allowed = {True: "yes", False: "no", "partly": "partly"}[each.allowed]
            port = f"{each.port}/{each.protocol}"
            text = line(_name(each.sender), _name(each.receiver), port, allowed, ", ".join(each.policies))
            yield harmless(text) + "\n"
        else:
            others += 1
    yield f"{others} more pairs are open: no policy selects them.\n"


def _name(workload: Workload) -> str:
    return f"{workload.namespace}/{workload.name}"

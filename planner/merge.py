"""A suggestion merged into values that a person has edited: their words stay, and what is new or wrong is marked."""

import io
import re
from copy import deepcopy
from itertools import chain
from typing import Any

from ruamel.yaml import YAML

from planner.checks import Checks
from planner.inventory import Inventory
from planner.values import Suggestion, lists, read_values, same_target, write

_MARK = "suggest:"


def merge_into(text: str, suggestion: Suggestion, inventory: Inventory, namespace: str) -> str:
    """Add what is new, mark what is new, gone or contradicted, and keep everything else."""
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 10_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    kept = yaml.load(re.sub(rf"^ *# {_MARK}.*\n", "", text, flags=re.MULTILINE)) or yaml.map()
    kept.fa.set_block_style()
    if all(each is None for each in (kept.get("vantages") or {}).values()):
        own = {key: kept.pop(key) for key in ("podLabels", "isolated", "targets") if key in kept}
        if own:  # of the only vantage: beside others, it needs a name
            _block(_block(kept, "vantages", yaml.map()), "netproof", yaml.map()).update(own)
    fresh = YAML(typ="safe").load(write(suggestion))
    known = [each for each in read_values(kept, namespace) if each.name != "control"]
    vantages = _block(kept, "vantages", yaml.map())
    for vantage in suggestion.vantages:
        new, space = fresh["vantages"][vantage.name], vantage.origin.namespace
        name = next((each.name for each in known if each.origin[:2] == vantage.origin[:2]), vantage.name)
        if vantages.get(name) is None:
            shared = dict.fromkeys(kept.get("podLabels") or ())  # null removes what it would have from all vantages
            vantages[name] = {**new, "podLabels": {**shared, **new["podLabels"]}}
            _mark(vantages, name, "new", 2)
            continue
        own, shared = vantages[name], kept.get("targets") or {}
        checked = [entry for each in known if each.name == name for entry in (*each.allow, *each.deny)]
        listed = {same_target(each.target, space) for each in chain(checked, *lists("targets", own).values())}
        for key, entries in lists("targets", new).items():
            if key == "allow" and own.get("isolated", kept.get("isolated")):
                continue
            for each, written in zip(entries, new["targets"][key], strict=True):
                if same_target(each.target, space) not in listed:
                    targets = _block(_block(vantages, name, yaml.map()), "targets", yaml.map())
                    inherited = () if key in targets else deepcopy(shared.get(key) or ())
                    wanted = _block(targets, key, yaml.seq(inherited))
                    wanted.append(written)
                    _mark(wanted, len(wanted) - 1, "new", 8)
    if "control" not in kept and "control" in fresh:
        kept["control"] = fresh["control"]
        _mark(kept, "control", "new", 0)
    _mark_wrong(kept, Checks(inventory, read_values(kept, namespace)))
    out = io.StringIO()
    yaml.dump(kept, out)
    return out.getvalue()


def _mark_wrong(values: Any, checks: Checks) -> None:
    """Mark entries that name nothing, and those that the policies contradict."""
    for check in checks.all:
        wrong = check.to and checks.sees(check) == {"allow": "shut", "deny": "open"}[check.list]
        if check.vantage.name == "control" or (check.to and not wrong):
            continue
        what = "contradicted: policies say otherwise" if wrong else "gone: no such Service or port"
        vantage = (values.get("vantages") or {}).get(check.vantage.name) or values
        for index, each in enumerate(lists("targets", vantage)[check.list]):
            if each.target == check.text:
                for parent in (values["vantages"], vantage, vantage["targets"]):
                    parent.fa.set_block_style()  # a comment within braces may get lost
                _mark(vantage["targets"][check.list], index, what, 8)


def _block(parent: Any, key: str, empty: Any) -> Any:
    """Return what is under a key, in block style. It may be missing, null, or in flow style."""
    if not parent.get(key):
        parent[key] = empty
    parent[key].fa.set_block_style()
    return parent[key]


def _mark(parent: Any, key: Any, what: str, indent: int) -> None:
    """Put a comment before an entry, which takes a line of its own."""
    parent.fa.set_block_style()
    parent.yaml_set_comment_before_after_key(key, before=f"{_MARK} {what}", indent=indent)
